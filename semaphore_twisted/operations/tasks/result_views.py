"""What users see of a task's results: stages, hosts, errors, and why it failed."""

import re
from collections.abc import Sequence

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.failure_lines import FailureRank, cause_line, said
from semaphore_twisted.model.ids import InventoryId, TaskId
from semaphore_twisted.model.results import (
    HostError,
    HostResult,
    LastHostResult,
    LogSection,
    TaskFailure,
    TaskInventory,
    TaskStage,
    TaskSummary,
)
from semaphore_twisted.model.tasks import OutputLine, Task, TaskStatus
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.projects import inventories
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks import output, results
from semaphore_twisted.operations.tasks.tasks import task_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.tasks import results as statements

#: Lines at the end and at the begin of a stage in which its error is sought.
_LAST, _FIRST = 250, 200
#: Newest runs with an inventory in which the last results of its hosts are sought, and
#: newest tasks of the project among which these are.
_RUNS, _SOUGHT = 100, 2_000
#: Characters of a line in a sentence.
_LONGEST = 300
#: Words that Ansible puts in front of an error; they do not tell more.
_OPENINGS = re.compile(
    r"^(?:Task failed: )?(?:Failed to connect to the host via ssh: )?(?:ssh: )?"
)


class _FailedStage(TaskStage, frozen=True, kw_only=True):
    """A stage as it is stored."""

    reason: str = ""


class _Dropped(msgspec.Struct, frozen=True):
    dropped: int = 0


class _UsedInventory(msgspec.Struct, frozen=True):
    recorded: InventoryId | None = None
    inventory_id: InventoryId | None = None


def stages(conn: Connection, actor: Actor, task_id: TaskId) -> list[TaskStage]:
    """Return the stages of a task, in order."""
    _task(conn, actor, task_id)
    return conn.all(statements.stages, TaskStage, task_id=task_id)


def host_ids(conn: Connection, actor: Actor, *, task_id: TaskId) -> list[int]:
    """Return the ids of the hosts of a task, in the order of their first result."""
    _task(conn, actor, task_id)
    return conn.column(statements.host_ids, task_id=task_id)


def hosts(
    conn: Connection, actor: Actor, ids: Sequence[int], *, task_id: TaskId
) -> tuple[list[HostResult], int]:
    """Return the hosts of the first *ids*, and how many ids were read."""
    _task(conn, actor, task_id)
    return conn.batch(
        statements.host, HostResult, ids, size=limits.BATCH, task_id=task_id
    )


def last_of_hosts(
    conn: Connection, actor: Actor, inventory_id: InventoryId
) -> list[LastHostResult]:
    """Return the last result of each host in the newest runs with an inventory.

    :raises NotFound: if the project has no such inventory
    """
    _ = inventories.get(conn, actor, inventory_id)
    return conn.all(
        statements.last_of_hosts,
        LastHostResult,
        project_id=project_of(actor),
        inventory_id=inventory_id,
        sought=_SOUGHT,
        count=_RUNS,
        most=limits.RESULT_HOSTS,
    )


def inventory(conn: Connection, actor: Actor, task_id: TaskId) -> TaskInventory:
    """Return the inventory of a task's run, which is known since the task was created.

    :raises NotFound: if the project has no such task
    """
    _task(conn, actor, task_id)
    row = conn.one(statements.used_inventory, _UsedInventory, task_id=task_id)
    found = row or _UsedInventory()
    return TaskInventory(
        inventory_id=found.inventory_id, recorded=found.recorded is not None
    )


def error_ids(conn: Connection, actor: Actor, *, task_id: TaskId) -> list[int]:
    """Return the ids of the errors of a task, in the order of the log."""
    _task(conn, actor, task_id)
    return conn.column(statements.error_ids, task_id=task_id)


