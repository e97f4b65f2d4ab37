"""The scopes of API tokens; a token that exists keeps the whole scope."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer

revision = "0020"
down_revision = "0019"

_TOKEN = "user__token"  # noqa: S105 - the name of a table


def upgrade() -> None:
    """Add what a token is restricted to; a deleted project deletes its tokens."""
    project = ForeignKey(
        "project.id", name=f"fk_{_TOKEN}_project_id", ondelete="CASCADE"
    )
    with op.batch_alter_table(_TOKEN, recreate="always") as batch:
        batch.add_column(
            Column("read_only", Integer, nullable=False, server_default="0")
        )
        batch.add_column(Column("project_id", Integer, project, nullable=True))
        batch.create_index(f"ix_{_TOKEN}_project_id", ["project_id"])
