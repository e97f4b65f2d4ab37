"""Fan-out of news to websockets; Semaphore's messages on the wire, and the VPN's.

Invariants, each with a test:

- every ``log`` message of a task is sent before the task's final ``update``;
- a watcher gets a task's lines in order, without a gap and without a repeat;
- a watcher that does not read costs a bounded amount of memory: nothing is queued
  for it, the number of its last line is remembered, and the rest is read from the
  store when it reads again, one batch at a time;
- a watcher is sent only what its rights at that moment allow.
"""

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.deferreds import forget
from semaphore_twisted.interfaces import (
    IAccessObserver,
    IPeerObserver,
    ITaskObserver,
)
from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import ProjectId, TaskId, UserId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.tasks import OutputLine, Task
from semaphore_twisted.model.users import Audience, Credentials, Sight
from semaphore_twisted.operations.output import portions
from semaphore_twisted.web.news import (
    log_message,
    seen_by,
    status_message,
    update_message,
)

#: Lines read from the store at a time for a watcher that fell behind.
CATCH_UP_LINES = 500

#: Seconds between two looks at the rights of every watcher, for what nobody told of.
RECHECK_SECONDS = 5.0

#: Seconds after the end of a session until it is looked at, so that it is over.
_SURELY = 0.1

#: Closing code for a session, token or account that ended (RFC 6455: private use).
ACCESS_ENDED = 4401

#: And for rights that were taken away; with those that are left one may come again.
RIGHTS_ENDED = 4403

#: Reads lines of a task above a number, at most so many.
ReadLines = Callable[[TaskId, int, int], Awaitable[Sequence[OutputLine]]]

#: Reads what each of the credentials may see now; ``None`` for one that ended.
ReadAudiences = Callable[[Sequence[Credentials]], Awaitable[Sequence[Audience | None]]]


class Wire(Protocol):
    """What the hub needs of one websocket."""

    def send(self, frames: bytes) -> None:
        """Write whole frames."""

    def close(self, code: int, reason: str) -> None:
        """Close the websocket."""


@define(eq=False)
class _Behind:
    """A task whose lines a watcher has still to get from the store.

    It has sent the lines up to *last*; the store has them up to *newest*. *last* is
    ``None`` as long as no line came that was not sent.
    """

    project_id: ProjectId
    last: int | None = None
    newest: int = 0
    update: bytes | None = None


@define(eq=False)
class Watcher:
    """One open websocket: what it may see, and how far it has got."""

    credentials: Credentials
    audience: Audience
    wire: Wire
    _hub: "Hub"
    paused: bool = False
    _behind: dict[TaskId, _Behind] = field(factory=dict)
    _catching_up: bool = False

    def log(
        self,
        project_id: ProjectId,
        lines: Sequence[OutputLine],
        frames: bytes,
    ) -> None:
        """Send *frames*, those of *lines* of one task, or remember where they begin."""
        if not self.audience.sees(project_id):
            return
        task_id, first, last = lines[0].task_id, lines[0].id, lines[-1].id
        behind = self._behind.get(task_id)
        if behind is not None:
            if behind.last is None:
                behind.last = first - 1
            behind.newest = last
        elif self.paused:
            self._remember(task_id, _Behind(project_id, first - 1, last))
        else:
            self.wire.send(frames)

    def update(self, task: Task, frame: bytes) -> None:
        """Send the news of a task, after every line that is still to be sent."""
        if not self.audience.sees(task.project_id):
            return
        behind = self._behind.get(task.id)
        if behind is None and self.paused:
            self._remember(task.id, _Behind(task.project_id, update=frame))
        elif behind is None:
            self.wire.send(frame)
        else:
            behind.update = frame

    def pause(self) -> None:
        """Stop sending: the other side does not read."""
        self.paused = True

    def resume(self) -> None:
        """Go on sending, first what was missed."""
        self.paused = False
        if self._behind and not self._catching_up:
            self._catching_up = True
            self._hub.watch(self._catch_up())

    def _remember(self, task_id: TaskId, behind: _Behind) -> None:
        if len(self._behind) >= limits.WEBSOCKET_TASKS_BEHIND:
            self._hub.lose(self)
        else:
            self._behind[task_id] = behind

    async def _catch_up(self) -> None:
        """Send what was missed: one batch at a time, of one task after the other."""
        try:
            while self._behind and not self.paused and self._hub.has(self):
                task_id = next(iter(self._behind))
                behind = self._behind[task_id]
                if await self._caught_up(task_id, behind):
                    del self._behind[task_id]
                else:
                    self._behind[task_id] = self._behind.pop(task_id)
        except Exception:
            # what was missed cannot be told: the client comes again and reads it
            self._hub.lose(self)
            raise
        finally:
            self._catching_up = False

    async def _caught_up(self, task_id: TaskId, behind: _Behind) -> bool:
        """Send some of a task's news; return whether that was all."""
        if not self.audience.sees(behind.project_id):
            return True
        if behind.last is None or behind.last >= behind.newest:
            if behind.update is not None:
                self.wire.send(behind.update)
            return True
        lines = await self._hub.read_lines(task_id, behind.last, CATCH_UP_LINES)
        if not lines:  # the task was deleted meanwhile
            behind.last = behind.newest
        for portion in portions(lines):
            if not (self._hub.has(self) and self.audience.sees(behind.project_id)):
                break
            behind.last = portion[-1].id
            self.wire.send(self._hub.log_frames(behind.project_id, portion))
            if self.paused:  # the rest is read again
                break
        return False


