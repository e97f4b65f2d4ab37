"""Starts supervisors, and attaches to running ones.

A supervisor outlives the server, and is found again by its spool. The lock of the spool
is taken before the supervisor starts and is passed on to it: at no moment does a job
that is about to run look as if its supervisor had vanished.
"""

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import Protocol

import msgspec
from attrs import field, frozen
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.interfaces import IJob, IJobReceiver, IJobRunner
from semaphore_twisted.jobs.disk import reserve
from semaphore_twisted.jobs.follow import Follower, IFollowReactor
from semaphore_twisted.jobs.identities import REMAINS, Identities
from semaphore_twisted.jobs.shortages import (
    TEMPORARY,
    SupervisorFailed,
    check_descriptors,
)
from semaphore_twisted.model.jobs import JobSpecification, Step
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.runtime.deferreds import log_errors

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_LOCK = 3
_OUT, _ERR = 1, 2
_ERRORS = "errors"


class IJobReactor(IFollowReactor, IReactorProcess):
    """The reactor interfaces that a runner needs."""


class _Remains(msgspec.Struct, frozen=True, kw_only=True):
    """``SPOOL/job``: the facts needed to clean up after a vanished supervisor."""

    mark: str
    workspace: str
    uid: int | None
    gid: int | None
    started: float


class _Interrupted(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a supervisor that only cleans up (``supervision.specification``)."""

    mark: str
    spool: str
    workspace: str
    uid: int | None
    gid: int | None
    interrupted: float
    offset: int
    steps: tuple[()] = ()
    finally_steps: tuple[Step, ...]
    grace: float = 0

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "spool")


class _Starting(ProcessProtocol):
    """Sends the specification, and waits until the supervisor has locked the spool."""

    def __init__(self, data: bytes, errors: Path) -> None:
        self._data = data
        self._errors = errors
        self.ready: Deferred[None] = Deferred()
        self._fired = False

    @override
    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.writeToChild(0, self._data)
            self.transport.closeChildFD(0)
        self._data = b""

    @override
    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._fire(None)

    @override
    def processExited(self, reason: Failure) -> None:
        try:
            said = self._errors.read_text("utf-8", "replace").strip()[-2000:]
        except OSError:
            said = ""
        sentence = f"The job's supervisor failed: {said or reason.value}"
        temporary = getattr(reason.value, "exitCode", None) == TEMPORARY
        self._fire(Failure(SupervisorFailed(sentence, temporary=temporary)))

    def _fire(self, result: Failure | None) -> None:
        if not self._fired:
            self._fired = True
            self.ready.callback(result)


class LastSteps(Protocol):
    """Returns the last steps of the job with a spool whose supervisor vanished.

    The specification of the job vanished too.
    """

    async def __call__(self, spool: Path) -> tuple[Step, ...]:
        """Return them."""


async def _no_steps(spool: Path) -> tuple[Step, ...]:
    """Return the last steps of a job that has none."""
    del spool
    return ()


@implementer(IJobRunner)
@frozen(kw_only=True)
class SupervisedRunner:
    """Runs jobs on this machine, each under its own supervisor."""

    _log = Logger()

    reactor: IJobReactor
    #: The Python interpreter for supervisors.
    python: str = field(default=sys.executable)
    #: The user ids for jobs, if each job has its own user.
    identities: Identities | None = None
    last_steps: LastSteps = field(default=_no_steps)

    def start(
        self, specification: JobSpecification, receiver: IJobReceiver
    ) -> Deferred[IJob]:
        """Start the job of *specification*.

        Fails with :class:`SupervisorFailed` or ``OSError``; the job does not run then.
        """
        return Deferred.fromCoroutine(self._start(specification, receiver))

    def attach(self, spool: str, offset: int, receiver: IJobReceiver) -> Follower:
        """Follow the job of *spool* from *offset*, whether it still runs or not.

        If its supervisor is gone without a result, the rest of the job is cleaned up,
        and the job ends as ``error``, "interrupted".
        """
        follower = self._follower(Path(spool), offset, receiver)
        self.reactor.callLater(0, follower.begin)
        return follower

    def _follower(self, spool: Path, offset: int, receiver: IJobReceiver) -> Follower:
        return Follower(
            reactor=self.reactor,
            receiver=receiver,
            vanished=self._sweep,
            spool=spool,
            offset=offset,
        )

    async def _start(
        self, specification: JobSpecification, receiver: IJobReceiver
    ) -> IJob:
        check_descriptors()
        spool = Path(specification.spool)
        if self.identities is not None:
            uid, gid = self.identities.free()
            specification = replace(specification, uid=uid, gid=gid)
        remains = _Remains(
            mark=specification.mark,
            workspace=specification.workspace,
            uid=specification.uid,
            gid=specification.gid,
            started=time.time(),
        )
        specification = replace(specification, disk_reserve=reserve(spool))
        _write(spool / REMAINS, msgspec.json.encode(remains))
        await self._spawn(spool, msgspec.json.encode(specification))
        follower = self._follower(spool, 0, receiver)
        follower.begin()
        return follower

    def _sweep(self, follower: Follower) -> None:
        """Start another supervisor that cleans up after one that vanished."""
        log_errors(
            Deferred.fromCoroutine(self._swept(follower)),
            log=self._log,
            sentence="Cleaning up after a job failed",
        )

    async def _swept(self, follower: Follower) -> None:
        try:
            remains = msgspec.json.decode(
                (follower.spool / REMAINS).read_bytes(), type=_Remains
            )
            order = _Interrupted(
                mark=remains.mark,
                spool=str(follower.spool),
                workspace=remains.workspace,
                uid=remains.uid,
                gid=remains.gid,
                interrupted=remains.started,
                offset=follower.offset,
                finally_steps=await self._last_steps(follower.spool),
            )
            await self._spawn(follower.spool, msgspec.json.encode(order))
        except FileNotFoundError:
            # The server ended before it started a supervisor.
            follower.end("interrupted")
            return
        except (OSError, ValueError, SupervisorFailed):
            follower.end("interrupted")
            raise
        follower.resume()

    async def _last_steps(self, spool: Path) -> tuple[Step, ...]:
        try:
            return await self.last_steps(spool)
        except Exception:  # noqa: BLE001 - the job must end in any case
            self._log.failure("The last steps of a job are not known")
            return ()

    def _spawn(self, spool: Path, data: bytes) -> Deferred[None]:
        """Start a supervisor for *spool*; fires once it holds the lock permanently."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        protocol = _Starting(data, spool / _ERRORS)
        lock = os.open(spool / "lock", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            errors = os.open(spool / _ERRORS, flags | os.O_APPEND, 0o600)
            try:
                self.reactor.spawnProcess(
                    protocol,
                    self.python,
                    [self.python, "-I", "-S", "-X", "utf8", str(_SUPERVISOR)],
                    env={"LC_ALL": "C.UTF-8"},
                    path=None,
                    childFDs={0: "w", _OUT: "r", _ERR: errors, _LOCK: lock},
                )
            finally:
                os.close(errors)
        finally:
            os.close(lock)
        return protocol.ready


def _write(path: Path, data: bytes) -> None:
    """Write a private file."""
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
    )
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
