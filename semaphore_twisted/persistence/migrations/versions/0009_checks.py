"""The last checks of inventories and repositories."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0009"
down_revision = "0008"

_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = :name")
_KEEP = text("INSERT INTO sqlite_sequence VALUES (:name, :last)")


def upgrade() -> None:
    """Add the column to both tables, empty for objects that exist already."""
    for name in ("project__inventory", "project__repository"):
        # the copy must not give numbers of deleted objects again
        last = op.get_bind().scalar(_LAST, {"name": name})
        with op.batch_alter_table(
            name, recreate="always", table_kwargs={"sqlite_autoincrement": True}
        ) as batch:
            batch.add_column(Column("checked", Text, nullable=True))
        if last is not None:
            op.execute(_FORGET.bindparams(name=name))
            op.execute(_KEEP.bindparams(name=name, last=last))
