"""The table of what users have set for themselves."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from semaphore_twisted.persistence.metadata import TABLES

#: Settings of the page, by user; the server does not use them.
user_option = Table(
    "user__option",
    TABLES,
    Column(
        "user_id", Integer, ForeignKey("user.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
