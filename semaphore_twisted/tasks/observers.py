"""Tells everybody who wants to know; none of them can harm a task."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.interfaces import ITaskObserver
from semaphore_twisted.model.ids import ProjectId, TaskId
from semaphore_twisted.model.tasks import OutputLine, Task


@implementer(ITaskObserver)
class Observers:
    """Several observers as one; a failure of one ends in the log."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, observers: Sequence[ITaskObserver] = ()) -> None:
        """Begin with *observers*."""
        self._observers = list(observers)

    def add(self, observer: ITaskObserver) -> None:
        """Tell *observer* too from now on."""
        self._observers.append(observer)

    def task_changed(self, task: Task) -> None:
        """Tell that *task* has a new status."""
        for observer in self._observers:
            self._try(lambda each: each.task_changed(task), observer)

    def output_appended(
        self, project_id: ProjectId, task_id: TaskId, lines: Sequence[OutputLine]
    ) -> None:
        """Tell that *lines* were stored."""
        if not lines:
            return
        for observer in self._observers:
            self._try(
                lambda each: each.output_appended(project_id, task_id, lines), observer
            )

    def _try(
        self, tell: Callable[[ITaskObserver], None], observer: ITaskObserver
    ) -> None:
        try:
            tell(observer)
        except Exception:  # noqa: BLE001 - whatever it is, the task goes on
            self._log.failure("An observer of tasks failed")
