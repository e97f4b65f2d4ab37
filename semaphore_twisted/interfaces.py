"""The ports between the parts; each is implemented by an adapter and by a double."""

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
    ``persistence.engine.Connection``; it touches nothing else.
    """

    def read(
        operation: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a short reading *operation* on a snapshot, perhaps before the return."""

    def long_read(
        operation: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a reading *operation* that may take long, in the reader's thread."""

    def write(
        operation: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run *operation* as the only writer; the Deferred fires after the commit.

        If *operation* raises, the transaction is rolled back and the Deferred fails.
        Where the disk is full, another program holds the store, or it cannot be
        written, it fails with ``model.errors.NoRoom``, ``Busy`` or ``Unwritable``.
        """

    def writing(
        *, urgent: bool = False, durable: bool = False, sparing: bool = False
    ) -> Callable[..., Deferred[Any]]:
        """Return a function as :meth:`write` with other promises.

        An *urgent* operation may use the space that is kept for the ends of tasks and
        for logins when the disk is full. A *durable* one, and all before it, are on
        the disk when the Deferred fires. A *sparing* one fails with ``NoRoom`` while
        there is still room for others.
        """


class IJobReceiver(Interface):
    """Takes what a job writes; implemented by the task that owns the job."""

    def lines(lines: Sequence[tuple[float, str]], offset: int) -> Deferred[None]:
        """Store *lines* (seconds since the epoch, text) and the *offset* after them.

        More is delivered only after the Deferred has fired; a failure ends the
        following of the job, which can be attached to again.
        """

    def fact(name: str, value: str) -> None:
        """Take a fact that a step captured, such as ``commit_hash``."""

    def step(name: str) -> None:
        """Take notice that a step has begun."""

    def ended(result: Any) -> None:
        """Take the ``jobs.steps.JobResult``, after every line was delivered."""


class IJob(Interface):
    """A job that runs, or ran, under a supervisor."""

    def stop() -> None:
        """Ask for an orderly end: SIGTERM, and SIGKILL after the grace time."""

    def kill() -> None:
        """Ask for an end at once: SIGKILL to all."""

    def release(offset: int) -> None:
        """Free the disk of the output before *offset*: it is stored and on the disk."""

    def abandon() -> None:
        """Stop following; the job goes on and can be attached to again."""


class IJobRunner(Interface):
    """Starts jobs and finds them again."""

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
    """What others may ask of the service that runs tasks."""

    def wake() -> None:
        """Look at the queue: something was added or changed."""

    def changed(task: Task) -> None:
        """Tell the observers of what an operation did to *task*; look at the queue."""

    def stop(task_id: TaskId, *, force: bool) -> Deferred[None]:
        """End a task; raises ``model.tasks.IllegalMove`` if it has ended already."""

    def flush(task_id: TaskId) -> Deferred[None]:
        """Fire once every line received of the task is in the store."""


class ITaskObserver(Interface):
    """Is told what happened to tasks, after the commit."""

    def task_changed(task: Task) -> None:
        """Tell that *task* has a new status."""

    def output_appended(
        project_id: ProjectId, task_id: TaskId, lines: Sequence[OutputLine]
    ) -> None:
        """Tell that *lines* of the task were stored; numbers follow one another."""


class IAccessObserver(Interface):
    """Is told when somebody's rights changed, after the commit."""

    def access_changed() -> None:
        """Check every open connection again: a session, role or account changed."""


class IPeerControl(Interface):
    """What others may ask of the service that keeps the VPN as it should be."""

    def wake() -> None:
        """Bring the device to the desired state soon: something was changed."""

    def applied(revision: int) -> Deferred[str]:
        """Fire once the device has *revision*: with nothing, else with the reason.

        It fires within a few seconds in any case; the change is made later then.
        """

    def confirm_emptying() -> Deferred[str]:
        """Remove most of the peers though the store gives no reason for some of them.

        Only what was refused so (``state().unsafe``) can be confirmed. Fires as
        :meth:`applied` does.
        """

    def state() -> Any:
        """Return the ``vpn.state.VpnState`` as it is known now."""

    def statuses() -> Deferred[Sequence[PeerStatus]]:
        """Fire with every peer as the device has it; fails where there is none."""

    def plan() -> Deferred[Sequence[str]]:
        """Fire with what would be changed now, a sentence each."""

    def diagnose() -> Deferred[Sequence[Any]]:
        """Fire with the ``wireguard.wire.Finding`` of the companion and our own."""


class IPeerObserver(Interface):
    """Is told how the peers are, after each look at the device."""

    def peers_observed(statuses: Sequence[PeerStatus]) -> None:
        """Tell that *statuses* are new; each is for its owner and administrators."""


class IWireGuardDevice(Interface):
    """A WireGuard interface; kernel, userspace and memory behave alike."""

    name = Attribute("``kernel``, ``userspace`` or ``memory``")

    def ensure() -> Deferred[bool]:
        """Have the interface up, with key, port, addresses and MTU.

        Writes only what differs. Fires with whether the interface was made anew, and
        fails with ``wireguard.state.DeviceFailed`` where it cannot be had.
        """

    def index() -> int:
        """Return the interface's number, 0 where there is none."""

    def state() -> Deferred[DeviceState]:
        """Read the device; fails with ``DeviceFailed``, never with less than all."""

    def apply(changes: Sequence[Change]) -> Deferred[None]:
        """Write *changes* in their order; nothing for none."""

    def down() -> Deferred[None]:
        """Take the interface away; harmless where there is none."""


class ICertificateSource(Interface):
    """Gives the TLS context for new connections."""

    leaf = Attribute("The certificate that is presented now")

    def context() -> Any:
        """Return the current ``OpenSSL.SSL.Context``."""