def errors(
    conn: Connection, actor: Actor, ids: Sequence[int], *, task_id: TaskId
) -> tuple[list[HostError], int]:
    """Return the errors of the first *ids*, and how many ids were read."""
    _task(conn, actor, task_id)
    return conn.batch(
        statements.error, HostError, ids, size=limits.BATCH, task_id=task_id
    )


def section_ids(conn: Connection, actor: Actor, *, task_id: TaskId) -> list[int]:
    """Return the ids of the plays and tasks of a run, in the order of the log."""
    _task(conn, actor, task_id)
    return conn.column(statements.section_ids, task_id=task_id)


def sections(
    conn: Connection, actor: Actor, ids: Sequence[int], *, task_id: TaskId
) -> tuple[list[LogSection], int]:
    """Return the plays and tasks of the first *ids*, and how many ids were read."""
    _task(conn, actor, task_id)
    return conn.batch(
        statements.section, LogSection, ids, size=limits.BATCH, task_id=task_id
    )


def summary(conn: Connection, actor: Actor, task_id: TaskId) -> TaskSummary:
    """Return the progress of a task's run, and the cause of its failure."""
    task = _task(conn, actor, task_id)
    run = conn.one(statements.run, _Dropped, task_id=task_id) or _Dropped()
    return TaskSummary(
        progress=results.progress(conn, task_id),
        failure=_failure(conn, task) if task.status is TaskStatus.ERROR else None,
        dropped_reports=run.dropped,
    )


def _task(conn: Connection, actor: Actor, task_id: TaskId) -> Task:
    return task_of(conn, project_of(actor), task_id)


def _failure(conn: Connection, task: Task) -> TaskFailure | None:
    """Return why *task* failed, if that is known."""
    found = conn.all(statements.stages, _FailedStage, task_id=task.id)
    stage = next((each for each in found if each.result == "error"), None)
    error = conn.one(statements.first_fatal, HostError, task_id=task.id)
    if error is not None and (stage is None or stage.type == "playbook"):
        count = conn.scalar(statements.failed_hosts, task_id=task.id)
        return TaskFailure(
            sentence=_sentence(error, count - 1),
            stage="playbook",
            host=error.host,
            task=error.task,
            line=error.line,
        )
    return None if stage is None else _of_stage(conn, stage)


def _sentence(error: HostError, others: int) -> str:
    """Return a sentence about *error*, which *others* more hosts share or follow."""
    what = "is unreachable" if error.kind == "unreachable" else f"failed: {error.task}"
    more = (
        f" (and {others} more {'host' if others == 1 else 'hosts'})" if others else ""
    )
    return f"{error.host} {what}: {_OPENINGS.sub('', error.error)}{more}"


def _of_stage(conn: Connection, stage: _FailedStage) -> TaskFailure:
    """Return why a stage failed: its reason, and the error that its program names."""
    first, last = stage.start_output_id, stage.end_output_id
    line = None if first is None else _error_line(conn, stage, first, last or first)
    sentence = stage.reason or "The task failed"
    if line is not None and stage.type != "checkout":
        words = said(output.without_ansi(line.output))
        sentence = f"{words[:_LONGEST]} ({sentence})"
    return TaskFailure(
        sentence=sentence,
        stage=stage.type,
        line=last if line is None else line.id,
    )


def _error_line(
    conn: Connection, stage: _FailedStage, first: int, last: int
) -> OutputLine | None:
    """Return the line that tells most: of the last lines of a stage, else the first."""
    task_id, above = stage.task_id, max(first - 1, last - _LAST)
    ends = output.last_lines(conn, task_id, last=last, above=above)
    begins = output.page(conn, task_id, above=first - 1, limit=_FIRST)
    found: list[tuple[FailureRank, OutputLine]] = []
    for lines in (ends, [line for line in begins if line.id <= last]):
        cause = cause_line([output.without_ansi(line.output) for line in lines])
        if cause is not None:
            found.append((cause[1], lines[cause[0]]))
    return min(found, key=lambda each: each[0], default=(None, None))[1]
