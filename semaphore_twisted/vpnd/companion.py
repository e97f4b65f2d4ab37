"""What the companion does, one thing at a time.

The last desired state that it accepted is kept in memory. With it a device that has
ended is put right without anybody's word, and what somebody else has changed is told
from what was wanted.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from semaphore_twisted.interfaces import IWireGuardDevice
from semaphore_twisted.vpnd.bounds import Bounds, OutOfBounds
from semaphore_twisted.vpnd.diagnosis import Diagnosing
from semaphore_twisted.vpnd.endpoints import Endpoints
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.wakening import Wakening
from semaphore_twisted.wireguard import reconcile, wire
from semaphore_twisted.wireguard.settings import Settings
from semaphore_twisted.wireguard.state import (
    Change,
    DesiredPeer,
    DeviceFailed,
    DeviceState,
    RemovePeer,
)

UNSAFE = (
    "More than half of the peers would be removed at once; if that is meant, say so "
    "with may_empty"
)
TAKEN_DOWN = "The VPN was taken down; the next sync brings it up again"


class Unavailable(DeviceFailed):
    """There is no device, or no firewall for it."""


class Unsafe(Exception):
    """A request would remove most of the peers."""


class Companion:
    """Answers requests, and keeps the device as it was last wanted."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        settings: Settings,
        public_key: bytes,
        bounds: Bounds,
        choose: Callable[[], Awaitable[IWireGuardDevice]],
        firewall: Firewall,
        forwarding: Forwarding,
        endpoints: Endpoints,
        diagnosing: Diagnosing,
        clock: Any,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Have the device from *choose*, as soon as there is one."""
        self._settings = settings
        self._public_key = public_key
        self._bounds = bounds
        self._choose = choose
        self._firewall = firewall
        self._forwarding = forwarding
        self._endpoints = endpoints
        self._diagnosing = diagnosing
        self._wakening = Wakening(endpoints.get, clock.seconds)
        self._now = now
        self._lock = DeferredLock()
        self._device: IWireGuardDevice | None = None
        self._reason = "The companion has not begun yet"
        self._desired: tuple[DesiredPeer, ...] | None = None
        self._is_down = False
        #: the device was made anew, and its peers were not written yet
        self._is_empty = False

    def answer(self, request: wire.Request) -> "Deferred[wire.Answer]":
        """Do what *request* asks for, after what was asked before; never fails."""
        return self._lock.run(lambda: Deferred.fromCoroutine(self._answer(request)))

    def keep(self) -> "Deferred[None]":
        """Put right what has ended or was changed around the peers.

        Fails with ``DeviceFailed``.
        """
        return self._lock.run(lambda: Deferred.fromCoroutine(self._keep()))

    @property
    def index(self) -> int:
        """The interface's number, 0 while there is none."""
        return 0 if self._device is None else self._device.index()

    @property
    def is_waking(self) -> bool:
        """Whether peers are being woken, so that :meth:`keep` has to be called soon."""
        return bool(self._wakening)

    async def _answer(self, request: wire.Request) -> wire.Answer:
        try:
            return await self._verb(request)
        except OutOfBounds as error:
            self._log.warn("A request was refused: {reason}", reason=str(error))
            return wire.Failed("refused", str(error))
        except Unsafe:
            return wire.Failed("unsafe", UNSAFE)
        except Unavailable as error:
            return wire.Failed("unavailable", str(error))
        except DeviceFailed as error:
            return wire.Failed("device", str(error))
        except Exception:  # noqa: BLE001 - the next request is to be answered too
            self._log.failure("The companion has a fault")
            return wire.Failed("device", "The companion has a fault; its log says more")

    async def _verb(self, request: wire.Request) -> wire.Answer:
        if isinstance(request, wire.Sync):
            return await self._sync(request)
        if isinstance(request, wire.Observe):
            return await self._observe()
        if isinstance(request, wire.Plan):
            return await self._plan(request)
        if isinstance(request, wire.Diagnose):
            return await self._diagnose()
        if isinstance(request, wire.Down):
            return await self._down()
        return self._hello()

    def _hello(self) -> wire.Welcome:
        settings, device = self._settings, self._device
        there = device is not None and not self._reason
        return wire.Welcome(
            version=wire.VERSION,
            backend=device.name if device is not None and there else "",
            reason=self._reason,
            interface=settings.interface,
            index=self.index,
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
        peers = self._bounds.peers(request.peers)
        grants = self._bounds.grants(request.grants, peers)
        self._is_down = False
        device, state = await self._ready()
        actual = self._wakening.hidden(state)
        if not request.may_empty and reconcile.is_unsafe(actual, peers):
            raise Unsafe
        drift = () if self._is_empty else self._drift(actual)
        for sentence in drift:
            self._log.warn("Somebody else has changed it: {what}", what=sentence)
        changes = reconcile.plan(actual, peers)
        gone = [each for each in changes if isinstance(each, RemovePeer)]
        await device.apply(gone)
        forwarded = {6 if ":" in each.address else 4 for each in grants}
        self._forwarding.keep(forwarded)  # off, before the rules that close the rest go
        # Whoever leaves is gone by now, and whoever comes finds the rules.
        await self._firewall.ensure(grants)
        await self._write(device, [each for each in changes if each not in gone])
        self._desired = peers
        state = await self._check(device, peers) if changes else actual
        self._forwarding.set(forwarded)
        self._endpoints.note(state.peers)
        return wire.Synced(
            revision=request.revision,
            changes=len(changes),
            drift=drift,
            index=self.index,
            peers=_statuses(state),
        )

    async def _check(
        self, device: IWireGuardDevice, peers: tuple[DesiredPeer, ...]
    ) -> DeviceState:
        """Read the device back and return what it is: as *peers* want it."""
        state = self._wakening.hidden(await device.state())
        left = reconcile.plan(state, peers)
        if left:
            raise DeviceFailed(
                "The device did not do what it was told: "
                f"{len(left)} changes are left, such as: "
                f"{reconcile.describe(left[0], state)}"
            )
        return state

    async def _plan(self, request: wire.Plan) -> wire.Planned:
        peers = self._bounds.peers(request.peers)
        grants = set(self._bounds.grants(request.grants, peers))
        actual = await self._read()
        loaded = set(self._firewall.grants)
        return wire.Planned(
            (
                *(reconcile.describe(x, actual) for x in reconcile.plan(actual, peers)),
                *(f"Close {x.network} to {x.address}" for x in sorted(loaded - grants)),
                *(f"Open {x.network} to {x.address}" for x in sorted(grants - loaded)),
            )
        )

    async def _observe(self) -> wire.Observed:
        state = await self._read()
        self._endpoints.note(state.peers)
        return wire.Observed(self._now(), self.index, _statuses(state))

    async def _read(self) -> DeviceState:
        """Return the device's state; nothing is brought up for that."""
        device = self._device
        if device is None or self._is_down:
            raise Unavailable(TAKEN_DOWN if self._is_down else self._reason)
        return self._wakening.hidden(await device.state())

    async def _diagnose(self) -> wire.Diagnosis:
        drift: tuple[str, ...] = ()
        if self._device is not None and not self._reason:
            drift = self._drift(await self._read())
        return wire.Diagnosis(await self._diagnosing.findings(self._hello(), drift))

    async def _down(self) -> wire.Done:
        self._is_down = True
        self._desired = None
        self._reason = TAKEN_DOWN
        if self._device is None:
            self._device = await self._choose()
        await self._device.down()
        self._device = None
        self._forwarding.set(())
        await self._firewall.remove()
        return wire.Done()

    async def _keep(self) -> None:
        if self._is_down:
            return
        device = await self._stand()
        desired = self._desired
        if desired is None:
            return
        state = await device.state()
        if self._is_empty:
            await self._write(device, reconcile.plan(state, desired))
            return
        self._endpoints.note(state.peers)
        if self._wakening:
            over = self._wakening.awake(state)
            changes = reconcile.plan(self._wakening.hidden(state), desired)
            await device.apply([each for each in changes if each.public_key in over])

    async def _ready(self) -> tuple[IWireGuardDevice, DeviceState]:
        """Return the device and its state, having it put right if need be.

        What lies around the peers is looked at by :meth:`keep`.
        """
        device = self._device
        if device is not None and not self._reason:
            try:
                state = await device.state()
            except DeviceFailed:
                pass  # it has just ended
            else:
                if (state.public_key, state.port) == (
                    self._public_key,
                    self._settings.port,
                ):
                    return device, state
        device = await self._stand()
        return device, await device.state()

    async def _stand(self) -> IWireGuardDevice:
        """Have the rules, then the interface; return the device."""
        try:
            if await self._firewall.ensure(self._firewall.grants):
                self._log.info("The firewall's rules were loaded")
            if self._device is None:
                self._device = await self._choose()
            if await self._device.ensure():
                self._is_empty = True
                self._log.info(
                    "The interface {name} was made ({backend})",
                    name=self._settings.interface,
                    backend=self._device.name,
                )
        except DeviceFailed as error:
            self._reason = str(error)
            raise Unavailable(self._reason) from error
        self._reason = ""
        return self._device

    async def _write(self, device: IWireGuardDevice, changes: Sequence[Change]) -> None:
        """Write *changes*; the first ones on a new device wake their peers."""
        if self._is_empty:
            changes = self._wakening.begin(changes)
        await device.apply(changes)
        self._is_empty = False

    def _drift(self, actual: DeviceState) -> tuple[str, ...]:
        """Return what others have changed since the last sync, a sentence each."""
        if self._desired is None:
            return ()
        changes: tuple[Change, ...] = reconcile.plan(actual, self._desired)
        return tuple(reconcile.describe(each, actual) for each in changes)


def _statuses(state: DeviceState) -> tuple[wire.Status, ...]:
    return tuple(
        wire.Status(
            each.public_key, each.endpoint, each.handshake, each.received, each.sent
        )
        for each in state.peers
    )
