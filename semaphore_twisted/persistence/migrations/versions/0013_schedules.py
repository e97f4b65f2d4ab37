"""Schedules, and the due times that were dealt with."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, Text, UniqueConstraint

revision = "0013"
down_revision = "0012"

_TABLE = "project__schedule"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        _TABLE,
        Column("id", Integer, primary_key=True, autoincrement=True),
        _text("uuid"),
        _reference("project_id", "project.id"),
        _reference("template_id", "project__template.id"),
        _reference("repository_id", "project__repository.id", nullable=True),
        _text("name", default=""),
        _text("cron_format", default=""),
        _text("timezone", default=""),
        _number("active"),
        _text("type", default=""),
        _text("run_at", nullable=True),
        _number("delete_after_run"),
        _text("catch_up", default="none"),
        _text("overrun", default="queue"),
        _text("task_params", nullable=True),
        _text("secret", nullable=True),
        _text("last_commit_hash", nullable=True),
        _text("next_run", nullable=True),
        UniqueConstraint("uuid", name=f"uq_{_TABLE}_uuid"),
        sqlite_autoincrement=True,
    )
    for name in ("project_id", "template_id", "repository_id", "next_run"):
        op.create_index(f"ix_{_TABLE}_{name}", _TABLE, [name])
    op.create_table(
        f"{_TABLE}_run",
        Column(
            "schedule_id",
            Integer,
            ForeignKey(
                f"{_TABLE}.id", name=f"fk_{_TABLE}_run_schedule_id", ondelete="CASCADE"
            ),
            primary_key=True,
        ),
        Column("due", Text, primary_key=True),
        _text("time"),
        _text("outcome"),
        _text("reason", default=""),
        Column("task_id", Integer, nullable=True),
        sqlite_with_rowid=False,
    )


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    on_delete = "RESTRICT" if nullable else "CASCADE"
    key = ForeignKey(target, name=f"fk_{_TABLE}_{name}", ondelete=on_delete)
    return Column(name, Integer, key, nullable=nullable)


def _text(
    name: str, *, nullable: bool = False, default: str | None = None
) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=default)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")
