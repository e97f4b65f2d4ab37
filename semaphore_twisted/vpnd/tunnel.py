"""The WireGuard device; it is brought up only after its firewall rules are loaded.

A recreated device has no peers. Handshakes with the first peers written to it are
started by the server. Until these peers are written, the device is not *settled*:
missing peers were not removed by another program.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from twisted.logger import Logger

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.vpnd.endpoints import Endpoints
from semaphore_twisted.vpnd.isolation import TunnelIsolation
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.ownership import ForeignInterface, Ownership
from semaphore_twisted.vpnd.peer_wakeup import PeerWakeup
from semaphore_twisted.wireguard import reconcile
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import (
    Change,
    DesiredPeer,
    DeviceFailed,
    DeviceState,
    Grant,
    SetPeer,
)

TAKEN_DOWN = "The VPN was taken down; the next sync brings it up again"

#: Attempts to bring the interface up: another program may change the nft table.
_ATTEMPTS = 3


class DeviceUnavailable(DeviceFailed):
    """There is no device, or no firewall for it."""


class Tunnel:
    """Brings the device up, reads it and applies changes; one call at a time."""

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        settings: TunnelSettings,
        public_key: bytes,
        *,
        choose: Callable[[], Awaitable[IWireGuardDevice]],
        ownership: Ownership,
        firewall: Firewall,
        isolation: TunnelIsolation,
        endpoints: Endpoints,
        seconds: Callable[[], float],
    ) -> None:
        """Call *choose* when the device is first needed."""
        self._settings = settings
        self._public_key = public_key
        self._choose = choose
        self._ownership = ownership
        self._firewall = firewall
        self._isolation = isolation
        firewall.broken = self.shut
        self._endpoints = endpoints
        self._wakeup = PeerWakeup(endpoints.get, seconds)
        self._device: IWireGuardDevice | None = None
        self._is_empty = False
        #: set down by :meth:`shut`; its sessions have ended
        self._was_shut = False
        #: the peers of the last reading
        self._present: set[bytes] = set()
        #: why the device is not up, empty if it is
        self.reason = "The companion has not begun yet"
        self.is_down = False
        #: the device has matched the desired state, and we have not changed it since
        self.matches_last_sync = False

    @property
    def backend(self) -> str:
        """The device's name, empty if it is not up."""
        return "" if self._device is None or self.reason else self._device.name

    @property
    def index(self) -> int:
        """The interface's index, 0 if there is none."""
        return 0 if self._device is None else self._device.index()

    @property
    def is_waking(self) -> bool:
        """Whether handshakes with peers are pending."""
        return bool(self._wakeup)

    def shut(self) -> None:
        """Set our interface down at once; :meth:`ensure_up` brings it up again.

        While our nft table is missing, nothing else keeps peers from the server's
        ports. A renamed interface is not isolated either.
        """
        name = self._ownership.astray or self._settings.interface
        if self._ownership.is_known(name) and addressing.shut(name):
            self._was_shut = True
            self._log.warn(
                "The interface {name} is down until its firewall rules are back",
                name=name,
            )

    async def ensure_up(self) -> IWireGuardDevice:
        """Load the rules, then bring the interface up.

        :raises DeviceUnavailable: if that fails; the reason is kept.
        """
        try:
            device = await self._ensure_up()
        except DeviceFailed as error:
            self.reason = str(error)
            raise DeviceUnavailable(self.reason) from error
        self.reason = ""
        return device

    async def _ensure_up(self) -> IWireGuardDevice:
        try:
            await self._ownership.check()
        except ForeignInterface:
            # remove rules that an earlier version made for another program's interface
            self._device = None
            await self.open()
            raise
        for _ in range(_ATTEMPTS):
            await self.isolate(self._firewall.grants)
            if self._device is None:
                self._device = await self._choose()
            anew = await self._device.ensure()
            if anew:
                self._is_empty, self.matches_last_sync = True, False
                self._log.info(
                    "The interface {name} was created ({backend})",
                    name=self._settings.interface,
                    backend=self._device.name,
                )
            await self._ownership.check()
            if not anew:  # the kernel adds the routes of a new interface
                await self._isolation.ensure_routes()
            if self._firewall.is_unchanged:
                return self._device
            self.shut()  # the rules were changed before the interface was up
        raise DeviceFailed("Another program changes the nft table all the time")

    async def isolate(self, grants: tuple[Grant, ...]) -> None:
        """Load the nft table for *grants* and add policy rules, as far as needed."""
        if await self._firewall.ensure(grants):
            self._log.info("The firewall's rules were loaded")
        await self._isolation.ensure(self._firewall.closed)

    async def open(self) -> None:
        """Remove the nft table and the policy rules, after switching off forwarding."""
        await self._firewall.remove()
        await self._isolation.remove()

    async def read_or_repair(self) -> DeviceState:
        """Return the state; bring the device up first if it does not work.

        Rules and routes are checked by :meth:`ensure_up` only.
        """
        if not self.reason:
            try:
                state = await self.read()
            except DeviceFailed:
                pass  # the device has failed
            else:
                fields = self._public_key, self._settings.port
                if (state.public_key, state.port) == fields:
                    return state
        await self.ensure_up()
        return await self.read()

    async def read(self) -> DeviceState:
        """Return the state, without the temporary keepalives of pending handshakes.

        :raises DeviceUnavailable: if there is no device; it is not brought up.
        """
        if self._device is None or self.is_down:
            raise DeviceUnavailable(TAKEN_DOWN if self.is_down else self.reason)
        state = await self._device.state()
        if not self._is_empty:
            self._endpoints.note(state.peers)
        self._present = {each.public_key for each in state.peers}
        return self._wakeup.without_keepalives(state)

    async def write(self, changes: Sequence[Change]) -> None:
        """Apply *changes*; start handshakes with peers that the last reading lacked."""
        device = self._device
        if device is None:
            raise DeviceUnavailable(self.reason)
        changes = self._wakeup.begin(changes, self._present)
        await device.apply(changes)
        self._is_empty = self._is_empty and not changes

    async def maintain(self, desired: Sequence[DesiredPeer] | None) -> None:
        """Bring the device up, and write the peers *desired* if it was recreated."""
        device = await self.ensure_up()
        if desired is None:
            return
        if self._is_empty:
            await self.write(reconcile.plan(await self.read(), desired))
            self._was_shut = False
            self.matches_last_sync = True
        elif self._was_shut:
            await self._wake(desired)
            self._was_shut = False
        elif self._wakeup:
            state = await device.state()
            over = self._wakeup.pop_finished(state)
            changes = reconcile.plan(self._wakeup.without_keepalives(state), desired)
            try:
                await device.apply([x for x in changes if x.public_key in over])
            except DeviceFailed:
                self._wakeup.retry(over)
                raise
        else:
            await self.read()  # this records the endpoints of peers

    async def revive(self, desired: Sequence[DesiredPeer]) -> None:
        """Bring the interface up if :meth:`shut` set it down."""
        if self._was_shut:
            await self.maintain(desired)

    async def _wake(self, desired: Sequence[DesiredPeer]) -> None:
        """Start handshakes with the present peers of *desired*: sessions were lost."""
        state = await self.read()
        wanted = {each.public_key for each in desired}
        peers: list[Change] = [
            SetPeer(
                public_key=each.public_key,
                allowed_ips=tuple(sorted(each.allowed_ips)),
                preshared_key=each.preshared_key,
                keepalive=each.keepalive,
            )
            for each in state.peers
            if each.public_key in wanted
        ]
        if self._device is not None:
            await self._device.apply(self._wakeup.begin(peers, ()))

    async def take_down(self) -> None:
        """Remove the device and the rules."""
        self.is_down, self.matches_last_sync = True, False
        device, self._device = self._device, None
        try:
            await self._ownership.check()
            device = device or await self._choose()
        except DeviceFailed:
            pass  # there is no device to remove
        else:
            await device.down()
        self.reason = TAKEN_DOWN
        await self.open()
