"""Removal of what changed rows leave behind in SQLite's files."""

import sqlite3
from collections.abc import Callable

from semaphore_twisted.model.limits import FREE_PAGES, VACUUM_PAGES
from semaphore_twisted.persistence.engine import Connection

#: The value of ``PRAGMA auto_vacuum``.
_INCREMENTAL = 2

#: Seconds between two tries while others use the store.
PAUSE = 0.2


def scrub(
    conn: Connection, *, pause: Callable[[float], None], attempts: int = 10
) -> bool:
    """Rewrite the store without old pages; tell whether none is left.

    Free pages and the write-ahead log keep former contents of rows, even with
    ``secure_delete``; ``VACUUM`` and a truncating checkpoint drop them. A reader
    that holds an old snapshot prevents the truncation, which SQLite reports in its
    answer and not by an error, so it is tried again. Outside a transaction only.
    """
    try:
        conn.raw.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return False
        raise
    (timeout,) = conn.raw.execute("PRAGMA busy_timeout").fetchone()
    conn.raw.execute("PRAGMA busy_timeout=0")  # the pauses are ours
    try:
        for attempt in range(attempts):
            if attempt:
                pause(PAUSE)
            if _truncated(conn):
                return True
        return False
    finally:
        conn.raw.execute(f"PRAGMA busy_timeout={int(timeout)}")


def give_back(conn: Connection) -> bool:
    """Give some free pages of the file back to the disk; tell whether there are more.

    Some are kept for what is written next. A file that a former version made has to be
    compacted once before.
    """
    (mode,) = conn.raw.execute("PRAGMA auto_vacuum").fetchone()
    (free,) = conn.raw.execute("PRAGMA freelist_count").fetchone()
    if mode != _INCREMENTAL or free < FREE_PAGES + VACUUM_PAGES:
        return False
    conn.raw.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
    return True


def compact(conn: Connection) -> None:
    """Write the file anew without free pages, so that it can shrink by itself later.

    Outside a transaction, while no other process uses the store.

    :raises semaphore_twisted.model.errors.Unavailable: if the machine is in the way
    """
    with conn.faults():
        conn.raw.execute("PRAGMA auto_vacuum=INCREMENTAL")
        conn.raw.execute("VACUUM")
        conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _truncated(conn: Connection) -> bool:
    """Move the log into the file and empty it; tell whether that could be done."""
    try:
        busy, _, _ = conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return False
        raise
    return not busy


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
