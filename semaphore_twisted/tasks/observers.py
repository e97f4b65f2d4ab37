"""Notifies several observers of tasks; a failing observer does not affect a task."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.interfaces import ITaskObserver
from semaphore_twisted.model.ids import ProjectId, TaskId
from semaphore_twisted.model.results import RunProgress
from semaphore_twisted.model.tasks import OutputLine, Task


@implementer(ITaskObserver)
class Observers:
    """Several observers as one; the failure of one is logged."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, observers: Sequence[ITaskObserver] = ()) -> None:
        """Start with *observers*."""
        self._observers = list(observers)

    def add(self, observer: ITaskObserver) -> None:
        """Notify *observer* as well from now on."""
        self._observers.append(observer)

    def task_changed(self, task: Task) -> None:
        """Notify the observers that *task* has a new status."""
        for observer in self._observers:
            self._try(lambda each: each.task_changed(task), observer)

    def output_appended(
        self, project_id: ProjectId, task_id: TaskId, lines: Sequence[OutputLine]
    ) -> None:
        """Notify the observers that *lines* were stored."""
        if not lines:
            return
        for observer in self._observers:
            self._try(
                lambda each: each.output_appended(project_id, task_id, lines), observer
            )

    def output_begun(self, project_id: ProjectId, line: OutputLine) -> None:
        """Tell every observer the beginning of a task's next line."""
        for observer in self._observers:
            self._try(lambda each: each.output_begun(project_id, line), observer)

    def progress_changed(
        self, project_id: ProjectId, task_id: TaskId, progress: RunProgress
    ) -> None:
        """Tell every observer the play and the task at which a run is."""
        for observer in self._observers:
            self._try(
                lambda each: each.progress_changed(project_id, task_id, progress),
                observer,
            )

    def _try(
        self, tell: Callable[[ITaskObserver], None], observer: ITaskObserver
    ) -> None:
        try:
            tell(observer)
        except Exception:  # noqa: BLE001 - no error of an observer may stop the task
            self._log.failure(
                "{observer} failed at a change of a task",
                observer=type(observer).__name__,
            )
