"""What a job reports beside its output, and how the API shows it.

Reports come from the job, so each is decoded strictly and within limits. Their numbers
are counters of the job; lines and times are the server's.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import InventoryId, ProjectId, TaskId, TemplateId
from semaphore_twisted.model.plans import PlanSummary
from semaphore_twisted.model.reprs import redacted

_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31)]
_Number: TypeAlias = Annotated[int, Meta(ge=1, le=limits.RESULT_SECTIONS)]
_Name: TypeAlias = Annotated[str, Meta(max_length=limits.RESULT_NAME)]
_Text: TypeAlias = Annotated[str, Meta(max_length=limits.RESULT_TEXT)]
_Host: TypeAlias = Annotated[str, Meta(min_length=1, max_length=limits.RESULT_NAME)]

# Events of a job: a step that begins, and the reports of the plugin


class StepBegun(msgspec.Struct, frozen=True):
    """A step of the job begins."""

    name: str


class RunBegun(msgspec.Struct, frozen=True, tag="start"):
    """Ansible begins a playbook with *plays* plays."""

    plays: _Count


class PlayBegun(msgspec.Struct, frozen=True, tag="play"):
    """A play begins, or the next batch of hosts of a serial play.

    *number* counts plays and tasks together, *play* only different plays.
    """

    number: _Number
    name: _Name
    play: _Number


class TaskBegun(msgspec.Struct, frozen=True, tag="task"):
    """A task begins."""

    number: _Number
    name: _Name


class HandlerBegun(msgspec.Struct, frozen=True, tag="handler"):
    """A handler begins."""

    number: _Number
    name: _Name


class TaskDone(msgspec.Struct, frozen=True, tag="done"):
    """The counters of a task that has ended."""

    number: _Number
    ok: _Count
    changed: _Count
    failed: _Count
    skipped: _Count
    unreachable: _Count
    ignored: _Count


class HostsCounted(msgspec.Struct, frozen=True, tag="hosts"):
    """The counters of some hosts since the begin of the run.

    A row is the host's name, and the numbers of results that are ok, changed, failed,
    skipped, unreachable, ignored and rescued.
    """

    rows: tuple[
        tuple[_Host, _Count, _Count, _Count, _Count, _Count, _Count, _Count], ...
    ]


class HostFailed(msgspec.Struct, frozen=True, tag="error"):
    """A task has failed on a host; *number* is that of the task."""

    number: _Count
    host: _Host
    kind: Literal["failed", "unreachable"]
    ignored: bool
    message: _Text


class RunEnded(msgspec.Struct, frozen=True, tag="end"):
    """Ansible has ended; *errors* is the number of the plugin's own failures."""

    errors: _Count


class ReportsDropped(msgspec.Struct, frozen=True, tag="dropped"):
    """Reports were malformed or beyond a limit, and were dropped."""

    count: _Count


# Events of a job that plans; they are records of its supervisor


class PlanMade(msgspec.Struct, frozen=True):
    """A plan was made; *document* is its JSON, without sensitive values."""

    document: bytes


class PlanRead(msgspec.Struct, frozen=True):
    """A plan that was made, after its JSON was read."""

    summary: PlanSummary


class ApprovalAsked(msgspec.Struct, frozen=True):
    """The job waits for an approval, until a time in seconds since the epoch."""

    token: str
    until: float

    @override
    def __repr__(self) -> str:
        """Show no token."""
        return redacted(self, "until")


class ApprovalPassed(msgspec.Struct, frozen=True):
    """The job was approved, and continues."""


SectionBegun: TypeAlias = PlayBegun | TaskBegun | HandlerBegun
Report: TypeAlias = (
    RunBegun | SectionBegun | TaskDone | HostsCounted | HostFailed | RunEnded
) | ReportsDropped


PlanEvent: TypeAlias = PlanMade | PlanRead | ApprovalAsked | ApprovalPassed


