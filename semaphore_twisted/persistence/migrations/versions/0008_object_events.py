"""An index for the events about an object."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Index events by their object."""
    columns = ["object_type", "object_id"]
    op.create_index("ix_event_object_type_object_id", "event", columns)
