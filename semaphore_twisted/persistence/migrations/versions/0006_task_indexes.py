"""Indexes for statistics and filtered lists of tasks."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Index the tasks of a project by creation, by end and by status."""
    for column in ("created", "end", "status"):
        op.create_index(f"ix_task_project_id_{column}", "task", ["project_id", column])