class JobEvent(msgspec.Struct, frozen=True):
    """An event of a job, and its place in the output.

    *line* is the number of the line to which it belongs, relative to the last line
    before the lines that are delivered together with it: 1 is the first of these.
    *moment* is in seconds since the epoch.
    """

    line: int
    moment: float
    what: StepBegun | Report | PlanEvent


# What the API shows


class TaskStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a task, such as the checkout; *end* is null while it runs.

    The numbers of its first and last line of output are null if it has none.
    """

    id: int
    task_id: TaskId
    type: str
    start: datetime
    end: datetime | None = None
    start_output_id: int | None = None
    end_output_id: int | None = None
    #: ``success``, ``error``, ``stopped``, or empty while it runs
    result: str = ""


class HostResult(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a host in a run; *line* is the line of its first error."""

    task_id: TaskId
    project_id: ProjectId
    host: str
    ok: int
    changed: int
    failed: int
    skipped: int
    unreachable: int
    ignored: int
    rescued: int
    line: int | None = None


class LastHostResult(msgspec.Struct, frozen=True, kw_only=True):
    """The worst result of a host in the last run that reached it.

    *result* is ``failed``, ``unreachable``, ``changed``, ``ok`` or ``skipped``.
    """

    host: str
    result: str
    task_id: TaskId
    template_id: TemplateId
    template: str
    created: datetime


class HostError(msgspec.Struct, frozen=True, kw_only=True):
    """A task that failed on a host, with its reason and its line of the log.

    *fatal* tells whether it made the host fail: it was neither ignored nor rescued.
    """

    id: int
    task_id: TaskId
    project_id: ProjectId
    host: str
    play: str
    task: str
    error: str
    kind: str
    fatal: bool
    line: int


class LogSection(msgspec.Struct, frozen=True, kw_only=True):
    """A play, task or handler of a run, and the line of the log at which it begins.

    *play* is the id of the play of a task. A play has the counters of its tasks; what
    was rescued counts as failed. *result* is the worst of them, or empty while it runs.
    """

    id: int
    type: str
    name: str
    play: int | None = None
    start: datetime
    end: datetime | None = None
    line: int
    ok: int = 0
    changed: int = 0
    failed: int = 0
    skipped: int = 0
    unreachable: int = 0
    ignored: int = 0
    result: str = ""


class RunProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The play and task at which a run is: *play* of *plays* plays."""

    play: int
    plays: int
    play_name: str
    task_name: str


class TaskFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a task failed, as one sentence, and the line of the log to look at."""

    sentence: str
    stage: str
    host: str | None = None
    task: str | None = None
    line: int | None = None


class TaskSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a task's run, and the cause of its failure."""

    progress: RunProgress | None
    failure: TaskFailure | None
    #: reports of the job that were malformed or beyond a limit
    dropped_reports: int


class TaskInventory(msgspec.Struct, frozen=True, kw_only=True):
    """The inventory of a task's run."""

    #: ``None`` for none
    inventory_id: InventoryId | None
    #: whether it is stored with the task; else, for a task of an older release, it is
    #: the task's own one, or that which the template has now
    recorded: bool


#: The stage of a step, by the first word of its name.
_STAGES = {
    "repository": "checkout",
    "inventory": "inventory",
    "requirements": "requirements",
    "playbook": "playbook",
    "script": "script",
    "state": "init",
    "backend": "init",
    "init": "init",
    "workspace": "init",
    "plan": "plan",
    "show": "plan",
    "approval": "approval",
    "apply": "apply",
}
#: The stages that run the app; steps after one of them clean up.
MAIN_STAGES = frozenset({"playbook", "script", "plan", "approval", "apply"})
#: The stage of a task that failed before its job began.
PREPARATION = "preparation"


def stage_of(step: str, before: Collection[str]) -> str:
    """Return the stage of *step*, which begins after the stages *before*."""
    stage = _STAGES.get(step.split(" ", 1)[0], "cleanup")
    if stage in MAIN_STAGES or MAIN_STAGES.isdisjoint(before):
        return stage
    return "cleanup"