@implementer(ITaskObserver, IAccessObserver, IPeerObserver)
class Hub:
    """Every open websocket, and what is sent to them."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        frame: Callable[[bytes], bytes],
        read_lines: ReadLines,
        read_audiences: ReadAudiences,
        clock: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        """Collaborate with the store only through the two reading functions."""
        self._frame = frame
        self.read_lines = read_lines
        self._read_audiences = read_audiences
        self._watchers: set[Watcher] = set()
        self._counts: Counter[UserId | None] = Counter()
        #: those that do not read, the one that has not for longest first
        self._unread: dict[Watcher, None] = {}
        #: those that are told why they are closed
        self._closing: set[Watcher] = set()
        self._stopped: Deferred[None] | None = None
        self._checking = False
        self._check_again = False
        self._clock = clock
        self._now = now
        #: the look when the first session or token comes to its own end
        self._ending: IDelayedCall | None = None
        self._timer = LoopingCall(self.access_changed)
        self._timer.clock = clock

    def startService(self) -> None:
        """Look at the watchers' rights from time to time (another process may act)."""
        looking = self._timer.start(RECHECK_SECONDS, now=False)
        forget(looking, log=self._log, sentence="Rights are not looked at")

    def stopService(self) -> "Deferred[None]":
        """Close every websocket, "going away" (RFC 6455, 7.4.1).

        It fires once all are closed, so that each client reads why; a wire that is not
        closed by the other side closes itself after some seconds.
        """
        if self._timer.running:
            self._timer.stop()
        self._expect([])
        if not self._watchers:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        for watcher in list(self._watchers):
            watcher.wire.close(1001, "the server stops")
        return stopped

    def __len__(self) -> int:
        """Return the number of open websockets."""
        return len(self._watchers)

    def count_of(self, audience: Audience) -> int:
        """Return the number of open websockets of the account of *audience*."""
        return self._counts[audience.user_id]

    def add(self, credentials: Credentials, audience: Audience, wire: Wire) -> Watcher:
        """Take a new websocket in."""
        watcher = Watcher(credentials, audience, wire, self)
        self._watchers.add(watcher)
        self._counts[audience.user_id] += 1
        if self._ending is None or self._left(audience) < self._ending.getTime() - (
            self._clock.seconds()
        ):
            self._expect([audience])
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Forget a websocket that was closed."""
        self.drained(watcher)
        if watcher in self._watchers:
            self._watchers.discard(watcher)
            self._counts[watcher.audience.user_id] -= 1
            if not self._counts[watcher.audience.user_id]:
                del self._counts[watcher.audience.user_id]
        self._closing.discard(watcher)
        if not (self._watchers or self._closing) and self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)

    def filled(self, watcher: Watcher) -> None:
        """Note that bytes wait for *watcher*, which does not read.

        Where they wait for too many, the one that has not read for longest is closed.
        """
        self._unread[watcher] = None
        if len(self._unread) > limits.WEBSOCKETS_UNREAD:
            longest = next(iter(self._unread))
            del self._unread[longest]
            self.lose(longest)

    def drained(self, watcher: Watcher) -> None:
        """Note that *watcher* has read all that was written to it, or is gone."""
        self._unread.pop(watcher, None)

    def _left(self, audience: Audience) -> float:
        """Return the seconds until the look at the end of *audience*, if it has one."""
        if audience.ends is None:
            return math.inf
        return max(0.0, (audience.ends - self._now()).total_seconds()) + _SURELY

    def _expect(self, audiences: Iterable[Audience]) -> None:
        """Look again when the first of *audiences* ends, and not for those before."""
        if self._ending is not None and self._ending.active():
            self._ending.cancel()
        self._ending = None
        first = min(map(self._left, audiences), default=math.inf)
        if first < math.inf:
            self._ending = self._clock.callLater(first, self._ended)

    def _ended(self) -> None:
        self._ending = None
        self.access_changed()

    def has(self, watcher: Watcher) -> bool:
        """Whether *watcher* is still open."""
        return watcher in self._watchers

    def watch(self, work: Awaitable[None]) -> None:
        """Run *work*; an error ends in the log."""

        async def run() -> None:
            await work

        working = Deferred.fromCoroutine(run())
        forget(working, log=self._log, sentence="A websocket fell behind")

    def log_frames(self, project_id: ProjectId, lines: Iterable[OutputLine]) -> bytes:
        """Return the joined frames of *lines*."""
        frame = self._frame
        return b"".join([frame(log_message(project_id, line)) for line in lines])

    def output_appended(
        self,
        project_id: ProjectId,
        task_id: TaskId,  # noqa: ARG002 - the lines name it
        lines: Sequence[OutputLine],
    ) -> None:
        """Send lines to whoever may see them; each is encoded once for all."""
        if not self._watchers or not lines:
            return
        for portion in portions(lines):
            frames = self.log_frames(project_id, portion)
            for watcher in list(self._watchers):
                watcher.log(project_id, portion, frames)

    def task_changed(self, task: Task) -> None:
        """Send a task's new state to whoever may see it."""
        frame = self._frame(update_message(task))
        for watcher in list(self._watchers):
            watcher.update(task, frame)

    def peers_observed(self, statuses: Sequence[PeerStatus]) -> None:
        """Send each watcher what it may see; encoded once for those who see alike.

        Who does not read is passed over: the next look has newer news.
        """
        frames: dict[Sight, bytes] = {}
        for watcher in list(self._watchers):
            if watcher.paused:
                continue
            frame = frames.get(watcher.audience.sight)
            if frame is None:
                seen = seen_by(watcher.audience, statuses)
                frame = self._frame(status_message(seen)) if seen else b""
                frames[watcher.audience.sight] = frame
            if frame:
                watcher.wire.send(frame)

    def access_changed(self) -> None:
        """Look at the rights of every watcher; one look at a time."""
        if self._checking:
            self._check_again = True
        elif self._watchers:
            self._checking = True
            self.watch(self._check())

    def lose(self, watcher: Watcher) -> None:
        """Close a websocket that cannot be told what it missed (RFC 6455, 7.4.1)."""
        self._shut_out(watcher, 1011, "the log could not be read; come again")

    def _shut_out(self, watcher: Watcher, code: int, reason: str) -> None:
        if watcher in self._watchers:
            self._closing.add(watcher)
            self.remove(watcher)
            watcher.wire.close(code, reason)

    async def _check(self) -> None:
        try:
            watchers = list(self._watchers)
            audiences = await self._read_audiences(
                [watcher.credentials for watcher in watchers]
            )
            for watcher, audience in zip(watchers, audiences, strict=True):
                if audience is None:
                    self._shut_out(watcher, ACCESS_ENDED, "the session has ended")
                elif watcher.audience.sees_more_than(audience):
                    self._shut_out(watcher, RIGHTS_ENDED, "rights were taken away")
                else:
                    watcher.audience = audience
            self._expect(each.audience for each in self._watchers)
        finally:
            self._checking = False
            if self._check_again:
                self._check_again = False
                self.access_changed()
