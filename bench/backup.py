"""A backup of a large database: idle, and beside the writes of a busy server.

``python -m bench.backup`` makes a database of 350 MB in a temporary folder, copies it
as ``semaphore backup`` does, and copies it again while another process commits 20 lines
of a log and 10 other changes a second.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from semaphore_twisted.cli.backup import copy
from semaphore_twisted.persistence.engine import connect, utc_now
from semaphore_twisted.persistence.migrations.migrate import migrate

_BYTES = 350 << 20
_PART = 64_000
_COMMITS = 30


def main() -> None:
    """Measure both, and print one row."""
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as name:
        folder = Path(name)
        database = folder / "semaphore.db"
        _make(database)
        idle = min(_seconds(database, folder / f"idle-{each}") for each in range(3))
        with subprocess.Popen(
            [sys.executable, "-m", "bench.backup", str(database)]
        ) as writer:
            time.sleep(1)
            busy = max(_seconds(database, folder / f"busy-{each}") for each in range(3))
            writer.terminate()
        size = database.stat().st_size >> 20
        print(
            f"| {size} MB: idle {idle:.1f} s, beside {_COMMITS} commits/s {busy:.1f} s;"
            f" ratio {busy / idle:.2f} | ≤ 1.5 |"
        )


def _make(database: Path) -> None:
    migrate(database, utc_now)
    conn = connect(database, now=utc_now, entropy=os.urandom)
    conn.raw.execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, content BLOB)")
    with conn.transaction(write=True):
        for _ in range(_BYTES // _PART):
            content = os.urandom(_PART)
            conn.raw.execute("INSERT INTO bench (content) VALUES (?)", (content,))
    conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    conn.close()


def _seconds(database: Path, target: Path) -> float:
    begun = time.monotonic()
    copy(database, target)
    seconds = time.monotonic() - begun
    target.unlink()
    return seconds


def _write(database: Path) -> None:
    conn = connect(database, now=utc_now, entropy=os.urandom)
    while True:
        with conn.transaction(write=True):
            content = os.urandom(200)
            conn.raw.execute("INSERT INTO bench (content) VALUES (?)", (content,))
        time.sleep(1 / _COMMITS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _write(Path(sys.argv[1]))
    else:
        main()
