"""Everything that is in a database, as text."""

import sqlite3
from contextlib import closing


def dump(raw: sqlite3.Connection) -> list[str]:
    """Return the statements that make the tables of *raw* and their rows.

    The text index of tasks is left out: it has no copy of the texts, so it cannot be
    read as a table.
    """
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(raw.serialize())
        copy.execute("DROP TABLE task__texts")
        return list(copy.iterdump())
