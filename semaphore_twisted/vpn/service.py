"""Keeps the VPN's device in the desired state that the database describes.

The service reads the desired state and sends all of it; the companion computes the
differences. This happens at the start, on reconnect, on each change, when a peer
expires, and once per cycle: a lost wake-up costs delay, never correctness. One sync
runs at a time; requests that arrive meanwhile are merged into one following sync.

Invariants, each with a test:

- a desired state that could not be read is never sent: a fault of the database does not
  remove peers from the tunnel;
- a revision counts as applied only after the companion has read the device back;
- a cycle that finds the same state as the last one logs nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import ClassVar

import msgspec
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.common.log_on_change import LogOnChange
from semaphore_twisted.interfaces import IPeerControl, IPeerObserver
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.runtime.coalescer import Coalescer
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.vpn import requests
from semaphore_twisted.vpn.client import CompanionError, CompanionFailed, VpnClient
from semaphore_twisted.vpn.expiry import Alarm
from semaphore_twisted.vpn.peer_polling import PeerPolling
from semaphore_twisted.vpn.revisions import Revisions
from semaphore_twisted.vpn.state import IDesiredState, PeerStore
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.vpn_state import VpnState

#: Seconds before the first retry of a failed sync; doubled up to the cycle.
FIRST_RETRY = 0.5

HELD = (
    "the removal of more than half of the peers is held back, since the database gives "
    "no reason for it; look at GET /api/vpn/plan, and confirm it on the VPN page or by "
    "POST /api/vpn/confirm"
)
LATE = "the companion has not confirmed it yet; it is done as soon as it can be"
STOPPED = "the server is stopping"


class UnreadableState(Exception):
    """The desired state could not be read from the database."""


class PeerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between two routine syncs, and between two readings of the peers."""

    cycle: float = 30.0
    observe: float = 10.0


