"""Tests of the fan-out to websockets."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import (
    IAccessObserver,
    IPeerObserver,
    ITaskObserver,
)
from semaphore_twisted.model import limits
from semaphore_twisted.model.changes import Changes
from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId, UserId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.results import RunProgress
from semaphore_twisted.model.tasks import OutputLine, Task, TaskStatus
from semaphore_twisted.model.users import Credentials, Visibility
from semaphore_twisted.web.websocket.hub import (
    ACCESS_ENDED,
    RECHECK_SECONDS,
    RIGHTS_ENDED,
    Hub,
)
from semaphore_twisted.web.websocket.subscriptions import Subscription
from semaphore_twisted.web.websocket.watcher import Watcher

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW_TEXT = "2026-01-02T03:04:05Z"
PROJECT, OTHER = ProjectId(1), ProjectId(2)
TASK = TaskId(7)
MEMBER = Visibility(everything=False, projects=frozenset({PROJECT}))
ADMIN = Visibility(everything=True, projects=frozenset())


def line(number: int, task_id: TaskId = TASK) -> OutputLine:
    """Return line *number* of a task."""
    return OutputLine(id=number, task_id=task_id, time=NOW, output=f"line {number}")


def lines(first: int, last: int) -> list[OutputLine]:
    """Return the lines *first* to *last* of the task."""
    return [line(number) for number in range(first, last + 1)]


def long_line(number: int, task_id: TaskId = TASK) -> OutputLine:
    """Return line *number* of a task, of 10,000 characters."""
    return OutputLine(id=number, task_id=task_id, time=NOW, output="x" * 10_000)


def task(status: TaskStatus, project_id: ProjectId = PROJECT) -> Task:
    """Return the task in *status*."""
    return Task(
        id=TASK,
        template_id=TemplateId(3),
        project_id=project_id,
        status=status,
        created=NOW,
    )


def peer(number: int, user: int | None, project: ProjectId | None) -> PeerStatus:
    """Return how a peer of a user or a project is."""
    return PeerStatus(
        id=number,
        name=f"peer {number}",
        online="active",
        last_handshake=NOW,
        age_seconds=3,
        received=10,
        sent=20,
        endpoint="203.0.113.9:4000",
        user_id=None if user is None else UserId(user),
        project_id=project,
    )


@define(eq=False)
class Wire:
    """A websocket in memory: one text line is one frame."""

    sent: list[dict[str, object]] = field(factory=list)
    closed: tuple[int, str] | None = None
    #: called after each write
    full: Callable[[], None] = lambda: None

    def send(self, frames: bytes) -> None:
        """Record whole frames."""
        self.sent += [msgspec.json.decode(each) for each in frames.splitlines()]
        self.full()

    def close(self, code: int, reason: str) -> None:
        """Remember how it was closed."""
        self.closed = code, reason

    @property
    def numbers(self) -> list[object]:
        """The numbers of the lines sent."""
        return [each["id"] for each in self.sent if each["type"] == "log"]

    @property
    def kinds(self) -> list[object]:
        """The types of the messages sent."""
        return [each["type"] for each in self.sent]


class HubTestCase(SynchronousTestCase):
    """A hub over a store in memory."""

    def setUp(self) -> None:
        """Make a hub over a store in memory."""
        self.clock = Clock()
        self.stored: list[OutputLine] = []
        self.audiences: dict[str, Visibility] = {}
        self.waiting: list[Deferred[None]] = []
        self.hold = False
        self.changes = Changes(last=1)
        self.hub = Hub(
            frame=lambda payload: payload + b"\n",
            read_lines=self.read_lines,
            read_audiences=self.read_audiences,
            read_changes=self.read_changes,
            clock=self.clock,
            now=lambda: NOW + timedelta(seconds=self.clock.seconds()),
        )

    async def read_changes(self, after: int | None) -> Changes:
        """Return the changes that the test made, once; fail if there are none."""
        found, self.changes = self.changes, Changes(last=self.changes.last)
        if found.last < 0:
            raise OSError("the disk is gone")
        return Changes(last=found.last) if after is None else found

    async def read_lines(
        self, task_id: TaskId, above: int, limit: int
    ) -> Sequence[OutputLine]:
        """Read the store; wait first while the test holds it."""
        lines = self.stored or [long_line(number, task_id) for number in range(1, 21)]
        found = [each for each in lines if each.id > above][:limit]
        if self.hold:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting
        return found

    async def read_audiences(
        self, credentials: Sequence[Credentials]
    ) -> Sequence[Visibility | None]:
        """Look the rights up."""
        return [self.audiences.get(each.session_digest or "") for each in credentials]

    def watcher(self, name: str, audience: Visibility) -> tuple[Watcher, Wire]:
        """Open a websocket."""
        wire = Wire()
        self.audiences[name] = audience
        return self.hub.add(Credentials(session_digest=name), audience, wire), wire


class HubTests(HubTestCase):
    """The recipients of messages, and the times of sending."""

    def append(self, first: int, last: int) -> None:
        """Store lines, then notify the hub, as the task service does."""
        self.stored += lines(first, last)
        self.hub.output_appended(PROJECT, TASK, lines(first, last))

    def test_provides(self) -> None:
        """The hub provides the observers' interfaces."""
        verifyObject(ITaskObserver, self.hub)
        verifyObject(IAccessObserver, self.hub)
        verifyObject(IPeerObserver, self.hub)

    def test_shapes(self) -> None:
        """Messages have Semaphore's shape; a line's number is added."""
        _, wire = self.watcher("a", MEMBER)
        self.append(1, 1)
        self.hub.task_changed(task(TaskStatus.RUNNING))
        self.assertEqual(
            wire.sent,
            [
                {
                    "type": "log",
                    "output": "line 1",
                    "time": "2026-01-02T03:04:05Z",
                    "task_id": 7,
                    "project_id": 1,
                    "id": 1,
                },
                {
                    "type": "update",
                    "start": None,
                    "end": None,
                    "status": "running",
                    "task_id": 7,
                    "template_id": 3,
                    "project_id": 1,
                    "version": None,
                },
            ],
        )

    def test_audience(self) -> None:
        """A member of another project is sent nothing, an administrator everything."""
        _, member = self.watcher("member", MEMBER)
        _, stranger = self.watcher(
            "stranger", Visibility(everything=False, projects=frozenset({OTHER}))
        )
        _, admin = self.watcher("admin", ADMIN)
        self.append(1, 2)
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        self.assertEqual(len(member.sent), 3)
        self.assertEqual(stranger.sent, [])
        self.assertEqual(len(admin.sent), 3)

    def test_progress(self) -> None:
        """The progress reaches those who want changes, may see the task, and read."""
        stranger = Visibility(everything=False, projects=frozenset({OTHER}))
        watchers = [
            self.watcher(name, audience)
            for name, audience in (("a", MEMBER), ("b", MEMBER), ("c", stranger))
        ]
        for watcher, _ in watchers:
            watcher.subscription = Subscription(changes=True)
        watchers[1][0].pause()
        watchers.append(self.watcher("d", MEMBER))
        progress = RunProgress(play=2, plays=4, play_name="web", task_name="install")
        self.hub.progress_changed(PROJECT, TASK, progress)
        self.assertEqual([wire.sent for _, wire in watchers[1:]], [[], [], []])
        self.assertEqual(
            watchers[0][1].sent,
            [
                {
                    "type": "progress",
                    "play": 2,
                    "plays": 4,
                    "play_name": "web",
                    "task_name": "install",
                    "task_id": 7,
                    "project_id": 1,
                }
            ],
        )

    def test_slow_watcher_catches_up(self) -> None:
        """A slow watcher gets the missed lines from the store, in order."""
        watcher, slow = self.watcher("slow", MEMBER)
        _, fast = self.watcher("fast", MEMBER)
        self.append(1, 3)
        watcher.pause()
        self.append(4, 1500)
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        self.assertEqual(slow.numbers, [1, 2, 3])
        self.assertEqual(fast.numbers, list(range(1, 1501)))
        watcher.resume()
        self.assertEqual(slow.numbers, list(range(1, 1501)))
        self.assertEqual(slow.kinds[-1], "update")
        self.assertEqual(slow.kinds.count("update"), 1)

    def test_lines_that_come_while_catching_up(self) -> None:
        """Lines committed during the read are sent exactly once."""
        watcher, wire = self.watcher("slow", MEMBER)
        watcher.pause()
        self.append(1, 10)
        self.hold = True
        watcher.resume()
        self.append(11, 20)
        self.hold = False
        self.waiting.pop().callback(None)
        self.append(21, 22)
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        self.assertEqual(wire.numbers, list(range(1, 23)))
        self.assertEqual(wire.kinds[-1], "update")

    def test_paused_again_while_catching_up(self) -> None:
        """A watcher that pauses during the catch-up continues at its position."""
        watcher, wire = self.watcher("slow", MEMBER)
        watcher.pause()
        self.append(1, 1200)
        self.hold = True
        watcher.resume()
        watcher.pause()
        self.hold = False
        self.waiting.pop().callback(None)
        self.assertEqual(wire.numbers, list(range(1, 501)))
        self.hub.task_changed(task(TaskStatus.ERROR))
        watcher.resume()
        self.assertEqual(wire.numbers, list(range(1, 1201)))
        self.assertEqual(wire.kinds[-1], "update")

    def test_one_batch(self) -> None:
        """A watcher that reads little gets little: one batch each time it reads."""
        watcher, wire = self.watcher("slow", MEMBER)
        watcher.pause()
        tasks = [TaskId(number) for number in range(1, 40)]
        for task_id in tasks:
            many = [long_line(number, task_id) for number in range(1, 21)]
            self.stored = many
            self.hub.output_appended(PROJECT, task_id, many)
        self.stored = []
        wire.full = watcher.pause  # from now on, each write fills the buffer
        rounds = 0
        while len(wire.sent) < 20 * len(tasks):
            before = len(wire.sent)
            watcher.resume()
            sent = sum(len(str(each["output"])) for each in wire.sent[before:])
            self.assertLessEqual(sent, limits.LOG_PORTION)
            self.assertGreater(sent, 0)
            rounds += 1
        self.assertGreaterEqual(rounds, len(tasks))
        for task_id in tasks:
            numbers = [each["id"] for each in wire.sent if each["task_id"] == task_id]
            self.assertEqual(numbers, list(range(1, 21)))

    def test_one_flush(self) -> None:
        """A watcher is sent only as much of a large flush as it reads."""
        watcher, wire = self.watcher("slow", MEMBER)
        wire.full = watcher.pause
        self.stored = [long_line(number) for number in range(1, 101)]
        self.hub.output_appended(PROJECT, TASK, self.stored)
        sent = sum(len(str(each["output"])) for each in wire.sent)
        self.assertLessEqual(sent, limits.LOG_PORTION)
        while len(wire.sent) < 100:
            watcher.resume()
        self.assertEqual(wire.numbers, list(range(1, 101)))

    def test_too_many_tasks(self) -> None:
        """A watcher that is behind with too many tasks is disconnected."""
        watcher, wire = self.watcher("slow", MEMBER)
        watcher.pause()
        for number in range(limits.WEBSOCKET_TASKS_BEHIND):
            self.hub.task_changed(replace(task(TaskStatus.RUNNING), id=TaskId(number)))
        self.assertIsNone(wire.closed)
        self.hub.task_changed(replace(task(TaskStatus.RUNNING), id=TaskId(10**6)))
        assert wire.closed is not None
        self.assertEqual(wire.closed[0], 1011)
        self.assertEqual(len(self.hub), 0)

    def test_news_before_lines(self) -> None:
        """News that a paused watcher missed does not repeat lines."""
        watcher, wire = self.watcher("slow", MEMBER)
        self.append(1, 5)
        watcher.pause()
        self.hub.task_changed(task(TaskStatus.RUNNING))
        self.append(6, 6)
        watcher.resume()
        self.assertEqual(wire.numbers, [1, 2, 3, 4, 5, 6])
        watcher.pause()
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        watcher.resume()
        self.assertEqual(wire.numbers, [1, 2, 3, 4, 5, 6])
        self.assertEqual(wire.kinds, ["log"] * 6 + ["update"] * 2)

    def begin(self, number: int, text: str) -> None:
        """Publish the beginning of a line, as the task service does."""
        self.hub.output_begun(PROJECT, replace(line(number), output=text))

    def complete(self, number: int, text: str) -> None:
        """Store a complete line and the next one, then notify the hub."""
        both = [replace(line(number), output=text), line(number + 1)]
        self.stored += both
        self.hub.output_appended(PROJECT, TASK, both)

    def parts(self, wire: Wire) -> list[tuple[object, ...]]:
        """Return the sent lines: number, offset, text, and whether more follows."""
        return [
            (each["id"], each.get("offset"), each["output"], each.get("partial"))
            for each in wire.sent
            if each["type"] == "log"
        ]

    def test_parts(self) -> None:
        """Of a line that takes long each text is sent once, with the line's number."""
        _, wire = self.watcher("a", MEMBER)
        self.append(1, 1)
        self.begin(2, "working")
        self.begin(2, "working... 1")
        self.begin(2, "working")  # the spool is read again
        _, late = self.watcher("late", MEMBER)
        self.complete(2, "working... 1, done")
        self.assertEqual(
            self.parts(wire)[1:],
            [
                (2, None, "working", True),
                (2, 7, "... 1", True),
                (2, 12, ", done", None),
                (3, None, "line 3", None),
            ],
        )
        self.assertEqual(
            self.parts(late),
            [(2, None, "working... 1, done", None), (3, None, "line 3", None)],
        )
        self.assertEqual((wire.sent[1]["time"], wire.sent[3]["time"]), (NOW_TEXT,) * 2)

    def test_part_is_all(self) -> None:
        """Where a line ends without more text, no empty message follows."""
        _, wire = self.watcher("a", MEMBER)
        self.begin(1, "Password: ")
        self.complete(1, "Password: ")
        self.begin(3, "")
        self.complete(3, "")
        self.assertEqual(
            self.parts(wire),
            [
                (1, None, "Password: ", True),
                (2, None, "line 2", None),
                (3, None, "", None),
                (4, None, "line 4", None),
            ],
        )

    def test_welcome(self) -> None:
        """A websocket that opens in a line gets its beginning, if it may see it."""
        self.begin(1, "working")
        watcher, wire = self.watcher("a", MEMBER)
        self.hub.send_beginnings(watcher)
        others = Visibility(everything=False, projects=frozenset({OTHER}))
        watcher, other = self.watcher("other", others)
        self.hub.send_beginnings(watcher)
        self.complete(1, "working... ")
        self.assertEqual(
            self.parts(wire)[:2], [(1, None, "working", True), (1, 7, "... ", None)]
        )
        self.assertEqual(other.sent, [])
        watcher, late = self.watcher("late", MEMBER)
        self.hub.send_beginnings(watcher)
        self.assertEqual(late.sent, [])

    def test_paused_in_a_line(self) -> None:
        """A watcher that pauses in a line gets its rest once, from the store."""
        watcher, wire = self.watcher("slow", MEMBER)
        self.begin(1, "working")
        watcher.pause()
        self.begin(1, "working... ")
        self.complete(1, "working... done")
        self.begin(3, "next")
        self.hub.task_changed(task(TaskStatus.SUCCESS))
        watcher.resume()
        self.assertEqual(
            self.parts(wire),
            [
                (1, None, "working", True),
                (1, 7, "... done", None),
                (2, None, "line 2", None),
            ],
        )
        self.assertEqual(wire.kinds[-1], "update")

    def test_other_text(self) -> None:
        """If the complete line has another text, it is sent as a whole."""
        _, wire = self.watcher("a", MEMBER)
        self.begin(1, "working")
        self.complete(1, "interrupted")
        self.assertEqual(self.parts(wire)[1], (1, None, "interrupted", None))

    def test_end_in_a_line(self) -> None:
        """Nothing is kept of a task that has ended."""
        watcher, _ = self.watcher("a", MEMBER)
        self.begin(1, "working")
        self.hub.task_changed(task(TaskStatus.ERROR))
        self.assertEqual((self.hub._begun, watcher._begun), ({}, {}))

    def test_store_fails(self) -> None:
        """Where lines cannot be read the socket ends: its client returns."""
        watcher, wire = self.watcher("slow", MEMBER)
        watcher.pause()
        self.append(1, 10)
        self.hold = True
        watcher.resume()
        self.waiting.pop().errback(OSError("disk"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        assert wire.closed is not None
        self.assertEqual(wire.closed[0], 1011)
        self.assertEqual(len(self.hub), 0)

    def test_bounded_memory(self) -> None:
        """A watcher that never reads has nothing queued but one update a task."""
        watcher, wire = self.watcher("dead", MEMBER)
        watcher.pause()
        for number in range(1, 5000):
            self.append(number, number)
            self.hub.task_changed(task(TaskStatus.RUNNING))
        self.assertEqual(wire.sent, [])
        self.assertEqual(len(watcher._behind), 1)

    def test_session_ended(self) -> None:
        """A websocket whose session ended is closed at the next look."""
        _, wire = self.watcher("a", MEMBER)
        del self.audiences["a"]
        self.hub.access_changed()
        self.assertEqual(wire.closed, (ACCESS_ENDED, "the session has ended"))
        self.append(1, 1)
        self.assertEqual(wire.sent, [])

    def test_membership_ended(self) -> None:
        """A watcher who loses access to a project is closed at once."""
        both = Visibility(everything=False, projects=frozenset({PROJECT, OTHER}))
        nothing = Visibility(everything=False, projects=frozenset())
        for before, after in (
            (MEMBER, nothing),
            (both, MEMBER),
            (ADMIN, both),
            (ADMIN, nothing),
        ):
            _, wire = self.watcher("a", before)
            self.audiences["a"] = after
            self.hub.access_changed()
            self.assertEqual(wire.closed, (RIGHTS_ENDED, "rights were taken away"))
            self.append(1, 1)
            self.assertEqual(wire.sent, [])

    def test_membership_begun(self) -> None:
        """A watcher who gains access stays connected with the old access."""
        both = Visibility(everything=False, projects=frozenset({PROJECT, OTHER}))
        for before, after in ((MEMBER, both), (both, ADMIN), (MEMBER, MEMBER)):
            watcher, wire = self.watcher("a", before)
            self.audiences["a"] = after
            self.hub.access_changed()
            self.assertIsNone(wire.closed)
            self.append(1, 1)
            self.assertEqual(len(wire.sent), 1)
            self.hub.remove(watcher)

    def ending(self, seconds: float) -> Visibility:
        """Return a member's audience whose session ends in so many seconds."""
        ends = NOW + timedelta(seconds=self.clock.seconds() + seconds)
        return replace(MEMBER, ends=ends)

    def test_own_end(self) -> None:
        """An expired session is detected within a second."""
        self.hub.startService()
        self.addCleanup(self.hub.stopService)
        _, later = self.watcher("later", self.ending(1000))
        _, first = self.watcher("first", self.ending(12))
        _, used = self.watcher("used", self.ending(12))
        _, other = self.watcher("other", MEMBER)
        self.clock.pump([1] * 11)
        self.assertIsNone(first.closed)
        del self.audiences["first"]
        self.audiences["used"] = self.ending(100)
        self.clock.pump([0.5] * 4)
        self.assertEqual(first.closed, (ACCESS_ENDED, "the session has ended"))
        self.clock.pump([1] * 98)
        del self.audiences["used"]
        self.clock.pump([0.5] * 6)
        self.assertEqual(used.closed, (ACCESS_ENDED, "the session has ended"))
        self.assertEqual((later.closed, other.closed), (None, None))

    def test_no_timer_is_left(self) -> None:
        """The hub's end takes the look at a session's end away."""
        self.hub.startService()
        self.watcher("a", self.ending(1000))
        self.assertNoResult(self.hub.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_timer(self) -> None:
        """Rights removed by another process are detected within seconds."""
        self.hub.startService()
        _, wire = self.watcher("a", MEMBER)
        del self.audiences["a"]
        self.clock.advance(RECHECK_SECONDS)
        self.assertEqual(wire.closed, (ACCESS_ENDED, "the session has ended"))
        self.successResultOf(self.hub.stopService())

    def test_stop(self) -> None:
        """Open websockets are closed, "going away", when the server stops."""
        watchers = [self.watcher(name, MEMBER) for name in "abc"]
        stopped = self.hub.stopService()
        for watcher, wire in watchers:
            self.assertEqual(wire.closed, (1001, "the server stops"))
            self.assertNoResult(stopped)
            self.hub.remove(watcher)
        self.successResultOf(stopped)

    def test_counts(self) -> None:
        """The websockets of an account are counted correctly for any kind of end."""
        alice = replace(MEMBER, user_id=UserId(1))
        watchers = [self.watcher(name, alice)[0] for name in "abc"]
        self.watcher("d", replace(MEMBER, user_id=UserId(2)))
        self.assertEqual(self.hub.count_of(alice), 3)
        self.hub.drop(watchers[0])
        self.hub.remove(watchers[0])
        self.hub.remove(watchers[1])
        self.hub.remove(watchers[1])
        self.assertEqual(self.hub.count_of(alice), 1)
        self.assertEqual(len(self.hub), 2)


class PeerNewsTests(HubTestCase):
    """The watchers that are told of a peer, and of its endpoint."""

    def told(self, wire: Wire) -> list[tuple[object, object]]:
        """Return the peers of the last message, each with its endpoint."""
        message: dict[str, Any] = wire.sent[-1]
        self.assertEqual(message["type"], "vpn_status")
        return [(each["id"], each["endpoint"]) for each in message["peers"]]

    def test_each_his_own(self) -> None:
        """One's own, and hosts of one's projects without their place."""
        alice = Visibility(everything=False, projects=frozenset(), user_id=UserId(1))
        bob = Visibility(
            everything=False, projects=frozenset({PROJECT}), user_id=UserId(2)
        )
        wires = {
            name: self.watcher(name, audience)[1]
            for name, audience in (
                ("alice", alice),
                ("bob", bob),
                ("admin", ADMIN),
                ("nobody", Visibility(everything=False, projects=frozenset())),
            )
        }
        self.hub.peers_observed(
            [
                peer(1, 1, None),
                peer(2, 2, None),
                peer(3, None, PROJECT),
                peer(4, None, OTHER),
            ]
        )
        place = "203.0.113.9:4000"
        self.assertEqual(self.told(wires["alice"]), [(1, place)])
        self.assertEqual(self.told(wires["bob"]), [(2, place), (3, None)])
        self.assertEqual(
            self.told(wires["admin"]), [(each, place) for each in (1, 2, 3, 4)]
        )
        self.assertEqual(wires["nobody"].sent, [])

    def test_confined(self) -> None:
        """A token for one project is told of no peer, though its owner is."""
        owner = Visibility(
            everything=False, projects=frozenset({PROJECT}), user_id=UserId(1)
        )
        _, wire = self.watcher("script", replace(owner, confined=True))
        _, page = self.watcher("page", owner)
        self.hub.peers_observed([peer(1, 1, None), peer(3, None, PROJECT)])
        self.assertEqual(wire.sent, [])
        self.assertEqual(len(page.sent), 1)

    def test_encoded_once(self) -> None:
        """Watchers with the same visibility are sent the same bytes."""
        framed: list[bytes] = []
        frame = self.hub._frame

        def counted(payload: bytes) -> bytes:
            framed.append(payload)
            return frame(payload)

        self.hub._frame = counted
        alike = [Visibility(everything=True, projects=frozenset()) for _ in range(5)]
        wires = [self.watcher(f"a{n}", each)[1] for n, each in enumerate(alike)]
        self.hub.peers_observed([peer(1, 1, None)])
        self.assertEqual(len(framed), 1)
        self.assertEqual([len(each.sent) for each in wires], [1] * 5)

    def test_slow(self) -> None:
        """Nothing is kept for a watcher that does not read; the next news is newer."""
        watcher, wire = self.watcher("admin", ADMIN)
        watcher.pause()
        self.hub.peers_observed([peer(1, 1, None)])
        watcher.resume()
        self.assertEqual(wire.sent, [])
        self.hub.peers_observed([peer(2, 1, None)])
        self.assertEqual([each for each, _ in self.told(wire)], [2])
