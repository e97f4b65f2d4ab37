"""What jobs report beside their output: stages, and the results of Ansible."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, Text, UniqueConstraint

revision = "0010"
down_revision = "0009"

_COUNTERS = ("ok", "changed", "failed", "skipped", "unreachable", "ignored")


def upgrade() -> None:
    """Make the tables."""
    _table(
        "task__stage",
        _id(),
        _text("type"),
        _text("start"),
        _text("end", nullable=True),
        _number("start_output_id"),
        _number("end_output_id", nullable=True),
        Column("result", Text, nullable=False, server_default=""),
        Column("reason", Text, nullable=False, server_default=""),
    )
    _table(
        "task__run",
        *map(_number, ("plays", "play", "play_section", "section")),
        *map(_number, ("hosts", "errors", "dropped")),
    )
    _table(
        "task__section",
        _id(),
        _text("type"),
        _text("name"),
        _number("play", nullable=True),
        _text("start"),
        _text("end", nullable=True),
        _number("line"),
        *map(_number, _COUNTERS),
    )
    _table(
        "task__host",
        _id(),
        _text("host"),
        *map(_number, (*_COUNTERS, "rescued")),
        _number("line", nullable=True),
        _number("error", nullable=True),
        UniqueConstraint("task_id", "host", name="uq_task__host_task_id_host"),
    )
    _table(
        "task__error",
        _id(),
        _number("section"),
        _text("host"),
        _text("kind"),
        _number("ignored"),
        _text("error"),
        _number("line"),
    )


def _table(name: str, *columns: Column[int] | Column[str] | UniqueConstraint) -> None:
    """Make a table whose rows belong to a task."""
    owner = ForeignKey("task.id", name=f"fk_{name}_task_id", ondelete="CASCADE")
    task = Column("task_id", Integer, owner, primary_key=True)
    op.create_table(name, task, *columns, sqlite_with_rowid=False)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(
        name, Integer, nullable=nullable, server_default=None if nullable else "0"
    )


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)
