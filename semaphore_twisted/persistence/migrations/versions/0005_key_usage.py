"""The public half of SSH keys, and when keys were changed and last used."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0005"
down_revision = "0004"

_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = 'access_key'")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = 'access_key'")
_KEEP = text("INSERT INTO sqlite_sequence VALUES ('access_key', :last)")


def upgrade() -> None:
    """Add the columns, empty for keys that exist already."""
    # the copy must not give numbers of deleted keys again
    last = op.get_bind().scalar(_LAST)
    with op.batch_alter_table(
        "access_key", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        for name in ("public_key", "changed", "last_used"):
            batch.add_column(Column(name, Text, nullable=True))
    if last is not None:
        op.execute(_FORGET)
        op.execute(_KEEP.bindparams(last=last))
