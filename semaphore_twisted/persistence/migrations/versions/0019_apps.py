"""Settings of apps, and custom apps."""

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "app",
        Column("id", Text, primary_key=True),
        Column("active", Integer, nullable=True),
        Column("priority", Integer, nullable=True),
        Column("title", Text, nullable=True),
        Column("icon", Text, nullable=True),
        Column("color", Text, nullable=True),
        Column("dark_color", Text, nullable=True),
        Column("path", Text, nullable=True),
        Column("args", Text, nullable=True),
        sqlite_with_rowid=False,
    )
