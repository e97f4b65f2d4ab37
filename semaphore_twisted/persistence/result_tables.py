"""The tables of what jobs report beside their output.

Their rows are deleted with the task. A number counts within the task. They have no
``AUTOINCREMENT`` and few columns, since a run has thousands of rows.
"""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from semaphore_twisted.persistence.metadata import TABLES


def _task() -> Column[int]:
    return Column(
        "task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), primary_key=True
    )


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(
        name, Integer, nullable=nullable, server_default=None if nullable else "0"
    )


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


#: The stages of a task; *reason* is the sentence of the stage that failed.
task_stage = Table(
    "task__stage",
    TABLES,
    _task(),
    Column("id", Integer, primary_key=True),
    _text("type"),
    _text("start"),
    _text("end", nullable=True),
    _number("start_output_id"),
    _number("end_output_id", nullable=True),
    Column("result", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

#: The run of Ansible in a task: its plays, its current play and task (ids of sections),
#: the numbers of its hosts and errors, and reports that were dropped.
task_run = Table(
    "task__run",
    TABLES,
    _task(),
    *map(_number, ("plays", "play", "play_section", "section")),
    *map(_number, ("hosts", "errors", "dropped")),
    sqlite_with_rowid=False,
)

_COUNTERS = ("ok", "changed", "failed", "skipped", "unreachable", "ignored")

#: Plays, tasks and handlers, in the order of the log.
task_section = Table(
    "task__section",
    TABLES,
    _task(),
    Column("id", Integer, primary_key=True),
    _text("type"),
    _text("name"),
    _number("play", nullable=True),
    _text("start"),
    _text("end", nullable=True),
    _number("line"),
    *map(_number, _COUNTERS),
    sqlite_with_rowid=False,
)

#: The counters of each host; *line* is that of its first error that was not ignored,
#: and *error* the id of the last one.
task_host = Table(
    "task__host",
    TABLES,
    _task(),
    Column("id", Integer, primary_key=True),
    _text("host"),
    *map(_number, (*_COUNTERS, "rescued")),
    _number("line", nullable=True),
    _number("error", nullable=True),
    UniqueConstraint("task_id", "host"),
    sqlite_with_rowid=False,
)

#: Tasks that failed on a host.
task_error = Table(
    "task__error",
    TABLES,
    _task(),
    Column("id", Integer, primary_key=True),
    _number("section"),
    _text("host"),
    _text("kind"),
    _number("ignored"),
    _text("error"),
    _number("line"),
    sqlite_with_rowid=False,
)

#: The approval that a task waits for, or has waited for: the token that the job
#: accepts, and when it gives up.
task_approval = Table(
    "task__approval",
    TABLES,
    _task(),
    _text("token"),
    _text("until"),
    sqlite_with_rowid=False,
)

#: The plan of a Terraform task: *summary* is a ``PlanSummary`` as JSON, which has no
#: sensitive values. *approved* is NULL until somebody decides; the name of who did
#: stays when the account is deleted.
task_plan = Table(
    "task__plan",
    TABLES,
    _task(),
    _text("summary"),
    _number("approved", nullable=True),
    Column(
        "user_id",
        Integer,
        ForeignKey("user.id", ondelete="SET NULL"),
        nullable=True,
        index=True,
    ),
    Column("user_name", Text, nullable=False, server_default=""),
    _text("decided", nullable=True),
    Column("comment", Text, nullable=False, server_default=""),
)
