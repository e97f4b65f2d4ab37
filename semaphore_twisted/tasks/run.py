"""The state of a running task in the task service."""

from datetime import UTC, datetime

from attrs import define

from semaphore_twisted.interfaces import IJob
from semaphore_twisted.model.ids import (
    InventoryId,
    KeyId,
    ProjectId,
    TaskId,
    TemplateId,
)
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.tasks import Task, TaskEnd
from semaphore_twisted.tasks.background import FIRST_PAUSE
from semaphore_twisted.tasks.output import OutputLog


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
    #: the inventory that its job receives
    inventory_id: InventoryId | None = None
    #: whether a stop was requested, and whether it is forced
    stop: bool = False
    kill: bool = False
    ending: bool = False
    #: seconds to wait before attaching to the job again
    pause: float = FIRST_PAUSE
    #: number of consecutive refusals because of a full disk, and the offset of the
    #: first
    refused: int = 0
    refused_at: int = 0

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


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
