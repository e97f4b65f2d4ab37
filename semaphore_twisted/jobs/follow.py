"""Follows the spool of one job and passes its lines to a receiver.

The supervisor's socket announces new output; a timer replaces it when the connection is
lost. The next lines are read only after the receiver has stored the last ones, so a
slow store needs disk space and no memory.

A line that has not ended is kept in memory, and its beginning is passed to the
receiver. The stored offset stays before this line, so that the line is read again after
a crash.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IDelayedCall,
    IReactorTime,
    IReactorUNIX,
)
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.common import locks
from semaphore_twisted.interfaces import IJob, IJobReceiver
from semaphore_twisted.jobs import spool
from semaphore_twisted.jobs.disk import after_hole, punch
from semaphore_twisted.jobs.lines import LineSplitter
from semaphore_twisted.jobs.shortages import shortage
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.results import (
    JobEvent,
    PlanEvent,
    PlanMade,
    Report,
    StepBegun,
)
from semaphore_twisted.runtime.coalescer import Coalescer

_READ = limits.SPOOL_READ
#: The most lines that the receiver gets at once; a single record may have more.
_LINES = limits.SPOOL_LINES
#: The beginning of a hole in the output; no record begins like this.
_NO_HEADER = bytes(spool.HEADER.size)
#: Seconds between two reads without an announcement of the supervisor.
_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
#: Supervisors that clean up, one after another, since each may be killed too.
_MOST_SWEEPS = 3


def _event(record: spool.SpoolRecord) -> StepBegun | Report | PlanEvent | None:
    """Return the event that *record* contains, if it is one of an event."""
    match record.kind:
        case spool.RecordKind.STEP:
            return StepBegun(spool.step(record.body))
        case spool.RecordKind.REPORT:
            return spool.report(record.body)
        case spool.RecordKind.PLAN:
            return PlanMade(record.body)
        case spool.RecordKind.APPROVAL:
            return spool.approval(record.body)
    return None


class IFollowReactor(IReactorTime, IReactorUNIX):
    """The reactor interfaces that a follower needs."""


class _Unopened(Exception):
    """A file of the spool cannot be opened at the moment."""


def _unopened(error: OSError) -> Exception:
    why = shortage(error)
    return error if why is None else _Unopened(why)


class _Connection(Protocol):
    """The client's side of ``SPOOL/control``."""

    def __init__(self, follower: "Follower") -> None:
        self._follower = follower

    @override
    def connectionMade(self) -> None:
        self._follower.connected(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        self._follower.read()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._follower.disconnected()

    def order(self, order: str) -> None:
        """Send an order."""
        if self.transport is not None:
            self.transport.write(f"{order}\n".encode())

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.loseConnection()


class _Factory(ClientFactory):
    """Builds the protocol of the connection."""

    noisy = False

    def __init__(self, follower: "Follower") -> None:
        self._follower = follower

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _Connection(self._follower)

    @override
    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._follower.disconnected()


@implementer(IJob)
class Follower:
    """Reads ``SPOOL/output`` from an offset on, and ``SPOOL/result`` at the end."""

    _log = Logger()

    def __init__(
        self,
        *,
        reactor: IFollowReactor,
        receiver: IJobReceiver,
        vanished: Callable[["Follower"], None],
        spool: Path,
        offset: int,
    ) -> None:
        """Follow *spool*; call *vanished* if the supervisor is gone."""
        self._reactor = reactor
        self._receiver = receiver
        self._vanished = vanished
        self.spool = spool
        #: after the last record whose lines are stored, and after the last one read
        self._offset = self._position = offset
        self._splitter = LineSplitter()
        #: time of the line that has not ended
        self._began = 0.0
        self._released = 0
        self._size = _READ
        self._folder: int | None = None
        self._output: int | None = None
        self._connection: _Connection | None = None
        self._connecting = False
        self._orders: list[str] = []
        self._timer: IDelayedCall | None = None
        self._pause = _SHORTEST_PAUSE
        self._reads = Coalescer(
            self._read, log=self._log, sentence="Following a job failed"
        )
        #: how often another supervisor was started to clean up, and whether one starts
        self._sweeps, self._sweeping = 0, False
        self._over = False

    # IJob

    def stop(self) -> None:
        """Ask the supervisor to stop the job in an orderly way."""
        self._order("stop")

    def kill(self) -> None:
        """Ask the supervisor to kill the job."""
        self._order("kill")

    def decide(self, order: str) -> None:
        """Pass on the decision about an approval; the job ignores a repetition."""
        self._order(order)

    @property
    def offset(self) -> int:
        """The offset up to which the receiver has stored the output."""
        return self._offset

    def release(self, offset: int) -> None:
        """Free the disk blocks of the output before *offset*, which is stored.

        The file keeps its size, and reads as zeros there. If the file system does not
        support holes, the space is freed when the job has ended.
        """
        if self._output is None or offset <= self._released:
            return
        try:
            punch(self._output, offset)
        except OSError:
            return
        self._released = offset

    def abandon(self) -> None:
        """Stop following."""
        self._over = True
        _ = self._reads.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._connection is not None:
            self._connection.close()
        # A read in progress does not use them after its await.
        for descriptor in (self._folder, self._output):
            if descriptor is not None:
                os.close(descriptor)
        self._folder = self._output = None

    def _order(self, order: str) -> None:
        if self._connection is not None:
            self._connection.order(order)
        else:
            self._orders.append(order)

    # The connection.

    def begin(self) -> None:
        """Begin to follow."""
        if self._over:
            return
        try:
            self._folder = os.open(
                self.spool, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            )
        except OSError as error:
            if shortage(error) is None:
                self.end("interrupted")
            else:  # the job keeps running, so try again
                self._timer = self._reactor.callLater(_LONGEST_PAUSE, self.begin)
            return
        self._connect()
        self.read()

    def _connect(self) -> None:
        """Connect by the open directory: a socket's path is limited to 108 bytes."""
        if self._connection is None and not self._connecting:
            self._connecting = True
            path = f"/proc/self/fd/{self._folder}/control"
            self._reactor.connectUNIX(path, _Factory(self), timeout=5)

    def connected(self, connection: _Connection) -> None:
        """Keep *connection*, and send the orders that are waiting."""
        self._connecting = False
        if self._over:
            connection.close()
            return
        self._connection = connection
        for order in self._orders:
            connection.order(order)
        self._orders.clear()
        self.read()

    def disconnected(self) -> None:
        """Note that the connection failed or ended."""
        self._connecting = False
        self._connection = None
        self._pause = _SHORTEST_PAUSE
        self.read()

    # Reading.

    def read(self) -> None:
        """Read new output, now or after the read in progress."""
        if not self._over:
            self._reads.call()

    async def _read(self) -> None:
        """Deliver all new output, and the result if there is one."""
        try:
            # Check the supervisor and the result before reading the output: then no
            # output can be added between the last read and the end.
            connected = self._connection is not None
            gone = not connected and not self._is_alive()
            result = self._read_result()
            await self._deliver_all(ended=result is not None or gone)
            if self._over:
                return
            if result is not None:
                self._finish(result)
                return
            if gone:
                self._lost()
                return
        except _Unopened as unopened:
            self._log.warn(
                "The output of a job cannot be read yet, will retry: {why}",
                why=str(unopened),
            )
        except Unavailable:
            # The receiver cannot store the lines now, and has reported it.
            if not self._over:
                self.abandon()
            return
        except BaseException:
            if not self._over:
                self.abandon()
            raise
        self._wait()

    def resume(self) -> None:
        """Continue: another supervisor cleans up now."""
        self._sweeping = False
        if not self._over:
            self._pause = _SHORTEST_PAUSE
            self._late()

    def _required(self) -> int:
        """Return the descriptor of the spool.

        :raises RuntimeError: if it is not open.
        """
        if self._folder is None:
            raise RuntimeError("the spool is not open")
        return self._folder

    def _wait(self) -> None:
        """Schedule the next read, in case no announcement arrives."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._connection is not None:
            self._pause = _LONGEST_PAUSE
        self._timer = self._reactor.callLater(self._pause, self._late)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _late(self) -> None:
        if not self._over:
            self._connect()
            self.read()

    def _is_alive(self) -> bool:
        try:
            return locks.is_held("lock", directory=self._required())
        except OSError as error:
            raise _unopened(error) from error

    def _open(self, name: str, flags: int) -> int | None:
        """Open a file of the spool; ``None`` if it does not exist yet."""
        try:
            return os.open(name, flags | os.O_CLOEXEC, dir_fd=self._required())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unopened(error) from error

    def _read_result(self) -> bytes | None:
        descriptor = self._open("result", os.O_RDONLY)
        if descriptor is None:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    async def _deliver_all(self, *, ended: bool) -> None:
        """Deliver all output; if the job has *ended*, also the line without an end."""
        while not self._over and await self._deliver():
            pass
        if ended and not self._over and (texts := self._splitter.flush()):
            lines = [(self._began, text) for text in texts]
            await self._receiver.lines(lines, self._position)
            self._offset = self._position

    async def _deliver(self) -> bool:
        """Deliver the records of one read; return whether there may be more."""
        if self._output is None:
            # only the supervisor writes to it; punching holes needs write access
            self._output = self._open("output", os.O_RDWR)
            if self._output is None:
                return False
        data = os.pread(self._output, self._size, self._position)
        records, _ = spool.decode(data, self._position)
        if not records and data.startswith(_NO_HEADER):
            return await self._pass_hole(self._output)
        if not records:
            # One record may be longer than a read.
            longer = len(data) == self._size and self._size < spool.LONGEST
            self._size *= 2 if longer else 1
            return longer
        self._size = _READ
        lines: list[tuple[float, str]] = []
        events: list[JobEvent] = []
        end = self._offset
        for record in records:
            lines += self._lines(record)
            if record.kind == spool.RecordKind.FACT:
                self._receiver.fact(*spool.fact(record.body))
            elif (what := _event(record)) is not None:
                events.append(JobEvent(len(lines) + 1, record.time, what))
            if not self._splitter.unfinished:
                end = record.end
            count = len(lines) + len(events)
            if count and (count >= _LINES or record is records[-1]):
                await self._receiver.lines(lines, end, events)
                if self._over:
                    return True
                lines, events = [], []
            self._offset, self._position = end, record.end
        if self._splitter.unfinished:
            await self._receiver.part(self._began, self._splitter.begun)
        return True

    def _lines(self, record: spool.SpoolRecord) -> list[tuple[float, str]]:
        """Return the lines that *record* completes, each with its time."""
        splitter = self._splitter
        began = self._began if splitter.unfinished else record.time
        texts: list[str] = []
        if record.kind not in {spool.RecordKind.OUTPUT, spool.RecordKind.PART}:
            texts = splitter.flush()
        if record.kind in {
            spool.RecordKind.OUTPUT,
            spool.RecordKind.PART,
            spool.RecordKind.NOTE,
        }:
            texts += splitter.feed(record.body)
        # No offset may lie inside of a record, so a line that is too long ends here.
        if record.kind != spool.RecordKind.PART or texts:
            texts += splitter.flush()
        self._began = began
        return [(began, text) for text in texts[:1]] + [
            (record.time, text) for text in texts[1:]
        ]

    async def _pass_hole(self, output: int) -> bool:
        """Continue after a hole; return whether there are records after it.

        The hole contained output that was stored in another database: an older copy of
        the database was restored.
        """
        begin = after_hole(output, self._position)
        if begin is None:
            return False
        missing = begin - self._position
        text = f"{missing} bytes of output are missing: another database has them"
        await self._receiver.lines([(time.time(), text)], begin)
        self._offset = self._position = begin
        return True

    # The end.

    def _finish(self, data: bytes) -> None:
        try:
            result = spool.result(data)
        except ValueError:
            self._log.failure("The result of a job is damaged")
            self.end("The result of the job is damaged")
            return
        self.abandon()
        self._receiver.ended(result)

    def _lost(self) -> None:
        """Handle a supervisor that is gone without a result."""
        if self._sweeping:
            return  # its cleanup is being prepared
        if self._sweeps == _MOST_SWEEPS:
            self.end("interrupted")
            return
        self._sweeps += 1
        self._sweeping = True
        self._vanished(self)

    def end(self, reason: str) -> None:
        """End as ``error`` with *reason*, without a result of the supervisor."""
        if self._over:
            return
        self.abandon()
        now = time.time()
        self._receiver.ended(
            JobResult(status="error", reason=reason, started=now, ended=now)
        )
