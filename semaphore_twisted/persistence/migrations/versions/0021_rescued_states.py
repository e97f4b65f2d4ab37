"""Versions of a state that were rescued from a task."""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the mark; no version has it yet."""
    op.add_column(
        "project__terraform_inventory_state",
        Column("rescued", Integer, nullable=False, server_default="0"),
    )
