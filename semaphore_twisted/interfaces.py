"""Interfaces between the packages; each has an implementation and a test double."""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IReactorTCP,
    IReactorTime,
    IReactorUDP,
    IReactorUNIX,
)
from zope.interface import Attribute, Interface

from semaphore_twisted.model.checks import CheckResult, CheckTarget
from semaphore_twisted.model.ids import ProjectId, RepositoryId, TaskId
from semaphore_twisted.model.jobs import JobResult, JobSpecification
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.results import JobEvent, RunProgress
from semaphore_twisted.model.tasks import OutputLine, Task
from semaphore_twisted.wireguard.vpn_state import VpnState
from semaphore_twisted.wireguard.wire import Finding

P = ParamSpec("P")
T = TypeVar("T")

#: A function of one transaction; its first argument is the connection, whose type is
#: not known here (``persistence.engine.Connection``).
Operation: TypeAlias = Callable[Concatenate[Any, P], T]


class WriteFunction(Protocol):
    """Runs a changing operation, as :meth:`IDatabase.write` does."""

    def __call__(
        self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *operation*; the Deferred fires after the commit."""


class ComputeFunction(Protocol):
    """Runs a function in the worker thread for CPU-intensive work."""

    def __call__(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *function*; the Deferred fires with its result."""


class IServerReactor(IReactorTime, IReactorTCP, IReactorUDP, IReactorUNIX):
    """The reactor interfaces that the services of the server need together."""


class IDatabase(Interface):
    """Runs operations, each in one transaction.

    An operation is ``operation(conn, *args, **kwargs) -> T``, where *conn* is the
    ``persistence.engine.Connection``; it uses nothing else.
    """

    def read(
        operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a short reading *operation* on a snapshot, possibly before returning."""

    def long_read(
        operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a long reading *operation* in the reader thread."""

    def write(
        operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *operation* as the only writer; the Deferred fires after the commit.

        If *operation* raises, the transaction is rolled back and the Deferred fails. If
        the disk is full, another program holds the database, or it cannot be written,
        it fails with ``model.errors.NoRoom``, ``Busy`` or ``Unwritable``.
        """

    def writing(
        *, urgent: bool = False, durable: bool = False, sparing: bool = False
    ) -> WriteFunction:
        """Return a function like :meth:`write` with other guarantees.

        An *urgent* operation may use the disk space that is reserved for the ends of
        tasks and for logins. A *durable* operation, and each one before it, is on disk
        when the Deferred fires. A *sparing* operation fails with ``NoRoom`` earlier
        than other writes.
        """


class IJobReceiver(Interface):
    """Receives the output of a job; implemented by the task that owns the job."""

    def lines(
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Store *lines* (seconds since the epoch, text) and the *offset* after them.

        The *events* between them are stored in the same transaction. The next lines are
        delivered only after the Deferred has fired. If it fails, the job is no longer
        followed; it can be attached to again.
        """

    def part(moment: float, text: str) -> Deferred[None]:
        """Publish *text*, the beginning of the next line, without storing it.

        A later call has a longer text of the same line. In the end *lines* is called
        with the whole line and with this *moment*. More output is delivered after the
        Deferred has fired; it never fails.
        """

    def fact(name: str, value: str) -> None:
        """Receive a fact that a step captured, such as ``commit_hash``."""

    def ended(result: JobResult) -> None:
        """Receive *result*, after every line was delivered."""


class IJob(Interface):
    """A running or finished job under a supervisor."""

    def stop() -> None:
        """Request an orderly end: SIGTERM, and SIGKILL after the grace period."""

    def kill() -> None:
        """Request an immediate end: SIGKILL to every process."""

    def decide(order: str) -> None:
        """Pass on *order*, the decision about an approval that the job waits for.

        A repetition is permitted, and changes nothing.
        """

    def release(offset: int) -> None:
        """Free the disk space of output before *offset*, which is stored durably."""

    def abandon() -> None:
        """Stop following the job; it continues and can be attached to again."""


class IJobRunner(Interface):
    """Starts jobs, and attaches to existing ones."""

    def start(
        specification: JobSpecification, receiver: IJobReceiver
    ) -> Deferred[IJob]:
        """Start the job of *specification*; fires once its supervisor has it."""

    def attach(spool: str, offset: int, receiver: IJobReceiver) -> IJob:
        """Follow the job of *spool* from *offset*; returns at once.

        A job whose supervisor is gone without a result ends as ``error``,
        "interrupted".
        """


class ITaskControl(Interface):
    """Requests that other packages may make of the task service."""

    def wake() -> None:
        """Check the queue: a task was added or changed."""

    def changed(task: Task) -> None:
        """Tell the observers that an operation changed *task*, and check the queue.

        The decision about its plan is passed on to its job.
        """

    def stop(task_id: TaskId, *, force: bool) -> Deferred[None]:
        """End a task; raises ``model.tasks.IllegalMove`` if it has already ended."""

    def flush(task_id: TaskId) -> Deferred[None]:
        """Fire once every received line of the task is stored."""


class IScheduleControl(Interface):
    """Requests that other packages may make of the service of schedules."""

    def wake() -> None:
        """Look for due schedules: one was added, changed or switched."""


class ICheckControl(Interface):
    """Checks of inventories and repositories: one at a time of each object."""

    def start(
        target: CheckTarget, repository_id: RepositoryId | None = None
    ) -> Deferred[None]:
        """Start a check of *target*; fires once its job runs.

        *repository_id* is the repository with the file of an inventory that has none.
        Fails with ``model.errors.Conflict`` if it is checked already or too many checks
        run, with ``Invalid`` if it cannot be checked, with ``Unavailable`` if the
        machine lacks something.
        """

    def progress(target: CheckTarget) -> CheckResult | None:
        """Return what a running check has found so far; ``None`` if none runs."""

    def stop(target: CheckTarget) -> None:
        """Stop the check of *target*, if one runs."""

    def ended(target: CheckTarget) -> Deferred[None]:
        """Fire when the check of *target*, if one runs, has ended and is stored."""


class ITaskObserver(Interface):
    """Is notified of changes of tasks, after the commit."""

    def task_changed(task: Task) -> None:
        """Receive *task* after its status has changed."""

    def output_appended(
        project_id: ProjectId, task_id: TaskId, lines: Sequence[OutputLine]
    ) -> None:
        """Receive stored *lines* of the task; their numbers are consecutive."""

    def output_begun(project_id: ProjectId, line: OutputLine) -> None:
        """Take the beginning of a task's next line, which has not ended.

        A later call has a longer text of the same line. *output_appended* is called
        with the whole line, which has the same number.
        """

    def progress_changed(
        project_id: ProjectId, task_id: TaskId, progress: RunProgress
    ) -> None:
        """Take the play and the task at which a run is now."""


class IAccessObserver(Interface):
    """Is notified when access rights have changed, after the commit."""

    def access_changed() -> None:
        """Check every open connection again: a session, role or account has changed."""


class IPeerControl(Interface):
    """Requests that other packages may make of the VPN peer service."""

    def wake() -> None:
        """Synchronize the device with the desired state soon: it has changed."""

    def applied(revision: int) -> Deferred[str]:
        """Fire once the device has *revision*, with an empty text, or with the reason.

        It fires within a few seconds in any case; the change may be applied later.
        """

    def confirm_mass_removal() -> Deferred[str]:
        """Allow the removal of most peers that was held back as unexplained.

        Only the removal that was held back (``state().unsafe``) can be confirmed. Fires
        as :meth:`applied` does.
        """

    def state() -> VpnState:
        """Return the current state."""

    def statuses() -> Deferred[Sequence[PeerStatus]]:
        """Fire with the status of every peer on the device; fails without a device."""

    def plan() -> Deferred[Sequence[str]]:
        """Fire with the pending changes, one sentence each."""

    def diagnose() -> Deferred[Sequence[Finding]]:
        """Fire with the findings of the companion and of the server."""


class IPeerObserver(Interface):
    """Is notified of the status of peers, after each poll of the device."""

    def peers_observed(statuses: Sequence[PeerStatus]) -> None:
        """Receive new *statuses*, each for its peer's owner and for administrators."""


class ICertificateSource(Interface):
    """Provides the TLS context for new connections."""

    leaf: x509.Certificate = Attribute("The certificate that is presented now")

    def context() -> SSL.Context:
        """Return the current context."""
