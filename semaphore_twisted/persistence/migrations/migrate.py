"""Migrates a database to this program's schema, completely or not at all.

All steps run in one transaction that begins with ``BEGIN IMMEDIATE``: alembic's default
for SQLite, and the driver's own BEGIN, would leave partly created tables behind.
Foreign keys are off during the migration (this can only be set before a transaction),
because copying a table with them on deletes the dependent rows by cascade. They are
checked before the commit.

Importing alembic costs memory and a third of a second, so the check for pending steps
does not use it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import column as named_column
from sqlalchemy import create_engine, event, select
from sqlalchemy import table as named_table
from sqlalchemy.engine import Connection as SqlConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from semaphore_twisted.model.errors import DomainError, Unavailable
from semaphore_twisted.persistence.faults import fault

_FOLDER = Path(__file__).parent

#: The directory of the numbered files.
VERSIONS = _FOLDER / "versions"

#: Seconds to wait for another process that holds the lock.
_TIMEOUT = 10.0

_version = str(
    select(named_column("version_num")).select_from(named_table("alembic_version"))
)


class NewerStore(DomainError):
    """The database was made by a newer version or by another program."""


class MigrationFailed(DomainError):
    """A step failed; the database is unchanged."""


def pending(path: Path, *, versions: Path = VERSIONS) -> list[str]:
    """Return the names of the pending steps for the database at *path*, in order.

    :raises NewerStore: if this program does not know the database's version.
    """
    return _after(_present(path), versions)


def is_empty(path: Path) -> bool:
    """Return whether the file at *path* has no table; an unreadable one counts as used.

    The file is not changed.
    """
    try:
        return _present(path) is None
    except (NewerStore, Unavailable):
        return False


def migrate(
    path: Path,
    now: Callable[[], datetime],
    *,
    versions: Path = VERSIONS,
    watch: Callable[[str], None] | None = None,
) -> None:
    """Run the pending steps on the database at *path*; create it if it is missing.

    Before an upgrade the database is copied to ``PATH.before-STEP``. *watch* receives
    each statement before it is executed. *now* supplies the time to steps that store
    one.

    :raises NewerStore: if this program does not know the database's version.
    :raises MigrationFailed: if a step failed; the database is unchanged.
    """
    present = _present(path)
    steps = _after(present, versions)
    if not steps:
        return
    path.touch(mode=0o600)
    if present is not None:
        _copy(path, path.with_name(f"{path.name}.before-{steps[0]}"))
    try:
        _run(path, now, versions, watch)
    except (DBAPIError, sqlite3.Error) as error:
        cause = getattr(error, "orig", error)
        found = fault(cause, path) if isinstance(cause, sqlite3.Error) else None
        if found is not None:
            raise found from error
        raise MigrationFailed(_reason(error)) from error


def _present(path: Path) -> str | None:
    """Return the version of the database at *path*; ``None`` if empty or missing.

    :raises NewerStore: if the file was made by another program.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(path, timeout=_TIMEOUT)) as raw:
            # A file whose first migration was killed may have a header and no table.
            if not raw.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                return None
            row = raw.execute(_version).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            unavailable = fault(error, path)
            raise unavailable or NewerStore(f"{path}: {error}") from error
        row = None
    except sqlite3.DatabaseError as error:
        raise NewerStore(f"{path}: {error}") from error
    if row is None:
        raise NewerStore(f"{path}: this is not a database of Semaphore in Twisted")
    return str(row[0])


def _after(present: str | None, versions: Path) -> list[str]:
    known = sorted(file.stem for file in versions.glob("[0-9]*.py"))
    if present is None:
        return known
    for index, name in enumerate(known):
        if name.partition("_")[0] == present:
            return known[index + 1 :]
    newest = known[-1].partition("_")[0]
    raise NewerStore(
        f"The database has version {present}, newer than this program, which knows"
        f" {newest} at most: install the newer program again, or restore the copy"
        " that was made before the upgrade"
    )


def _copy(path: Path, target: Path) -> None:
    """Make a consistent copy of the database, completely or not at all.

    :raises Unavailable: if the disk has no space for it
    """
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            source.backup(copy)
        unfinished.replace(target)
    except BaseException as error:
        for end in ("", "-journal"):
            unfinished.with_name(unfinished.name + end).unlink(missing_ok=True)
        found = fault(error, path) if isinstance(error, sqlite3.Error) else None
        if found is None:
            raise
        raise found from error


def _run(
    path: Path,
    now: Callable[[], datetime],
    versions: Path,
    watch: Callable[[str], None] | None,
) -> None:
    command: Any = import_module("alembic.command")
    config: Any = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=_TIMEOUT)) as raw:
        raw.execute("PRAGMA foreign_keys=OFF")
        # effective for a new file only; one with tables needs ``semaphore compact``
        raw.execute("PRAGMA auto_vacuum=INCREMENTAL")
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)

        @event.listens_for(engine, "begin")
        def begin(connection: SqlConnection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        @event.listens_for(engine, "before_cursor_execute")
        def show(_c: object, _u: object, statement: str, *_rest: object) -> None:
            if watch is not None:
                watch(statement)

        with engine.connect() as connection, connection.begin():
            config.attributes["connection"] = connection
            config.attributes["now"] = now
            command.upgrade(config, "head")
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                tables = ", ".join(sorted({str(row[0]) for row in broken}))
                raise MigrationFailed(
                    f"The upgrade would leave dangling references in: {tables};"
                    " the database is as it was"
                )


def _reason(error: Exception) -> str:
    statement = ""
    if isinstance(error, DBAPIError) and error.statement:
        statement = f" at: {' '.join(error.statement.split())}"
    cause = getattr(error, "orig", None) or error
    return f"The database could not be upgraded ({cause}){statement}; it is as it was"
