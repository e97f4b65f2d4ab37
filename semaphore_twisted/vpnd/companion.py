"""The companion's operations, run one at a time.

The last accepted desired state is kept in memory. With it, a device that failed is
restored without a request, and changes by other programs are recognized.
"""

import time
from collections.abc import Callable
from typing import ClassVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from semaphore_twisted.vpnd.diagnosis import Diagnosing
from semaphore_twisted.vpnd.expiries import Expiries
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.request_validation import OutOfBounds, RequestBounds
from semaphore_twisted.vpnd.tunnel import DeviceUnavailable, Tunnel
from semaphore_twisted.wireguard import reconcile, wire
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import (
    DesiredPeer,
    DeviceFailed,
    DeviceState,
    Grant,
    RemovePeer,
)

UNSAFE = (
    "More than half of the peers would be removed at once; if that is meant, say so "
    "with may_empty"
)

#: The most changes by other programs that one sync logs.
_MOST_LOGGED = 20


class Unsafe(Exception):
    """A request would remove most of the peers."""


class Companion:
    """Answers requests, and keeps the device in the last desired state."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        tunnel: Tunnel,
        bounds: RequestBounds,
        firewall: Firewall,
        forwarding: Forwarding,
        diagnosing: Diagnosing,
        expiries: Expiries,
        settings: TunnelSettings,
        public_key: bytes,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Own *tunnel*; *public_key* is the server's."""
        self._tunnel = tunnel
        self._bounds = bounds
        self._firewall = firewall
        self._forwarding = forwarding
        self._diagnosing = diagnosing
        self._expiries = expiries
        self._settings = settings
        self._public_key = public_key
        self._now = now
        self._lock = DeferredLock()
        self._desired: tuple[DesiredPeer, ...] | None = None

    def answer(self, request: wire.Request) -> "Deferred[wire.Answer]":
        """Carry out *request* after all earlier ones; never fails."""
        return self._lock.run(lambda: Deferred.fromCoroutine(self._answer(request)))

    def maintain(self) -> "Deferred[None]":
        """Restore the device, its rules and routes, and remove expired peers."""
        return self._lock.run(lambda: Deferred.fromCoroutine(self._maintain()))

    @property
    def index(self) -> int:
        """The interface's index, 0 if there is no interface."""
        return self._tunnel.index

    @property
    def is_waking(self) -> bool:
        """Whether handshakes are pending, so that :meth:`maintain` is due soon."""
        return self._tunnel.is_waking

    @property
    def is_expiring(self) -> bool:
        """Whether a peer has expired, so that :meth:`maintain` is due."""
        return not self._tunnel.is_down and bool(self._expiries.over(self._now()))

    async def _answer(self, request: wire.Request) -> wire.Answer:
        try:
            return await self._verb(request)
        except OutOfBounds as error:
            self._log.warn("A request was refused: {reason}", reason=str(error))
            return wire.Failed("refused", str(error))
        except Unsafe:
            return wire.Failed("unsafe", UNSAFE)
        except DeviceUnavailable as error:
            return wire.Failed("unavailable", str(error))
        except DeviceFailed as error:
            return wire.Failed("device", str(error))
        except Exception:  # noqa: BLE001 - the next request must be answered too
            self._log.failure("A request failed with an internal error")
            return wire.Failed("device", "The companion has a fault; its log says more")

    async def _verb(self, request: wire.Request) -> wire.Answer:
        if isinstance(request, wire.Sync):
            return await self._sync(request)
        if isinstance(request, wire.Observe):
            state = await self._tunnel.read()
            return wire.Observed(self._now(), self.index, _statuses(state))
        if isinstance(request, wire.Plan):
            return await self._plan(request)
        if isinstance(request, wire.Diagnose):
            return await self._diagnose()
        if isinstance(request, wire.Down):
            return await self._down()
        return self._hello(request.version)

    def _hello(self, version: int = wire.VERSION) -> wire.Welcome:
        settings, tunnel = self._settings, self._tunnel
        return wire.Welcome(
            version=min(version, wire.VERSION),
            backend=tunnel.backend,
            reason=tunnel.reason,
            interface=settings.interface,
            index=tunnel.index,
            public_key=self._public_key,
            port=settings.port,
            mtu=settings.mtu,
            addresses=tuple(map(str, settings.own)),
            pools=tuple(map(str, settings.pools)),
            sites=tuple(map(str, settings.networks)),
            tcp_ports=settings.tcp_ports,
            udp_ports=settings.udp_ports,
        )

    async def _sync(self, request: wire.Sync) -> wire.Synced:
        tunnel = self._tunnel
        peers = self._bounds.peers(request.peers)
        grants = self._bounds.grants(request.grants, peers)
        self._expiries.note(peers)
        peers, grants = self._unexpired(peers, grants)
        forwarded = {each.family for each in grants}
        tunnel.is_down = False
        actual = await tunnel.read_or_repair()
        if not request.may_empty and reconcile.is_unsafe(actual, peers):
            raise Unsafe
        drift = self._drift(actual)
        for sentence in drift[:_MOST_LOGGED]:
            self._log.warn("Another program changed the device: {what}", what=sentence)
        self._desired, tunnel.matches_last_sync = peers, False
        changes = reconcile.plan(actual, peers)
        # Remove peers before loading the rules, and add peers after.
        await tunnel.write([each for each in changes if isinstance(each, RemovePeer)])
        self._forwarding.keep(forwarded)  # off before the rules that restrict it change
        await tunnel.isolate(grants)
        await tunnel.write([x for x in changes if not isinstance(x, RemovePeer)])
        state = await self._checked(peers) if changes else actual
        self._forwarding.set(forwarded)
        await tunnel.revive(peers)
        tunnel.matches_last_sync = True
        return wire.Synced(
            revision=request.revision,
            changes=len(changes),
            drift=drift,
            index=self.index,
            peers=_statuses(state),
        )

    async def _checked(self, peers: tuple[DesiredPeer, ...]) -> DeviceState:
        """Read the device back, and return its state.

        :raises DeviceFailed: if the state differs from *peers*.
        """
        state = await self._tunnel.read()
        left = reconcile.plan(state, peers)
        if left:
            raise DeviceFailed(
                "The device did not do what it was told: "
                f"{len(left)} changes are left, such as: "
                f"{reconcile.describe(left[:1], state)[0]}"
            )
        return state

    def _unexpired(
        self, peers: tuple[DesiredPeer, ...], grants: tuple[Grant, ...]
    ) -> tuple[tuple[DesiredPeer, ...], tuple[Grant, ...]]:
        """Return *peers* and *grants* without expired peers."""
        over = self._expiries.over(self._now())
        if not over:
            return peers, grants
        gone = {
            address
            for each in peers
            if each.public_key in over
            for address in each.addresses
        }
        return (
            tuple(each for each in peers if each.public_key not in over),
            tuple(each for each in grants if each.address not in gone),
        )

    def _drift(self, actual: DeviceState) -> tuple[str, ...]:
        """Return a sentence for each change by another program since the last sync."""
        if self._desired is None or not self._tunnel.matches_last_sync:
            return ()
        return reconcile.describe(reconcile.plan(actual, self._desired), actual)

    async def _plan(self, request: wire.Plan) -> wire.Planned:
        peers = self._bounds.peers(request.peers)
        grants = set(self._bounds.grants(request.grants, peers))
        actual = await self._tunnel.read()
        loaded = set(self._firewall.grants)
        return wire.Planned(
            (
                *reconcile.describe(reconcile.plan(actual, peers), actual),
                *(f"Close {x.network} to {x.address}" for x in sorted(loaded - grants)),
                *(f"Open {x.network} to {x.address}" for x in sorted(grants - loaded)),
            )
        )

    async def _diagnose(self) -> wire.Diagnosis:
        welcome = self._hello()
        drift = self._drift(await self._tunnel.read()) if welcome.backend else ()
        return wire.Diagnosis(await self._diagnosing.findings(welcome, drift))

    async def _down(self) -> wire.Done:
        self._desired = None
        self._forwarding.set(())
        await self._tunnel.take_down()
        return wire.Done()

    async def _maintain(self) -> None:
        if not self._tunnel.is_down:
            if self._desired is not None:
                self._desired, _ = self._unexpired(self._desired, ())
            await self._tunnel.maintain(self._desired)
            await self._finish_removals()
            await self._expire()
            self._forwarding.maintain()

    async def _finish_removals(self) -> None:
        """Remove the peers that the last sync failed to remove.

        The server repeats a failed sync, but it may be stopped meanwhile.
        """
        if self._desired is None or self._tunnel.matches_last_sync:
            return
        changes = reconcile.plan(await self._tunnel.read(), self._desired)
        await self._tunnel.write([x for x in changes if isinstance(x, RemovePeer)])

    async def _expire(self) -> None:
        """Remove expired peers, and their grants.

        :raises DeviceFailed: if that fails; they stay expired, so it is tried again.
        """
        over = self._expiries.over(self._now())
        if not over:
            return
        state = await self._tunnel.read()
        gone = [each for each in state.peers if each.public_key in over]
        await self._tunnel.write([RemovePeer(each.public_key) for each in gone])
        closed = {
            prefix.partition("/")[0] for each in gone for prefix in each.allowed_ips
        }
        grants = tuple(
            each for each in self._firewall.grants if each.address not in closed
        )
        self._forwarding.keep({each.family for each in grants})
        await self._tunnel.isolate(grants)
        self._expiries.forget(over)
        if gone:
            self._log.info("{count} peers have expired", count=len(gone))


def _statuses(state: DeviceState) -> tuple[wire.Status, ...]:
    return tuple(
        wire.Status(
            each.public_key, each.endpoint, each.handshake, each.received, each.sent
        )
        for each in state.peers
    )
