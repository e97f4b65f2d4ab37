"""One websocket as the hub sees it: its rights, its wishes, and what it has missed."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from attrs import define, field

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import ProjectId, TaskId
from semaphore_twisted.model.tasks import OutputLine, Task
from semaphore_twisted.model.users import Credentials, Visibility
from semaphore_twisted.operations.tasks.output import portions
from semaphore_twisted.web.websocket.messages import LineBeginning, beginning
from semaphore_twisted.web.websocket.subscriptions import Subscription

#: Lines read from the database at a time for a watcher that fell behind.
CATCH_UP_LINES = 500

#: Reads lines of a task with numbers above a given one, up to a limit.
ReadLines = Callable[[TaskId, int, int], Awaitable[Sequence[OutputLine]]]

#: Returns frames of lines without the beginning of the first line that was sent.
Frames = Callable[[LineBeginning | None], bytes]


class WatcherConnection(Protocol):
    """The operations of a websocket that the hub uses."""

    def send(self, frames: bytes) -> None:
        """Write complete frames."""

    def close(self, code: int, reason: str) -> None:
        """Close the websocket."""


class WatcherHub(Protocol):
    """The operations of the hub that a watcher uses."""

    @property
    def read_lines(self) -> ReadLines:
        """The function that reads stored lines."""

    def log_frames(
        self,
        project_id: ProjectId,
        lines: Sequence[OutputLine],
        sent: LineBeginning | None = None,
    ) -> bytes:
        """Return the joined frames of *lines*; *sent* is the first one's beginning."""

    def contains(self, watcher: "Watcher") -> bool:
        """Return whether *watcher* is still open."""

    def spawn(self, work: Awaitable[None]) -> None:
        """Run *work* in the background."""

    def drop(self, watcher: "Watcher") -> None:
        """Close a websocket that misses messages."""


@define(eq=False)
class _Backlog:
    """A task whose lines a watcher must still read from the database.

    Lines up to *last* were sent; lines up to *newest* are stored. *last* is ``None``
    until a line arrives that was not sent.
    """

    project_id: ProjectId
    last: int | None = None
    newest: int = 0
    update: bytes | None = None


@define(eq=False)
class Watcher:
    """One open websocket: its rights, and the position in each task's output."""

    credentials: Credentials
    audience: Visibility
    wire: WatcherConnection
    _hub: WatcherHub
    subscription: Subscription = field(factory=Subscription)
    paused: bool = False
    #: messages for when the client reads again: the latest answer, and lost changes
    _answer: bytes = b""
    _lost: bytes = b""
    _behind: dict[TaskId, _Backlog] = field(factory=dict)
    _catching_up: bool = False
    #: the sent beginnings of lines whose end was not sent
    _begun: dict[TaskId, LineBeginning] = field(factory=dict)

    def begun(self, project_id: ProjectId, line: OutputLine, frames: Frames) -> None:
        """Send *line*, the beginning of a line, without the text that was sent before.

        A watcher that does not read is skipped: it gets the whole line later.
        """
        task_id = line.task_id
        if (
            self.paused
            or task_id in self._behind
            or not self._wants_log(project_id, task_id)
        ):
            return
        self._send(task_id, frames)
        self._begun[task_id] = beginning(line)

    def log(
        self, project_id: ProjectId, lines: Sequence[OutputLine], frames: Frames
    ) -> None:
        """Send *frames* with *lines* of one task, or remember where the gap begins."""
        task_id, first, last = lines[0].task_id, lines[0].id, lines[-1].id
        if not self._wants_log(project_id, task_id):
            self._begun.pop(task_id, None)
            return
        behind = self._behind.get(task_id)
        if behind is not None:
            if behind.last is None:
                behind.last = first - 1
            behind.newest = last
        elif self.paused:
            self._remember(task_id, _Backlog(project_id, first - 1, last))
        else:
            self._send(task_id, frames)

    def _wants_log(self, project_id: ProjectId, task_id: TaskId) -> bool:
        return self.audience.sees(project_id) and self.subscription.has_log_of(task_id)

    def _send(self, task_id: TaskId, frames: Frames) -> None:
        """Send the *frames* of lines, without the text that was sent before."""
        if written := frames(self._begun.pop(task_id, None)):
            self.wire.send(written)

    def update(self, task: Task, frame: bytes) -> None:
        """Send the state of *task*, after every line that is still to be sent."""
        if not self.audience.sees(task.project_id):
            return
        behind = self._behind.get(task.id)
        if behind is None and task.status.final:
            self._begun.pop(task.id, None)
        if behind is None and self.paused:
            self._remember(task.id, _Backlog(task.project_id, update=frame))
        elif behind is None:
            self.wire.send(frame)
        else:
            behind.update = frame

    def answer(self, frame: bytes) -> None:
        """Send the answer to a message of the client.

        A client that does not read gets the latest answer later.
        """
        if self.paused:
            self._answer = frame
        else:
            self.wire.send(frame)

    def change(self, frames: bytes, lost: bytes) -> None:
        """Send *frames* about changes, or later *lost* if the client does not read."""
        if self.paused:
            self._lost = lost
        elif frames:
            self.wire.send(frames)

    def pause(self) -> None:
        """Stop sending: the client does not read."""
        self.paused = True

    def resume(self) -> None:
        """Resume sending, beginning with missed messages."""
        self.paused = False
        first, self._answer, self._lost = self._answer + self._lost, b"", b""
        if first:
            self.wire.send(first)
        if self._behind and not self._catching_up:
            self._catching_up = True
            self._hub.spawn(self._catch_up())

    def _remember(self, task_id: TaskId, behind: _Backlog) -> None:
        if len(self._behind) >= limits.WEBSOCKET_TASKS_BEHIND:
            self._hub.drop(self)
        else:
            self._behind[task_id] = behind

    async def _catch_up(self) -> None:
        """Send missed messages in batches, one task after the other."""
        try:
            while self._behind and not self.paused and self._hub.contains(self):
                task_id = next(iter(self._behind))
                behind = self._behind[task_id]
                if await self._caught_up(task_id, behind):
                    del self._behind[task_id]
                else:
                    self._behind[task_id] = self._behind.pop(task_id)
        except Exception:
            # the missed messages cannot be sent: the client must reconnect
            self._hub.drop(self)
            raise
        finally:
            self._catching_up = False

    async def _caught_up(self, task_id: TaskId, behind: _Backlog) -> bool:
        """Send a part of a task's missed messages; return whether it is complete."""
        if not self.audience.sees(behind.project_id):
            return True
        if (
            behind.last is None
            or behind.last >= behind.newest
            or not self.subscription.has_log_of(task_id)
        ):
            if behind.update is not None:
                self.wire.send(behind.update)
            return True
        lines = await self._hub.read_lines(task_id, behind.last, CATCH_UP_LINES)
        if not lines:  # the task was deleted
            behind.last = behind.newest
        for portion in portions(lines):
            if not (self._hub.contains(self) and self.audience.sees(behind.project_id)):
                break
            behind.last = portion[-1].id
            frames = partial(self._hub.log_frames, behind.project_id, portion)
            self._send(task_id, frames)
            if self.paused:  # the rest is read again later
                break
        return False
