"""The life cycle of a task: its statuses and transitions."""

from datetime import datetime
from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.model.ids import (
    InventoryId,
    ProjectId,
    TaskId,
    TemplateId,
    UserId,
)
from semaphore_twisted.model.reprs import redacted


class TaskStatus(StrEnum):
    """Statuses of a task; Semaphore's web page fails on any other value."""

    WAITING = "waiting"
    STARTING = "starting"
    WAITING_CONFIRMATION = "waiting_confirmation"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SUCCESS = "success"
    ERROR = "error"

    @property
    def final(self) -> bool:
        """Whether the task has ended."""
        return self in FINAL


FINAL = frozenset({TaskStatus.STOPPED, TaskStatus.SUCCESS, TaskStatus.ERROR})


class TaskEvent(StrEnum):
    """Events that change the status of a task."""

    CLAIMED = "claimed"
    STARTED = "started"
    PLANNED = "planned"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RESUMED = "resumed"
    STOP_ASKED = "stop asked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


_S, _H = TaskStatus, TaskEvent
_ENDS = {
    _H.SUCCEEDED: _S.SUCCESS,
    _H.FAILED: _S.ERROR,
    _H.STOPPED: _S.STOPPED,
    _H.STOP_ASKED: _S.STOPPING,
}
_MOVES: dict[TaskStatus, dict[TaskEvent, TaskStatus]] = {
    _S.WAITING: {
        _H.CLAIMED: _S.STARTING,
        _H.FAILED: _S.ERROR,
        _H.STOP_ASKED: _S.STOPPED,
        _H.STOPPED: _S.STOPPED,
    },
    _S.STARTING: {**_ENDS, _H.STARTED: _S.RUNNING},
    _S.RUNNING: {**_ENDS, _H.PLANNED: _S.WAITING_CONFIRMATION},
    _S.WAITING_CONFIRMATION: {
        **_ENDS,
        _H.CONFIRMED: _S.CONFIRMED,
        _H.REJECTED: _S.REJECTED,
    },
    _S.CONFIRMED: {**_ENDS, _H.RESUMED: _S.RUNNING},
    _S.REJECTED: {**_ENDS},
    _S.STOPPING: {**_ENDS},
    _S.STOPPED: {},
    _S.SUCCESS: {},
    _S.ERROR: {},
}


class IllegalTransition(Conflict):
    """The task's status does not permit the event."""

    sentence = "The task's status does not allow this"


def advance(status: TaskStatus, happening: TaskEvent) -> TaskStatus:
    """Return the status after *happening*.

    :raises IllegalTransition: if the transition is not in the table; a final status
        has none.
    """
    try:
        return _MOVES[status][happening]
    except KeyError:
        raise IllegalTransition(
            f"A task that is {status} cannot be {happening}"
        ) from None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task, as the API shows it; *secret* never contains a value."""

    id: TaskId
    template_id: TemplateId
    project_id: ProjectId
    status: TaskStatus
    debug: bool = False
    dry_run: bool = False
    diff: bool = False
    playbook: str = ""
    environment: str = ""
    limit: str = ""
    secret: str = ""
    arguments: str | None = None
    git_branch: str | None = None
    user_id: UserId | None = None
    integration_id: int | None = None
    schedule_id: int | None = None
    created: datetime
    start: datetime | None = None
    end: datetime | None = None
    message: str = ""
    commit_hash: str | None = None
    commit_message: str = ""
    build_task_id: TaskId | None = None
    version: str | None = None
    inventory_id: InventoryId | None = None
    params: JsonObject = {}
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "id", "project_id", "status")


class TaskInList(Task, frozen=True, kw_only=True):
    """A task in a list, with the additional columns of a list.

    *destroys* and *plans_only* tell whether its ``params``, or those of its template as
    it is now, have ``destroy`` or ``plan``. *rejected_by* is the name of the person who
    rejected its plan, after which it ends as an error.
    """

    tpl_playbook: str = ""
    tpl_alias: str = ""
    tpl_type: str = ""
    tpl_app: str = ""
    user_name: str | None = None
    destroys: bool = False
    plans_only: bool = False
    rejected_by: str = ""
    build_task: Task | None = None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A task that is queued or active, with the properties needed for scheduling.

    *parallel* tells whether its template permits several tasks at a time;
    *project_limit* is the project's ``max_parallel_tasks``, 0 for no limit. Tasks with
    the same *workspace* run one after another; ``None`` is no workspace. An *idle* task
    waits for an approval, and no program of it runs.
    """

    id: TaskId
    project_id: ProjectId
    template_id: TemplateId
    parallel: bool = False
    project_limit: int = 0
    workspace: int | None = None
    idle: bool = False


class ActiveTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that has not ended, in a list of all projects.

    *location* is ``queue`` or ``running``, *username* the login name of the user who
    started it; ``None`` if no user did.
    """

    task_id: TaskId
    project_id: ProjectId
    template_id: TemplateId
    username: str | None
    status: TaskStatus
    location: str
    project_name: str
    template_name: str
    created: datetime
    start: datetime | None


class TaskEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How the job of a task ended: its times, and the step that failed with the reason.

    *began* and *ended* are ``None`` for a job that did not begin.
    """

    began: datetime | None = None
    ended: datetime | None = None
    step: str = ""
    reason: str = ""


NO_JOB = TaskEnd()


class OutputLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a task's log; *id* is its number within the task, from 1."""

    id: int
    task_id: TaskId
    task: str = ""
    time: datetime
    output: str
