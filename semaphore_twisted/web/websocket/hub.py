"""Sends task output, task updates and VPN status to all websockets.

Invariants, each with a test:

- every ``log`` message of a task is sent before the task's final ``update``;
- a watcher gets a task's lines in order, without gaps and without repeats; it may get
  the beginning of a line early, and later only the rest of this line;
- a watcher that does not read costs a bounded amount of memory: nothing is queued
  for it, the number of its last line is remembered, and the rest is read from the
  database when it reads again, one batch at a time;
- a watcher is sent only messages that its current rights allow.
"""

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from functools import cache, partial
from typing import ClassVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from semaphore_twisted.interfaces import (
    IAccessObserver,
    IPeerObserver,
    ITaskObserver,
)
from semaphore_twisted.model import limits
from semaphore_twisted.model.changes import Changes
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import ProjectId, TaskId, UserId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.results import RunProgress
from semaphore_twisted.model.tasks import OutputLine, Task
from semaphore_twisted.model.users import Credentials, Sight, Visibility
from semaphore_twisted.operations.tasks.output import portions
from semaphore_twisted.runtime.coalescer import Coalescer
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.web.websocket.change_feed import ChangeFeed, ReadChanges
from semaphore_twisted.web.websocket.messages import (
    LineBeginning,
    change_message,
    continued,
    error_message,
    log_message,
    lost_message,
    may_know,
    progress_message,
    seen_by,
    status_message,
    subscribed_message,
    update_message,
)
from semaphore_twisted.web.websocket.subscriptions import asked
from semaphore_twisted.web.websocket.watcher import (
    Frames,
    ReadLines,
    Watcher,
    WatcherConnection,
)

#: Seconds between checks of all rights, for changes by other processes.
RECHECK_SECONDS = 5.0

#: Seconds after the end of a session until it is checked, to be sure that it ended.
_SURELY = 0.1

#: Close code for an ended session, token or account (RFC 6455: private use).
ACCESS_ENDED = 4401

#: Close code for revoked rights; the client may connect again with those it has left.
RIGHTS_ENDED = 4403

#: Reads the audience of each of the credentials; ``None`` for ended ones.
ReadAudiences = Callable[
    [Sequence[Credentials]], Awaitable[Sequence[Visibility | None]]
]


