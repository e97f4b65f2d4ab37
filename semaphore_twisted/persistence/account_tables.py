"""The tables of the API tokens of users, and of what users have set for themselves."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from semaphore_twisted.persistence.metadata import TABLES

#: API tokens. The scope is *read_only* and *project_id*; a token for one project is
#: deleted with the project.
user_token = Table(
    "user__token",
    TABLES,
    Column("digest", Text, primary_key=True),
    Column("prefix", Text, nullable=False),  # eight characters, shown in lists
    Column(
        "user_id",
        Integer,
        ForeignKey("user.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("name", Text, nullable=False, server_default=""),
    Column("created", Text, nullable=False),
    Column("expires", Text, nullable=True),
    Column("read_only", Integer, nullable=False, server_default="0"),
    Column(
        "project_id",
        Integer,
        ForeignKey("project.id", ondelete="CASCADE"),
        nullable=True,
        index=True,
    ),
)

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
