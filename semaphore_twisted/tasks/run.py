"""The state of a running task in the task service."""

import time
from datetime import UTC, datetime

from attrs import define

from semaphore_twisted.interfaces import IJob
from semaphore_twisted.model.ids import (
    KeyId,
    ProjectId,
    TaskId,
    TemplateId,
)
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.tasks import Task, TaskEnd, TaskEvent
from semaphore_twisted.tasks.background import FIRST_PAUSE
from semaphore_twisted.tasks.output import OutputLog

_EVENTS = {
    "success": TaskEvent.SUCCEEDED,
    "error": TaskEvent.FAILED,
    "stopped": TaskEvent.STOPPED,
}


@define(eq=False)
class Run:
    """A task between its claim and its end."""

    task_id: TaskId
    project_id: ProjectId
    template_id: TemplateId
    #: the directory name of its job
    job_name: str
    log: OutputLog | None = None
    job: IJob | None = None
    #: the access keys that its job receives
    keys: frozenset[KeyId] = frozenset()
    #: whether a stop was requested, and whether it is forced
    stop: bool = False
    kill: bool = False
    #: the decision about its approval, as an order for its job
    decision: str = ""
    ending: bool = False
    #: seconds to wait before attaching to the job again
    pause: float = FIRST_PAUSE
    #: number of consecutive refusals because of a full disk, and the offset of the
    #: first
    refused: int = 0
    refused_at: int = 0

    def forward(self) -> None:
        """Pass a requested stop, or a decision, on to the job."""
        if self.job is None:
            return
        if self.kill:
            self.job.kill()
        elif self.stop:
            self.job.stop()
        elif self.decision:
            self.job.decide(self.decision)

    def release(self, offset: int) -> None:
        """Let the spool release the space of stored output."""
        if self.job is not None:
            self.job.release(offset)


def new_run(task: Task, job_name: str) -> Run:
    """Return the state of *task* before its job starts."""
    return Run(task.id, task.project_id, task.template_id, job_name)


def end_of(result: JobResult) -> TaskEnd:
    """Return how the job with *result* ended."""
    return TaskEnd(
        began=_moment(result.started),
        ended=_moment(result.ended),
        step=result.step,
        reason=result.reason,
    )


def event_of(result: JobResult) -> TaskEvent:
    """Return what the end of the job with *result* means for its task."""
    return _EVENTS[result.status]


def was_interrupted(result: JobResult) -> bool:
    """Return whether the job ended without a result of its supervisor."""
    return result.reason.startswith("interrupted")


def interruption() -> list[tuple[float, str]]:
    """Return the last line of the log of a job that has vanished."""
    text = "Interrupted: the job's supervisor is gone, and its result with it"
    return [(time.time(), text)]


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
