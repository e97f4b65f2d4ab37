"""Delays further starts of tasks while the machine lacks a resource."""

from collections import defaultdict

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from semaphore_twisted.common.log_on_change import LogOnChange
from semaphore_twisted.model.ids import TaskId

#: Seconds until the next start is attempted: initially and at most.
FIRST, LONGEST = 2.0, 60.0


@define(eq=False)
class RetryDelay:
    """The delay of further starts, which doubles with each failed start.

    A successful start resets it. The end of a job releases resources, so the next start
    need not wait.
    """

    _clock: IReactorTime
    _pause: float = field(default=FIRST, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _reasons: defaultdict[TaskId, LogOnChange] = field(
        factory=lambda: defaultdict(LogOnChange), init=False
    )

    def failed(self, task_id: TaskId, why: str) -> bool:
        """Increase the delay; return whether *why* is new for this task."""
        now = self._clock.seconds()
        if self._until <= now:  # several starts at the same time count once
            self._until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST)
        return self._reasons[task_id].set(why)

    def started(self, task_id: TaskId) -> None:
        """Reset the delay after a successful start."""
        self._reasons.pop(task_id, None)
        self._pause = FIRST

    def ended(self) -> None:
        """Permit the next start immediately: a job has ended."""
        self._until = float("-inf")

    @property
    def left(self) -> float:
        """Seconds until a task may start."""
        return max(0.0, self._until - self._clock.seconds())
