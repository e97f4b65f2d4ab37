"""A task between its claim and its end, as the service knows it."""

from attrs import define

from semaphore_twisted.interfaces import IJob
from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.tasks.background import FIRST_PAUSE
from semaphore_twisted.tasks.output import OutputLog


@define(eq=False)
class Run:
    """A task between its claim and its end."""

    task_id: TaskId
    project_id: ProjectId
    template_id: TemplateId
    #: what the folders of its job are called
    place: str
    log: OutputLog | None = None
    job: IJob | None = None
    #: whether an end was asked for, and whether at once
    stop: bool = False
    kill: bool = False
    ending: bool = False
    #: seconds to wait before the job is attached to again
    pause: float = FIRST_PAUSE
    #: how often the store had no room for the log in a row, and at which offset
    refused: int = 0
    refused_at: int = 0

    def release(self, offset: int) -> None:
        """Have the spool give back what is stored."""
        if self.job is not None:
            self.job.release(offset)


def new_run(task: Task, place: str) -> Run:
    """Return what is known of *task* before its job starts."""
    return Run(task.id, task.project_id, task.template_id, place)
