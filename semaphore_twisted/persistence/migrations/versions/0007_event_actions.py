"""What an event says about its object, for programs."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column, empty for events that exist already."""
    with op.batch_alter_table("event", recreate="always") as batch:
        batch.add_column(Column("action", Text, nullable=False, server_default=""))
