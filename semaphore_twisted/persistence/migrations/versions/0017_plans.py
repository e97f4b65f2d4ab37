"""Plans of Terraform tasks, and the decisions about them."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, Text

revision = "0017"
down_revision = "0016"

_PLANS = "task__plan"


def upgrade() -> None:
    """Make the table; no task has a plan before."""
    op.create_table(
        _PLANS,
        Column(
            "task_id",
            Integer,
            ForeignKey("task.id", name=f"fk_{_PLANS}_task_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        Column("summary", Text, nullable=False),
        Column("approved", Integer, nullable=True),
        Column(
            "user_id",
            Integer,
            ForeignKey("user.id", name=f"fk_{_PLANS}_user_id", ondelete="SET NULL"),
            nullable=True,
        ),
        Column("user_name", Text, nullable=False, server_default=""),
        Column("decided", Text, nullable=True),
        Column("comment", Text, nullable=False, server_default=""),
    )
    op.create_index(f"ix_{_PLANS}_user_id", _PLANS, ["user_id"])
