"""Groups, scripts and limits of templates; settings of views; options of users."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, Text, text

revision = "0015"
down_revision = "0014"

_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = :name")
_KEEP = text("INSERT INTO sqlite_sequence VALUES (:name, :last)")

_GROUPS = "project__template_environment"


def upgrade() -> None:
    """Make the table, and add the columns; what exists keeps its meaning."""
    op.create_table(
        _GROUPS,
        Column(
            "template_id",
            Integer,
            ForeignKey(
                "project__template.id",
                name=f"fk_{_GROUPS}_template_id",
                ondelete="CASCADE",
            ),
            primary_key=True,
        ),
        Column("position", Integer, primary_key=True),
        Column(
            "environment_id",
            Integer,
            ForeignKey(
                "project__environment.id",
                name=f"fk_{_GROUPS}_environment_id",
                ondelete="RESTRICT",
            ),
            nullable=False,
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{_GROUPS}_environment_id", _GROUPS, ["environment_id"])
    with op.batch_alter_table("project__template_vault", recreate="always") as batch:
        batch.alter_column("vault_key_id", existing_type=Integer, nullable=True)
        batch.add_column(
            Column("type", Text, nullable=False, server_default="password")
        )
        batch.add_column(Column("script", Text, nullable=True))
    _extend(
        "project__view",
        _number("hidden"),
        _number("sort_reverse"),
        _text("type"),
        _text("sort_column"),
    )
    _extend(
        "project__template",
        _number("max_task_duration_sec"),
        _number("max_tasks"),
        _number("max_task_age_days"),
    )
    op.create_table(
        "user__option",
        Column(
            "user_id",
            Integer,
            ForeignKey("user.id", name="fk_user__option_user_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        Column("key", Text, primary_key=True),
        Column("value", Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _extend(table: str, *columns: Column[int] | Column[str]) -> None:
    """Add *columns* to a table that never gives the number of a deleted row again."""
    last = op.get_bind().scalar(_LAST, {"name": table})
    with op.batch_alter_table(
        table, recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        for column in columns:
            batch.add_column(column)
    if last is not None:
        op.execute(_FORGET.bindparams(name=table))
        op.execute(_KEEP.bindparams(name=table, last=last))
