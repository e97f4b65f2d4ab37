"""Interfaces between the packages; each has an implementation and a test double."""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from semaphore_twisted.model.ids import ProjectId, TaskId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.tasks import OutputLine, Task
from semaphore_twisted.wireguard.state import Change, DeviceState

P = ParamSpec("P")
T = TypeVar("T")


class IDatabase(Interface):
    """Runs operations, each in one transaction.

    An operation is ``operation(conn, *args, **kwargs) -> T``, where *conn* is the
    ``persistence.engine.Connection``; it uses nothing else.
    """

    def read(
        operation: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a short reading *operation* on a snapshot, possibly before returning."""

    def long_read(
        operation: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a long reading *operation* in the reader thread."""

    def write(
        operation: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *operation* as the only writer; the Deferred fires after the commit.

        If *operation* raises, the transaction is rolled back and the Deferred fails. If
        the disk is full, another program holds the database, or it cannot be written,
        it fails with ``model.errors.NoRoom``, ``Busy`` or ``Unwritable``.
        """

    def writing(
        *, urgent: bool = False, durable: bool = False, sparing: bool = False
    ) -> Callable[..., Deferred[Any]]:
        """Return a function like :meth:`write` with other guarantees.

        An *urgent* operation may use the disk space that is reserved for the ends of
        tasks and for logins. A *durable* operation, and each one before it, is on disk
        when the Deferred fires. A *sparing* operation fails with ``NoRoom`` earlier
        than other writes.
        """


class IJobReceiver(Interface):
    """Receives the output of a job; implemented by the task that owns the job."""

    def lines(lines: Sequence[tuple[float, str]], offset: int) -> Deferred[None]:
        """Store *lines* (seconds since the epoch, text) and the *offset* after them.

        The next lines are delivered only after the Deferred has fired. If it fails, the
        job is no longer followed; it can be attached to again.
        """

    def part(moment: float, text: str) -> Deferred[None]:
        """Publish *text*, the beginning of the next line, without storing it.

        A later call has a longer text of the same line. In the end *lines* is called
        with the whole line and with this *moment*. More output is delivered after the
        Deferred has fired; it never fails.
        """

    def fact(name: str, value: str) -> None:
        """Receive a fact that a step captured, such as ``commit_hash``."""

    def step(name: str) -> None:
        """Receive the name of a step that has begun."""

    def ended(result: Any) -> None:
        """Receive the ``jobs.steps.JobResult``, after every line was delivered."""


class IJob(Interface):
    """A running or finished job under a supervisor."""

    def stop() -> None:
        """Request an orderly end: SIGTERM, and SIGKILL after the grace period."""

    def kill() -> None:
        """Request an immediate end: SIGKILL to every process."""

    def release(offset: int) -> None:
        """Free the disk space of output before *offset*, which is stored durably."""

    def abandon() -> None:
        """Stop following the job; it continues and can be attached to again."""


class IJobRunner(Interface):
    """Starts jobs, and attaches to existing ones."""

    def start(specification: Any, receiver: Any) -> Deferred[Any]:
        """Start a ``jobs.steps.JobSpecification``; fires with an ``IJob``.

        *receiver* is an ``IJobReceiver``.
        """

    def attach(spool: str, offset: int, receiver: Any) -> Any:
        """Follow the job of *spool* from *offset*; returns an ``IJob`` at once.

        A job whose supervisor is gone without a result ends as ``error``,
        "interrupted".
        """


class ITaskControl(Interface):
    """Requests that other packages may make of the task service."""

    def wake() -> None:
        """Check the queue: a task was added or changed."""

    def changed(task: Task) -> None:
        """Tell the observers that an operation changed *task*, and check the queue."""

    def stop(task_id: TaskId, *, force: bool) -> Deferred[None]:
        """End a task; raises ``model.tasks.IllegalMove`` if it has already ended."""

    def flush(task_id: TaskId) -> Deferred[None]:
        """Fire once every received line of the task is stored."""


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

    def confirm_emptying() -> Deferred[str]:
        """Allow the removal of most peers that was held back as unexplained.

        Only the removal that was held back (``state().unsafe``) can be confirmed. Fires
        as :meth:`applied` does.
        """

    def state() -> Any:
        """Return the current ``vpn.state.VpnState``."""

    def statuses() -> Deferred[Sequence[PeerStatus]]:
        """Fire with the status of every peer on the device; fails without a device."""

    def plan() -> Deferred[Sequence[str]]:
        """Fire with the pending changes, one sentence each."""

    def diagnose() -> Deferred[Sequence[Any]]:
        """Fire with each ``wireguard.wire.Finding`` of the companion and the server."""


class IPeerObserver(Interface):
    """Is notified of the status of peers, after each poll of the device."""

    def peers_observed(statuses: Sequence[PeerStatus]) -> None:
        """Receive new *statuses*, each for its peer's owner and for administrators."""


class IWireGuardDevice(Interface):
    """A WireGuard interface; all implementations behave alike."""

    name = Attribute("``kernel``, ``userspace`` or ``memory``")

    def ensure() -> Deferred[bool]:
        """Bring the interface up, with key, port, addresses and MTU.

        Writes only what differs. Fires with whether the interface was created, and
        fails with ``wireguard.state.DeviceFailed`` if it cannot be brought up.
        """

    def index() -> int:
        """Return the interface's index, 0 if there is no interface."""

    def state() -> Deferred[DeviceState]:
        """Read the whole device state.

        Fails with ``DeviceFailed`` rather than omit a part.
        """

    def apply(changes: Sequence[Change]) -> Deferred[None]:
        """Apply *changes* in order; does nothing for an empty sequence."""

    def down() -> Deferred[None]:
        """Remove the interface; does nothing if there is none."""


class ICertificateSource(Interface):
    """Provides the TLS context for new connections."""

    leaf = Attribute("The certificate that is presented now")

    def context() -> Any:
        """Return the current ``OpenSSL.SSL.Context``."""