@implementer(IPeerControl)
class PeerService(Service):
    """Brings the device to the desired state, and reports the status of the peers."""

    name = "vpn"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        client: VpnClient,
        store: PeerStore,
        clock: IReactorTime,
        now: Callable[[], datetime],
        observers: Sequence[IPeerObserver] = (),
        options: PeerOptions | None = None,
    ) -> None:
        """Own *client*; notify *observers* after each reading of the device."""
        self._client = client
        self._store = store
        self._clock = clock
        self._now = now
        self._options = options or PeerOptions()
        self._state = VpnState()
        self._revisions = Revisions(clock)
        self._polling = PeerPolling(client, store, received=self._received)
        for observer in observers:
            self._polling.add(observer)
        self._alarm = Alarm(self.wake, clock=clock, now=now)
        self._timer = LoopingCall(self._poll)
        self._timer.clock = clock
        self._next: IDelayedCall | None = None
        self._syncs = Coalescer(
            self._run, log=self._log, sentence="The VPN service failed"
        )
        self._retry = FIRST_RETRY
        self._confirmed: int | None = None
        self._away, self._backend = LogOnChange(), LogOnChange()
        self._unmarked, self._damaged = LogOnChange(), LogOnChange()
        self._fault, self._unseen = LogOnChange(), LogOnChange()
        #: called with the state after each change of ``VpnState.failure_reason``
        self.noted: Callable[[VpnState], object] = lambda _: None
        client.connected = self._connected
        client.disconnected = self._disconnected

    def observe(self, observer: IPeerObserver) -> None:
        """Notify *observer* too from now on."""
        self._polling.add(observer)

    @override
    def startService(self) -> None:
        """Connect to the companion; the connection triggers a sync."""
        super().startService()
        self._client.start()
        polling = self._timer.start(self._options.observe, now=False)
        log_errors(polling, log=self._log, sentence="Reading the peers stopped")
        if self._next is None:
            self.wake()  # peers expire without the companion too

    @override
    def stopService(self) -> "Deferred[None]":
        """Stop and leave the tunnel unchanged; fires once no sync is running."""
        super().stopService()
        if self._timer.running:
            self._timer.stop()
        self._alarm.stop()
        self._set_next(None)
        self._client.stop()
        self._revisions.failed(None, STOPPED)
        return self._syncs.stop()

    # the interface for the rest of the server

    def wake(self) -> None:
        """Start a sync, or schedule another one after the running sync."""
        if self.running:
            self._syncs.call()

    def applied(self, revision: int) -> "Deferred[str]":
        """Fire with an empty text once the device has *revision*, or with a reason."""
        if self._revisions.applied >= revision:
            return succeed("")
        return self._next_sync(revision, anew=not self._syncs.is_running)

    def _next_sync(self, revision: int, *, anew: bool) -> "Deferred[str]":
        """Fire as :meth:`applied` once a sync ends; with *anew* one starts from now."""
        if not self.running:
            return succeed(STOPPED)
        if not self._state.connected:
            return succeed(self._state.reason)
        waiting = self._revisions.wait(revision, LATE)
        if anew:
            self.wake()
        return waiting

    def confirm_mass_removal(self) -> "Deferred[str]":
        """Allow the held-back mass removal for the current revision.

        Fires with an empty text once a sync has removed the peers, or with a reason. A
        later revision is not allowed by this.
        """
        if not self._state.unsafe:
            return succeed("nothing waits for a confirmation")
        meant = self._confirmed = self._state.wanted
        # the device may have had this revision before another program changed it
        return self._next_sync(meant, anew=True)

    def state(self) -> VpnState:
        """Return the current state."""
        return self._state

    def statuses(self) -> "Deferred[Sequence[PeerStatus]]":
        """Fire with every peer as the device has it now.

        Fails with ``CompanionError``: an unknown status is not reported as zero.
        Concurrent callers share a reading.
        """
        return self._polling.poll()

    def plan(self) -> "Deferred[Sequence[str]]":
        """Fire with the changes that a sync would make now, one sentence each."""
        return Deferred.fromCoroutine(self._plan())

    def diagnose(self) -> "Deferred[Sequence[wire.Finding]]":
        """Fire with our findings and the companion's; its failure is a finding."""
        return Deferred.fromCoroutine(self._diagnose())

    # callbacks of the client

    def _connected(self) -> None:
        self._log.info("Connected to the VPN's companion")
        if self._client.welcome is not None:
            self._welcomed(self._client.welcome)
        self._retry = FIRST_RETRY
        self.wake()

    def _welcomed(self, welcome: wire.Welcome) -> None:
        self._away.clear()
        if welcome.backend:
            self._backend.log(
                welcome.backend,
                self._log.info,
                "The VPN's interface {name} is up ({backend})",
                name=welcome.interface,
                backend=welcome.backend,
            )
        self._note(
            connected=True,
            backend=welcome.backend,
            reason=welcome.reason,
            interface=welcome.interface,
            index=welcome.index,
            welcome=welcome,
        )

    def _disconnected(self) -> None:
        reason = self._client.reason
        if self.running:
            self._away.log(
                reason,
                self._log.warn,
                "The VPN's companion is unavailable: {reason}",
                reason=reason,
            )
        self._note(connected=False, backend="", reason=reason, index=0, welcome=None)
        self._revisions.failed(None, reason)

    # syncing

    async def _run(self) -> None:
        self._set_next(None)
        delay = self._options.cycle
        try:
            delay = await self._sync()
        finally:
            self._set_next(delay)

    def _set_next(self, delay: float | None) -> None:
        """Start a sync after *delay* seconds; with ``None``, only cancel the timer."""
        timer, self._next = self._next, None
        if timer is not None and timer.active():
            timer.cancel()
        if delay is not None and self.running:
            self._next = self._clock.callLater(delay, self.wake)

    async def _sync(self) -> float:
        """Try one sync; return the seconds until the next one is due."""
        begun, wanted = self._clock.seconds(), None
        try:
            await self._expire()
            if not self._state.connected:
                return self._options.cycle  # a reconnect starts a sync
            desired = await self._desired()
            wanted = desired.revision
            synced = await self._send(desired)
        except CompanionFailed as error:
            unsafe = error.code == "unsafe"
            self._failed(HELD if unsafe else error.reason, wanted, unsafe=unsafe)
            await self._hello()
            if error.code in {"unsafe", "refused", "malformed"}:
                return self._options.cycle  # an early retry would fail the same way
        except CompanionError as error:
            self._failed(error.message, wanted)
        except UnreadableState as error:
            self._failed(str(error), None)
        else:
            self._retry = FIRST_RETRY
            self._synced(synced, self._clock.seconds() - begun)
            if not self._state.available:
                await self._hello()  # the first sync has brought the device up
            await self._polling.store(synced.peers)
            return self._options.cycle
        delay = min(self._retry, self._options.cycle)
        self._retry = min(self._retry * 2, self._options.cycle)
        return delay

    async def _hello(self) -> None:
        """Read the companion's description of itself again."""
        with suppress(CompanionError):  # the client reports a lost connection
            self._welcomed(await self._client.hello())

    async def _expire(self) -> None:
        """Mark expired peers; the desired state omits them in any case."""
        try:
            await self._store.expire_due()
        except Exception as error:  # noqa: BLE001 - the sync removes them anyway
            self._unmarked.log(
                str(error),
                self._log.failure,
                "Expired peers could not be marked",
            )
        else:
            self._unmarked.clear()

    async def _desired(self) -> IDesiredState:
        welcome = self._state.welcome
        try:
            desired = await self._store.desired(welcome.sites if welcome else ())
        except Exception as error:
            raise UnreadableState(f"the peers could not be read: {error}") from error
        damaged = "; ".join(desired.damaged)
        self._damaged.log(
            damaged,
            self._log.error,
            "Peers with damaged rows in the database are left out: {which}",
            which=damaged,
        )
        self._note(wanted=desired.revision, damaged=desired.damaged)
        self._alarm.set(desired.next_expiry if self.running else None)
        return desired

    async def _send(self, desired: IDesiredState) -> wire.Synced:
        welcome = self._state.welcome
        request = requests.sync(
            desired,
            may_empty=self._confirmed == desired.revision,
            version=welcome.version if welcome else wire.VERSION,
        )
        self._confirmed = None
        try:
            return await self._client.sync(request)
        except CompanionFailed as error:
            if error.code != "unsafe" or request.may_empty:
                raise
            if not await self._is_explained(desired):
                raise
        return await self._client.sync(replace(request, may_empty=True))

    async def _is_explained(self, desired: IDesiredState) -> bool:
        """Whether the store has a reason for each peer that would be removed.

        If a read returned too few peers, the store has no reason to remove the missing
        ones.
        """
        seen = await self._client.observe()
        wanted = {peer.public_key for peer in desired.peers}
        going = frozenset(each.public_key for each in seen.peers) - wanted
        try:
            return (
                bool(going)
                and await self._store.keys_without_removal_reason(going) == 0
            )
        except Exception as error:
            raise UnreadableState(f"the peers could not be read: {error}") from error

    def _synced(self, synced: wire.Synced, seconds: float) -> None:
        state = self._state
        for sentence in synced.drift[:20]:
            self._log.warn("The VPN's device was changed: {what}", what=sentence)
        if self._fault.clear():
            self._log.info("The VPN is in the desired state again")
        self._note(
            index=synced.index,
            revision=synced.revision,
            last_sync=self._now(),
            last_poll=self._now(),
            error="",
            unsafe=False,
            drift=synced.drift or state.drift,
            drift_total=state.drift_total + len(synced.drift),
            changes_total=state.changes_total + synced.changes,
            syncs_total=state.syncs_total + 1,
            sync_seconds=seconds,
            peers=len(synced.peers),
        )
        self._revisions.reached(synced.revision)

    def _failed(self, reason: str, wanted: int | None, *, unsafe: bool = False) -> None:
        if not self.running:
            return
        self._fault.log(
            reason,
            self._log.error,
            "The VPN is not in the desired state: {reason}",
            reason=reason,
        )
        self._note(
            error=reason,
            unsafe=unsafe,
            failed_syncs_total=self._state.failed_syncs_total + 1,
        )
        self._revisions.failed(wanted, reason)

    def _note(self, **changes: object) -> None:
        before, self._state = (
            self._state.failure_reason,
            replace(self._state, **changes),
        )
        if self._state.failure_reason != before:
            self.noted(self._state)

    # reading the peers

    def _poll(self) -> None:
        if self._state.connected and not self._syncs.is_running:
            _ = self._polling.poll().addErrback(self._not_seen)

    def _received(self, observed: wire.Observed) -> None:
        self._unseen.clear()
        self._note(last_poll=self._now(), peers=len(observed.peers), unseen="")
        if observed.index != self._state.index:
            self.wake()  # the interface was created anew or removed

    def _not_seen(self, failure: Failure) -> None:
        """Log why a poll failed, unless the last one failed for the same reason."""
        reason = failure.getErrorMessage()
        if self.running:
            self._unseen.log(
                reason,
                self._log.warn,
                "The peers cannot be read: {reason}",
                reason=reason,
            )
            self._note(unseen=reason)

    async def _plan(self) -> Sequence[str]:
        planned = await self._client.plan(requests.plan(await self._desired()))
        return planned.changes

    async def _diagnose(self) -> Sequence[wire.Finding]:
        try:
            companion = (await self._client.diagnose()).findings
        except CompanionError as error:
            companion = (wire.Finding("companion", "error", error.message),)
        return (*requests.findings(self._state), *companion)
