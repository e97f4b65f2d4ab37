"""Whether a run or a check used a key last."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0012"
down_revision = "0011"

_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = 'access_key'")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = 'access_key'")
_KEEP = text("INSERT INTO sqlite_sequence VALUES ('access_key', :last)")


def upgrade() -> None:
    """Add the column, empty for keys that exist already."""
    # the copy must not give numbers of deleted keys again
    last = op.get_bind().scalar(_LAST)
    with op.batch_alter_table(
        "access_key", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        batch.add_column(Column("last_used_by", Text, nullable=True))
    if last is not None:
        op.execute(_FORGET)
        op.execute(_KEEP.bindparams(last=last))
