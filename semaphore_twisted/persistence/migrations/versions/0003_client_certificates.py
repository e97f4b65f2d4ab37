"""Client certificates of repositories."""

from alembic import op
from sqlalchemy import Column, Integer, text

revision = "0003"
down_revision = "0002"

_TABLE, _COLUMN = "project__repository", "client_certificate_id"

_LAST = text(f"SELECT seq FROM sqlite_sequence WHERE name = '{_TABLE}'")  # noqa: S608
_FORGET = text(f"DELETE FROM sqlite_sequence WHERE name = '{_TABLE}'")  # noqa: S608
_KEEP = text(f"INSERT INTO sqlite_sequence VALUES ('{_TABLE}', :last)")  # noqa: S608


def upgrade() -> None:
    """Add the reference from a repository to the key with its client certificate."""
    # the copy must not give numbers of deleted repositories again
    last = op.get_bind().scalar(_LAST)
    with op.batch_alter_table(
        _TABLE, recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        batch.add_column(Column(_COLUMN, Integer, nullable=True))
        batch.create_foreign_key(
            f"fk_{_TABLE}_{_COLUMN}",
            "access_key",
            [_COLUMN],
            ["id"],
            ondelete="RESTRICT",
        )
    if last is not None:
        op.execute(_FORGET)
        op.execute(_KEEP.bindparams(last=last))
    op.create_index(f"ix_{_TABLE}_{_COLUMN}", _TABLE, [_COLUMN])
