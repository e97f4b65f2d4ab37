"""A migrated database as a file: the migrations run once per process, tests copy it."""

import tempfile
from functools import lru_cache
from pathlib import Path

from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.persistence.migrations.migrate import migrate


@lru_cache(maxsize=1)
def _template() -> bytes:
    """Return the content of a new database after all migrations."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "semaphore.db"
        migrate(path, utc_now)
        return path.read_bytes()


def migrated(path: Path) -> None:
    """Create a database at *path* as :func:`migrate` creates a new one.

    The file has a header, all tables and no row of a test; its mode is 0600.
    """
    path.touch(mode=0o600)
    path.write_bytes(_template())
