"""The text index of tasks.

It is made of the other columns, so a later step may replace it; a step that copies the
table ``task`` has to make its triggers again.
"""

from alembic import op

from semaphore_twisted.persistence import task_texts

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the index, and add all stored tasks."""
    for each in (*task_texts.CREATE, task_texts.FILL):
        op.execute(each)
