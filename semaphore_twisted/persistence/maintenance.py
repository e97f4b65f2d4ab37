"""Maintenance of SQLite's files: removal of old contents and of free pages."""

import sqlite3
from collections.abc import Callable

from semaphore_twisted.model.limits import FREE_PAGES, VACUUM_PAGES
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.task_texts import OPTIMIZE

#: The value of ``PRAGMA auto_vacuum`` for incremental vacuum.
_INCREMENTAL = 2

#: Seconds between two attempts while other connections use the database.
PAUSE = 0.2


def scrub(
    conn: Connection, *, pause: Callable[[float], None], attempts: int = 10
) -> bool:
    """Rewrite the file without old pages; return whether this succeeded completely.

    Free pages and the write-ahead log contain former values of rows, even with
    ``secure_delete``; ``VACUUM`` and a truncating checkpoint remove them. A reader with
    an old snapshot prevents the truncation; SQLite reports this in the result and not
    as an error, so the checkpoint is repeated. Must be called outside a transaction.
    """
    try:
        conn.raw.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return False
        raise
    (timeout,) = conn.raw.execute("PRAGMA busy_timeout").fetchone()
    conn.raw.execute("PRAGMA busy_timeout=0")  # pause() waits instead
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
    """Release some free pages to the file system; return whether more can be released.

    Some pages are kept for the next writes. A file made by an old version must be
    compacted once before (:func:`compact`).
    """
    (mode,) = conn.raw.execute("PRAGMA auto_vacuum").fetchone()
    (free,) = conn.raw.execute("PRAGMA freelist_count").fetchone()
    if mode != _INCREMENTAL or free < FREE_PAGES + VACUUM_PAGES:
        return False
    conn.raw.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
    return True


def size(conn: Connection) -> int:
    """Return the size of the database in bytes, without its log."""
    (pages,) = conn.raw.execute("PRAGMA page_count").fetchone()
    (each,) = conn.raw.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(each)


def compact(conn: Connection) -> None:
    """Rewrite the file without free pages, so that incremental vacuum works afterwards.

    Must be called outside a transaction, while no other process uses the database.

    :raises semaphore_twisted.model.errors.Unavailable: if the disk is full, or the file
        is locked or cannot be written
    """
    with conn.faults():
        conn.raw.execute(OPTIMIZE)
        conn.raw.execute("PRAGMA auto_vacuum=INCREMENTAL")
        conn.raw.execute("VACUUM")
        conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _truncated(conn: Connection) -> bool:
    """Truncate the write-ahead log after a checkpoint; return whether this worked."""
    try:
        busy, _, _ = conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return False
        raise
    return not busy


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
