"""Client certificates of repositories."""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0003"
down_revision = "0002"

_TABLE, _COLUMN = "project__repository", "client_certificate_id"


def upgrade() -> None:
    """Let a repository name the key that holds its certificate."""
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
    op.create_index(f"ix_{_TABLE}_{_COLUMN}", _TABLE, [_COLUMN])
