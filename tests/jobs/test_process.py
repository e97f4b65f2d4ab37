"""Following a spool, without a supervisor and without a reactor."""

import fcntl
import os
import resource
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessTerminated
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from semaphore_twisted.common import locks
from semaphore_twisted.interfaces import IJob, IJobReceiver, IJobRunner
from semaphore_twisted.jobs import spool
from semaphore_twisted.jobs.disk import punch
from semaphore_twisted.jobs.follow import Follower
from semaphore_twisted.jobs.lines import LONGEST
from semaphore_twisted.jobs.process import (
    SupervisedRunner,
    _Starting,
)
from semaphore_twisted.jobs.shortages import SupervisorFailed
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.results import (
    JobEvent,
    ReportsDropped,
    RunBegun,
    RunEnded,
    StepBegun,
)

RESULT = JobResult(status="error", reason="why", started=1.0, ended=2.0)


@implementer(IJobReceiver)
class Receiver:
    """Records deliveries; each is stored when the test fires its Deferred."""

    def __init__(self) -> None:
        self.given: list[object] = []
        self.storing: list[Deferred[None]] = []

    def lines(
        self,
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Record lines."""
        self.given.append(([text for _, text in lines], offset))
        self.given += events
        self.storing.append(Deferred())
        return self.storing[-1]

    def part(self, moment: float, text: str) -> Deferred[None]:
        """Keep the beginning of a line."""
        self.given.append(text)
        return succeed(None)

    def fact(self, name: str, value: str) -> None:
        """Keep a fact."""
        self.given.append({name: value})

    def ended(self, result: JobResult) -> None:
        """Keep the result."""
        self.given.append(result)

    def store(self) -> None:
        """Complete all pending stores."""
        storing, self.storing = self.storing, []
        for deferred in storing:
            deferred.callback(None)


class FollowerTests(SynchronousTestCase):
    """Tests of :class:`Follower`."""

    def setUp(self) -> None:
        """Make a spool whose supervisor lives."""
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.spool = Path(place.name)
        self.lock = os.open(self.spool / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.reactor: Any = MemoryReactorClock()
        self.receiver = Receiver()
        self.size = 0
        self.lost = 0

    def tearDown(self) -> None:
        """Let the lock go."""
        self.die()

    def die(self) -> None:
        """Release the lock, as at the supervisor's end."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def write(self, kind: int, body: bytes) -> int:
        """Write a record as the supervisor does; return the offset after it."""
        record = spool.encode(kind, 5.0, body)
        with (self.spool / "output").open("ab") as file:
            file.write(record)
        self.size += len(record)
        return self.size

    def follow(self, offset: int = 0) -> Follower:
        """Return a follower that has begun."""

        def vanished(follower: Follower) -> None:
            self.lost += 1

        follower = Follower(
            reactor=self.reactor,
            receiver=self.receiver,
            vanished=vanished,
            spool=self.spool,
            offset=offset,
        )
        follower.begin()
        self.addCleanup(follower.abandon)
        return follower

    def connect(self) -> StringTransport:
        """Let the last connection be made."""
        factory = self.reactor.unixClients[-1][1]
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.protocol = protocol
        return transport

    def test_interface(self) -> None:
        """The interfaces are kept."""
        verifyObject(IJob, self.follow())
        verifyClass(IJobRunner, SupervisedRunner)

    def test_back_pressure(self) -> None:
        """The next lines are read when the last ones are stored."""
        first = self.write(spool.RecordKind.OUTPUT, b"one\ntwo\n")
        self.follow()
        second = self.write(spool.RecordKind.NOTE, b"three\n")
        self.assertEqual(self.receiver.given, [(["one", "two"], first)])
        self.reactor.advance(5)
        self.assertEqual(len(self.receiver.given), 1)
        self.receiver.store()
        self.assertEqual(self.receiver.given[1:], [(["three"], second)])

    def test_offset(self) -> None:
        """From an offset between two records only what follows is given."""
        offset = self.write(spool.RecordKind.OUTPUT, b"one\n")
        end = self.write(spool.RecordKind.OUTPUT, b"two\n")
        self.follow(offset)
        self.assertEqual(self.receiver.given, [(["two"], end)])

    def test_facts_come_with_the_offset_after_them(self) -> None:
        """A fact is given before lines whose offset is behind it."""
        self.write(spool.RecordKind.STEP, b'{"name": "clone"}')
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.write(spool.RecordKind.FACT, b'{"name": "a", "value": "b"}')
        end = self.write(spool.RecordKind.OUTPUT, b"two\n")
        self.follow()
        begun = JobEvent(1, 5.0, StepBegun("clone"))
        self.assertEqual(
            self.receiver.given, [{"a": "b"}, (["one", "two"], end), begun]
        )

    def test_events(self) -> None:
        """Events come with the lines around them, even without any line."""
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.write(spool.RecordKind.REPORT, b'{"type": "start", "plays": 2}')
        self.write(spool.RecordKind.OUTPUT, b"two\n")
        end = self.write(spool.RecordKind.REPORT, b'{"type": "play"}')
        follower = self.follow()
        self.assertEqual(
            self.receiver.given,
            [
                (["one", "two"], end),
                JobEvent(2, 5.0, RunBegun(plays=2)),
                JobEvent(3, 5.0, ReportsDropped(1)),
            ],
        )
        self.receiver.store()
        self.receiver.given.clear()
        end = self.write(spool.RecordKind.STEP, b'{"name": "next"}')
        self.reactor.advance(1)
        self.assertEqual(
            self.receiver.given, [([], end), JobEvent(1, 5.0, StepBegun("next"))]
        )
        self.receiver.store()
        self.assertEqual(follower.offset, end)

    def test_event_in_a_line(self) -> None:
        """An event after a part of a line ends this line, as other records do."""
        self.write(spool.RecordKind.PART, b"Password: ")
        end = self.write(spool.RecordKind.REPORT, b'{"type": "end", "errors": 0}')
        self.write(spool.RecordKind.PART, b"more")
        self.follow()
        self.assertEqual(
            self.receiver.given,
            [(["Password: "], end), JobEvent(2, 5.0, RunEnded(errors=0))],
        )

    def test_record_ends_a_line(self) -> None:
        """A record of output ends its line, as in spools of before parts of lines."""
        self.write(spool.RecordKind.OUTPUT, b"Password: ")
        end = self.write(spool.RecordKind.OUTPUT, b"ok\n")
        self.follow()
        self.assertEqual(self.receiver.given, [(["Password: ", "ok"], end)])

    def test_part(self) -> None:
        """A line in several parts is one line, with the time of its first part."""
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        first = self.size
        self.write(spool.RecordKind.PART, b"working... ")
        follower = self.follow()
        self.assertEqual(self.receiver.given, [(["one"], first)])
        self.receiver.store()
        self.assertEqual(self.receiver.given[1:], ["working... "])
        self.assertEqual(follower.offset, first)
        self.write(spool.RecordKind.PART, b"still\r")
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given[2:], ["working... still"])
        self.assertEqual(follower.offset, first)
        end = self.write(spool.RecordKind.OUTPUT, b"\ndone\n")
        self.reactor.advance(1)
        self.assertEqual(
            self.receiver.given[3:], [(["working... still\r", "done"], end)]
        )
        self.receiver.store()
        self.assertEqual(follower.offset, end)

    def test_part_again(self) -> None:
        """After a crash in a line the whole line is read again, and stored once."""
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.write(spool.RecordKind.PART, b"a")
        first = self.follow()
        self.receiver.store()
        self.write(spool.RecordKind.PART, b"b")
        self.reactor.advance(1)
        stored = first.offset
        first.abandon()
        self.receiver.given.clear()
        self.follow(stored)
        self.assertEqual(self.receiver.given, ["ab"])
        end = self.write(spool.RecordKind.OUTPUT, b"c\n")
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given, ["ab", (["abc"], end)])

    def test_part_ends(self) -> None:
        """Any record but more output ends a line, and the end of the job does."""
        self.write(spool.RecordKind.PART, b"a")
        self.write(spool.RecordKind.NOTE, b"note\n")
        self.write(spool.RecordKind.PART, b"b")
        self.write(spool.RecordKind.STEP, b'{"name": "next"}')
        self.write(spool.RecordKind.PART, b"c")
        self.write(spool.RecordKind.FACT, b'{"name": "x", "value": "y"}')
        between = self.size
        end = self.write(spool.RecordKind.PART, b"\xc3\xa9d")
        (self.spool / "result").write_bytes(msgspec.json.encode(RESULT))
        self.follow()
        self.assertEqual(
            self.receiver.given,
            [
                {"x": "y"},
                (["a", "note", "b", "c"], between),
                JobEvent(4, 5.0, StepBegun("next")),
            ],
        )
        self.receiver.store()
        self.assertEqual(self.receiver.given[3:], ["éd", (["éd"], end)])
        self.receiver.store()
        self.assertEqual(self.receiver.given[5:], [RESULT])

    def test_part_of_vanished(self) -> None:
        """The beginning of a line from a vanished supervisor becomes a line."""
        end = self.write(spool.RecordKind.PART, b"a")
        self.die()
        self.follow()
        self.assertEqual(self.receiver.given, ["a", (["a"], end)])
        self.assertEqual(self.lost, 0)
        self.receiver.store()
        self.assertEqual(self.lost, 1)

    def test_part_too_long(self) -> None:
        """The memory for a line is limited, for any content of the spool."""
        self.write(spool.RecordKind.PART, b"x" * LONGEST)
        end = self.write(spool.RecordKind.PART, b"y" * LONGEST)
        follower = self.follow()
        self.assertEqual(self.receiver.given, [(["x" * LONGEST, "y" * LONGEST], end)])
        self.receiver.store()
        self.assertEqual(follower.offset, end)
        last = self.write(spool.RecordKind.OUTPUT, b"z\n")
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given[1:], [(["z"], last)])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [
                        spool.RecordKind.PART,
                        spool.RecordKind.OUTPUT,
                        spool.RecordKind.NOTE,
                    ]
                ),
                st.sampled_from([b"a", b"b\r", b"\xc3\xa9", b"\xff"]),
                st.sampled_from(["write", "store", "kill", "store and kill"]),
            )
        ),
    )
    def test_any_crash(self, records: list[tuple[int, bytes, str]]) -> None:
        """If the server is killed at any moment, no text is lost or repeated.

        After each record the follower reads nothing, or reads and stores the lines, or
        is replaced before or after that.
        """
        expected, begun = [], ""
        for kind, body, _ in records:
            if kind == spool.RecordKind.NOTE and begun:
                expected.append(begun)
                begun = ""
            begun += body.decode(errors="replace")
            if kind != spool.RecordKind.PART:
                expected.append(begun)
                begun = ""
        expected += [begun] if begun else []
        (self.spool / "output").write_bytes(b"")
        (self.spool / "result").unlink(missing_ok=True)
        self.receiver = Receiver()
        self.stored: list[str] = []
        self.offset = 0
        follower = self.follow()
        for kind, body, action in records:
            self.write(kind, body if kind == spool.RecordKind.PART else body + b"\n")
            if action != "write":
                self.reactor.advance(1)
            if "store" in action:
                self.store()
            if "kill" in action:
                follower.abandon()
                self.receiver = Receiver()
                follower = self.follow(self.offset)
                self.store()
        (self.spool / "result").write_bytes(msgspec.json.encode(RESULT))
        self.reactor.advance(1)
        self.store()
        self.assertEqual(self.receiver.given[-1], RESULT)
        self.assertEqual(self.stored, expected)

    def store(self) -> None:
        """Store all deliveries, each with its offset."""
        while self.receiver.storing:
            given = [each for each in self.receiver.given if isinstance(each, tuple)]
            lines, self.offset = given[-1]
            self.stored += lines
            self.receiver.store()

    def test_long_record(self) -> None:
        """A record that is longer than one read is given."""
        end = self.write(spool.RecordKind.OUTPUT, b"x\n" * 500_000)
        self.follow()
        self.assertEqual(self.receiver.given, [(["x"] * 500_000, end)])

    def test_notification(self) -> None:
        """A byte of the supervisor's brings the next lines at once."""
        self.follow()
        self.connect()
        end = self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.protocol.dataReceived(b".")
        self.assertEqual(self.receiver.given, [(["one"], end)])

    def test_timer(self) -> None:
        """Without a connection a timer looks for more."""
        self.follow()
        end = self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given, [(["one"], end)])

    def test_torn(self) -> None:
        """The follower waits for the rest of an incomplete record."""
        self.follow()
        record = spool.encode(spool.RecordKind.OUTPUT, 0, b"one\n")
        with (self.spool / "output").open("wb", buffering=0) as file:
            file.write(record[:10])
            self.reactor.advance(1)
            self.assertEqual(self.receiver.given, [])
            file.write(record[10:])
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given, [(["one"], len(record))])

    def test_hole(self) -> None:
        """Output stored in another database is skipped, with a line that says so."""
        first = self.write(spool.RecordKind.OUTPUT, b"x" * 3_000_000 + b"\n")
        second = self.write(spool.RecordKind.OUTPUT, b"y" * 3_000_000 + b"\n")
        last = self.write(spool.RecordKind.OUTPUT, b"kept\n")
        with (self.spool / "output").open("r+b") as file:
            punch(file.fileno(), second)
        self.follow(first)
        missing = f"{second - first} bytes of output are missing"
        self.assertEqual(
            self.receiver.given, [([f"{missing}: another database has them"], second)]
        )
        self.receiver.store()
        self.assertEqual(self.receiver.given[-1], (["kept"], last))

    def test_only_zeros(self) -> None:
        """Zeros at the end are no hole: the follower waits for records."""
        (self.spool / "output").write_bytes(bytes(100_000))
        self.follow()
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given, [])

    def test_result_comes_last(self) -> None:
        """The result is given after every line is stored."""
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        (self.spool / "result").write_bytes(msgspec.json.encode(RESULT))
        self.follow()
        self.assertNotIn(RESULT, self.receiver.given)
        self.receiver.store()
        self.assertEqual(self.receiver.given[1:], [RESULT])
        self.reactor.advance(10)
        self.assertEqual(len(self.receiver.given), 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_damaged_result(self) -> None:
        """A damaged result is an error, and no hang."""
        (self.spool / "result").write_bytes(b"{")
        self.follow()
        result = self.receiver.given[-1]
        assert isinstance(result, JobResult)
        self.assertEqual(result.status, "error")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_shortage(self) -> None:
        """A spool that cannot be opened for want of descriptors is read later."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        self.write(spool.RecordKind.OUTPUT, b"a line\n")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        self.follow()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        self.assertEqual(self.receiver.given, [])
        self.reactor.advance(1)
        self.assertEqual(self.receiver.given, [(["a line"], self.size)])
        self.receiver.store()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        self.reactor.advance(2)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        self.write(spool.RecordKind.OUTPUT, b"another\n")
        self.reactor.advance(2)
        self.assertEqual(self.receiver.given[-1], (["another"], self.size))
        self.assertEqual(self.lost, 0)

    def test_orders(self) -> None:
        """An order before the connection is sent with it, a later one at once."""
        follower = self.follow()
        follower.stop()
        transport = self.connect()
        self.assertEqual(transport.value(), b"stop\n")
        follower.kill()
        self.assertEqual(transport.value(), b"stop\nkill\n")

    def test_abandon(self) -> None:
        """An abandoned follower delivers nothing more, and closes all files."""
        before = len(list(Path("/proc/self/fd").iterdir()))
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        follower = self.follow()
        transport = self.connect()
        follower.abandon()
        self.write(spool.RecordKind.OUTPUT, b"two\n")
        self.receiver.store()
        self.reactor.advance(10)
        self.assertEqual(len(self.receiver.given), 1)
        self.assertTrue(transport.disconnecting)
        self.assertEqual(len(list(Path("/proc/self/fd").iterdir())), before)

    def test_failing_store(self) -> None:
        """A store that fails ends the following."""
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.follow()
        self.receiver.storing.pop().errback(ZeroDivisionError())
        self.reactor.advance(10)
        self.assertEqual(len(self.receiver.given), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_vanished(self) -> None:
        """A vanished supervisor is reported after its last lines; each next one too.

        A supervisor that cleans up may be killed as well, but this has an end.
        """
        self.write(spool.RecordKind.OUTPUT, b"one\n")
        self.die()
        follower = self.follow()
        self.assertEqual(self.lost, 0)
        self.receiver.store()
        self.assertEqual(self.lost, 1)
        self.reactor.advance(5)  # its cleanup has not started yet
        self.assertEqual(self.lost, 1)
        for number in (2, 3, 3):
            follower.resume()
            self.assertEqual(self.lost, number)
        result = self.receiver.given[-1]
        assert isinstance(result, JobResult)
        self.assertEqual((result.status, result.reason), ("error", "interrupted"))

    def test_lost_connection_is_no_lost_job(self) -> None:
        """A lost connection is made again while the supervisor lives."""
        self.follow()
        self.connect()
        self.protocol.connectionLost(Failure(ConnectionError()))
        self.reactor.advance(0.1)
        self.assertEqual(len(self.reactor.unixClients), 2)
        self.assertEqual(self.lost, 0)

    def test_alive(self) -> None:
        """A supervisor lives while it holds the lock of its spool."""
        folder = os.open(self.spool, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        self.assertTrue(locks.is_held("lock", directory=folder))
        self.die()
        self.assertFalse(locks.is_held("lock", directory=folder))
        (self.spool / "lock").unlink()
        self.assertFalse(locks.is_held("lock", directory=folder))


class StartingTests(SynchronousTestCase):
    """The time between the start of a supervisor and its ready message."""

    def test_ready(self) -> None:
        """The supervisor's byte means that the job runs; its later end is no news."""
        starting = _Starting(b"", Path("/nonexistent"))
        starting.childDataReceived(1, b"R")
        self.assertIsNone(self.successResultOf(starting.ready))
        starting.processExited(Failure(ProcessTerminated(1)))

    def test_failed(self) -> None:
        """The supervisor's standard error is the reason."""
        with tempfile.NamedTemporaryFile() as errors:
            errors.write(b"Traceback\nOSError: no\n")
            errors.flush()
            starting = _Starting(b"", Path(errors.name))
            starting.processExited(Failure(ProcessTerminated(1)))
        failure = self.failureResultOf(starting.ready, SupervisorFailed)
        self.assertIn("OSError: no", str(failure.value))
