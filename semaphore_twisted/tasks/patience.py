"""How long the queue waits after a start for which the machine lacked something."""

from collections import defaultdict

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from semaphore_twisted.log_on_change import LogOnChange
from semaphore_twisted.model.ids import TaskId

#: Seconds until the next start: at first and at most.
FIRST, LONGEST = 2.0, 60.0


@define(eq=False)
class Patience:
    """Grows with each start that failed, and ends with a job, which gives back."""

    _clock: IReactorTime
    _pause: float = field(default=FIRST, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _reasons: defaultdict[TaskId, LogOnChange] = field(
        factory=lambda: defaultdict(LogOnChange), init=False
    )

    def failed(self, task_id: TaskId, why: str) -> bool:
        """Wait for longer; tell whether the task's log does not say *why* yet."""
        now = self._clock.seconds()
        if self._until <= now:  # several starts of one moment count once
            self._until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST)
        return self._reasons[task_id].set(why)

    def started(self, task_id: TaskId) -> None:
        """Forget a task that has been started."""
        self._reasons.pop(task_id, None)
        self._pause = FIRST

    def ended(self) -> None:
        """Let the next task start at once: a job has ended."""
        self._until = float("-inf")

    @property
    def left(self) -> float:
        """Seconds until a task may start."""
        return max(0.0, self._until - self._clock.seconds())
