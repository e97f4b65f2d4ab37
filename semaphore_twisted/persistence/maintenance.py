"""Removal of what changed rows leave behind in SQLite's files."""

import sqlite3
from collections.abc import Callable

from semaphore_twisted.persistence.engine import Connection

#: Seconds between two tries while others use the store.
PAUSE = 0.2


def scrub(
    conn: Connection, *, pause: Callable[[float], None], attempts: int = 25
) -> bool:
    """Rewrite the store without old pages; tell whether none is left.

    Free pages and the write-ahead log keep former contents of rows, even with
    ``secure_delete``; ``VACUUM`` and a truncating checkpoint drop them. A reader
    that holds an old snapshot prevents the truncation, which SQLite reports in its
    answer and not by an error, so it is tried again. Outside a transaction only.
    """
    vacuumed = False
    for attempt in range(attempts):
        if attempt:
            pause(PAUSE)
        try:
            if not vacuumed:
                conn.raw.execute("VACUUM")
                vacuumed = True
            row = conn.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in {
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_LOCKED,
            }:
                raise
            continue
        busy, _pages, _moved = row
        if not busy:
            return True
    return False
