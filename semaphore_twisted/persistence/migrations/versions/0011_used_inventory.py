"""The inventories that runs used."""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column, empty for tasks that exist already."""
    op.add_column("task", Column("used_inventory_id", Integer, nullable=True))
