"""The tables of schedules, and of the due times that were dealt with."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from semaphore_twisted.persistence.metadata import TABLES


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    on_delete = "RESTRICT" if nullable else "CASCADE"
    key = ForeignKey(target, ondelete=on_delete)
    return Column(name, Integer, key, nullable=nullable, index=True)


def _text(
    name: str, *, nullable: bool = False, default: str | None = None
) -> Column[str]:
    return Column(name, Text, nullable=nullable, server_default=default)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


#: A schedule. *next_run* is its next due time, NULL if it has none: it is switched off,
#: or has run once. *timezone* is empty for the zone of the installation.
schedule = Table(
    "project__schedule",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", Text, nullable=False, unique=True),
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
    Column("task_params", Text, nullable=True, info={"json": True}),
    #: the values of secret survey variables (JSON)
    Column("secret", Text, nullable=True, info={"sealed": "schedule"}),
    #: the commit that was last seen, a space, and a digest of the URL and the branch
    _text("last_commit_hash", nullable=True),
    _text("next_run", nullable=True),
    Index("ix_project__schedule_next_run", "next_run"),
    sqlite_autoincrement=True,
)

#: A due time of a schedule that was dealt with: at most one row, so at most one task.
schedule_run = Table(
    "project__schedule_run",
    TABLES,
    Column(
        "schedule_id",
        Integer,
        ForeignKey("project__schedule.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("due", Text, primary_key=True),
    _text("time"),
    _text("outcome"),
    _text("reason", default=""),
    #: not a foreign key: the row is kept when the task is deleted
    Column("task_id", Integer, nullable=True),
    sqlite_with_rowid=False,
)
