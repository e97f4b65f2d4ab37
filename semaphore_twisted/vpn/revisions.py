"""Waits for a revision of the desired state to be applied to the device."""

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds after which waiting ends.
TIMEOUT = 3.0


@define(eq=False)
class _Waiting:
    revision: int
    result: "Deferred[str]" = field(factory=Deferred)
    timer: IDelayedCall | None = None


@define(eq=False)
class Revisions:
    """The revision that the device has, and the Deferreds that wait for later ones."""

    _clock: IReactorTime
    applied: int = -1
    _waiting: list[_Waiting] = field(factory=list)

    def wait(self, revision: int, late: str) -> "Deferred[str]":
        """Fire with an empty text once *revision* is applied, or with a reason.

        After :data:`TIMEOUT` the reason is *late*.
        """
        waiting = _Waiting(revision)
        waiting.timer = self._clock.callLater(TIMEOUT, self._late, waiting, late)
        self._waiting.append(waiting)
        return waiting.result

    def reached(self, revision: int) -> None:
        """Record that the device has *revision*, and fire Deferreds waiting for it."""
        self.applied = revision
        self._tell(revision, "")

    def failed(self, revision: int | None, reason: str) -> None:
        """Fire Deferreds for *revision* or lower with *reason*; ``None`` means all."""
        self._tell(revision, reason)

    def _late(self, waiting: _Waiting, late: str) -> None:
        self._waiting.remove(waiting)
        waiting.result.callback(late)

    def _tell(self, revision: int | None, answer: str) -> None:
        reached = [
            each
            for each in self._waiting
            if revision is None or each.revision <= revision
        ]
        self._waiting = [each for each in self._waiting if each not in reached]
        for each in reached:
            if each.timer is not None:
                each.timer.cancel()
            each.result.callback(answer)