@implementer(ITaskObserver, IAccessObserver, IPeerObserver)
class Hub:
    """All open websockets, and the messages for them."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        frame: Callable[[bytes], bytes],
        read_lines: ReadLines,
        read_audiences: ReadAudiences,
        read_changes: ReadChanges,
        clock: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        """Use the database only through the three reading functions."""
        self._frame = frame
        self.read_lines = read_lines
        self._read_audiences = read_audiences
        self._watchers: set[Watcher] = set()
        self._counts: Counter[UserId | None] = Counter()
        #: the beginnings of lines that have not ended
        self._begun: dict[TaskId, tuple[ProjectId, OutputLine]] = {}
        #: watchers that do not read, longest first
        self._unread: dict[Watcher, None] = {}
        #: watchers whose close frame was sent
        self._closing: set[Watcher] = set()
        self._stopped: Deferred[None] | None = None
        self._checks = Coalescer(
            self._check, log=self._log, sentence="The check of rights failed"
        )
        self._feed = ChangeFeed(read_changes, self._send_changes, clock=clock)
        self._clock = clock
        self._now = now
        #: the check at the next end of a session or token
        self._ending: IDelayedCall | None = None
        self._timer = LoopingCall(self.access_changed)
        self._timer.clock = clock

    def startService(self) -> None:
        """Start the periodic check of rights, which another process may change."""
        checking = self._timer.start(RECHECK_SECONDS, now=False)
        log_errors(checking, log=self._log, sentence="The check of rights ended")

    def stopService(self) -> "Deferred[None]":
        """Close every websocket with "going away" (RFC 6455, 7.4.1).

        Fires once all are closed, so that each client receives the reason. A connection
        that the client does not close is closed after a few seconds.
        """
        if self._timer.running:
            self._timer.stop()
        self._feed.stop()
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

    def count_of(self, audience: Visibility) -> int:
        """Return the number of open websockets of the account of *audience*."""
        return self._counts[audience.user_id]

    def add(
        self, credentials: Credentials, audience: Visibility, wire: WatcherConnection
    ) -> Watcher:
        """Register a new websocket."""
        watcher = Watcher(credentials, audience, wire, self)
        self._watchers.add(watcher)
        self._counts[audience.user_id] += 1
        if self._ending is None or self._left(audience) < self._ending.getTime() - (
            self._clock.seconds()
        ):
            self._expect([audience])
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Remove a closed websocket."""
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

    def received(self, watcher: Watcher, message: bytes) -> None:
        """Do what the client's *message* asks for, and answer."""
        try:
            subscription = asked(message)
        except Invalid as error:
            watcher.answer(self._frame(error_message(error.message)))
            return
        if subscription is None:
            return
        watcher.subscription = subscription
        if subscription.changes:
            self._feed.start()
        watcher.answer(self._frame(subscribed_message(subscription)))
        self.send_beginnings(watcher)

    def _send_changes(self, changes: Changes) -> bool:
        """Send changes to the watchers that want them; return whether any does."""
        watchers = [each for each in self._watchers if each.subscription.changes]
        if watchers and (changes.changes or changes.lost):
            lost = self._frame(lost_message())
            framed = [
                (each, self._frame(change_message(each))) for each in changes.changes
            ]
            for watcher in watchers:
                seen = [
                    frame
                    for change, frame in framed
                    if may_know(watcher.audience, change)
                ]
                watcher.change(lost if changes.lost else b"".join(seen), lost)
        return bool(watchers)

    def filled(self, watcher: Watcher) -> None:
        """Note that unread bytes are buffered for *watcher*.

        Above the limit, the watcher that has not read for longest is closed.
        """
        self._unread[watcher] = None
        if len(self._unread) > limits.WEBSOCKETS_UNREAD:
            longest = next(iter(self._unread))
            del self._unread[longest]
            self.drop(longest)

    def drained(self, watcher: Watcher) -> None:
        """Note that *watcher* has read all written bytes, or is closed."""
        self._unread.pop(watcher, None)

    def _left(self, audience: Visibility) -> float:
        """Return the seconds until *audience* ends and is checked.

        Infinity without end.
        """
        if audience.ends is None:
            return math.inf
        return max(0.0, (audience.ends - self._now()).total_seconds()) + _SURELY

    def _expect(self, audiences: Iterable[Visibility]) -> None:
        """Schedule the next check for the earliest end in *audiences*."""
        if self._ending is not None and self._ending.active():
            self._ending.cancel()
        self._ending = None
        first = min(map(self._left, audiences), default=math.inf)
        if first < math.inf:
            self._ending = self._clock.callLater(first, self._ended)

    def _ended(self) -> None:
        self._ending = None
        self.access_changed()

    def contains(self, watcher: Watcher) -> bool:
        """Return whether *watcher* is still open."""
        return watcher in self._watchers

    def spawn(self, work: Awaitable[None]) -> None:
        """Run *work* in the background and log its error."""

        async def run() -> None:
            await work

        working = Deferred.fromCoroutine(run())
        log_errors(working, log=self._log, sentence="Work of the websocket hub failed")

    def send_beginnings(self, watcher: Watcher) -> None:
        """Send *watcher* the beginnings of lines that have not ended, if not sent."""
        for project_id, line in list(self._begun.values()):
            watcher.begun(
                project_id, line, self._frames(project_id, [line], ended=False)
            )

    def _frames(
        self, project_id: ProjectId, lines: Sequence[OutputLine], *, ended: bool = True
    ) -> Frames:
        """Return the frames of *lines*, which are encoded once for equal beginnings."""
        return cache(partial(self.log_frames, project_id, lines, ended=ended))

    def log_frames(
        self,
        project_id: ProjectId,
        lines: Sequence[OutputLine],
        sent: LineBeginning | None = None,
        *,
        ended: bool = True,
    ) -> bytes:
        """Return the joined frames of *lines*; *sent* is the first one's beginning.

        Its text is left out. If the line has no more text, its frame is left out, too.
        If it has not *ended*, it is the only one.
        """
        first, offset = lines[0], continued(lines[0], sent)
        messages = [log_message(project_id, line) for line in lines[1:]]
        if offset == 0 or offset < len(first.output):
            message = log_message(project_id, first, offset=offset, partial=not ended)
            messages.insert(0, message)
        return b"".join(map(self._frame, messages))

    def output_begun(self, project_id: ProjectId, line: OutputLine) -> None:
        """Send the beginning of a line to every watcher with access.

        It is kept until the line ends, for watchers that connect in the meantime.
        """
        _, known = self._begun.get(line.task_id, (None, None))
        text = known.output if known is not None and known.id == line.id else ""
        if text.startswith(line.output):  # the spool is read again
            return
        self._begun[line.task_id] = project_id, line
        frames = self._frames(project_id, [line], ended=False)
        for watcher in list(self._watchers):
            watcher.begun(project_id, line, frames)

    def output_appended(
        self,
        project_id: ProjectId,
        task_id: TaskId,
        lines: Sequence[OutputLine],
    ) -> None:
        """Send lines to every watcher with access; each line is encoded once."""
        if lines:
            self._begun.pop(task_id, None)
        if not self._watchers or not lines:
            return
        for portion in portions(lines):
            frames = self._frames(project_id, portion)
            for watcher in list(self._watchers):
                watcher.log(project_id, portion, frames)

    def task_changed(self, task: Task) -> None:
        """Send a task's new state to every watcher with access."""
        if task.status.final:
            self._begun.pop(task.id, None)
        frame = self._frame(update_message(task))
        for watcher in list(self._watchers):
            watcher.update(task, frame)

    def progress_changed(
        self, project_id: ProjectId, task_id: TaskId, progress: RunProgress
    ) -> None:
        """Send the progress of a run to the watchers that want changes, and may see it.

        A watcher that does not read is skipped: the next play or task follows.
        """
        frame = self._frame(progress_message(project_id, task_id, progress))
        for watcher in list(self._watchers):
            wants = watcher.subscription.changes and not watcher.paused
            if wants and watcher.audience.sees(project_id):
                watcher.wire.send(frame)

    def peers_observed(self, statuses: Sequence[PeerStatus]) -> None:
        """Send each watcher the statuses it may see.

        Watchers with equal rights share a frame.

        A watcher that does not read is skipped: the next poll has newer statuses.
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
        """Check the rights of every watcher; checks do not overlap."""
        if self._watchers or self._checks.is_running:
            self._checks.call()

    def drop(self, watcher: Watcher) -> None:
        """Close a websocket that misses messages, for the client to reconnect."""
        self._close_websocket(watcher, 1011, "the log could not be read; come again")

    def _close_websocket(self, watcher: Watcher, code: int, reason: str) -> None:
        if watcher in self._watchers:
            self._closing.add(watcher)
            self.remove(watcher)
            watcher.wire.close(code, reason)

    async def _check(self) -> None:
        watchers = list(self._watchers)
        audiences = await self._read_audiences(
            [watcher.credentials for watcher in watchers]
        )
        for watcher, audience in zip(watchers, audiences, strict=True):
            if audience is None:
                self._close_websocket(watcher, ACCESS_ENDED, "the session has ended")
            elif watcher.audience.sees_more_than(audience):
                self._close_websocket(watcher, RIGHTS_ENDED, "rights were taken away")
            else:
                watcher.audience = audience
        self._expect(each.audience for each in self._watchers)
