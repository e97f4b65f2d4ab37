"""The approvals that tasks wait for."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, Text

revision = "0016"
down_revision = "0015"

_APPROVALS = "task__approval"


def upgrade() -> None:
    """Make the table; no task waits for an approval before."""
    op.create_table(
        _APPROVALS,
        Column(
            "task_id",
            Integer,
            ForeignKey("task.id", name=f"fk_{_APPROVALS}_task_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        Column("token", Text, nullable=False),
        Column("until", Text, nullable=False),
        sqlite_with_rowid=False,
    )
