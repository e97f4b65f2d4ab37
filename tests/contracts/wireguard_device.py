"""The contract of ``IWireGuardDevice``, for the real ones and for the double."""

from collections.abc import Coroutine
from typing import Any

from msgspec.structs import replace
from nacl.utils import random
from zope.interface.verify import verifyObject

from semaphore_twisted.vpnd.device import IWireGuardDevice
from semaphore_twisted.wireguard import key_pairs, keys
from semaphore_twisted.wireguard.reconcile import plan
from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.state import (
    DesiredPeer,
    DeviceFailed,
    DevicePeer,
    RemovePeer,
    SetPeer,
)

PRIVATE = key_pairs.new_pair(random).private_key

SETTINGS = TunnelSettings(
    interface="smpcontract",
    port=51871,
    mtu=1380,
    addresses=("10.213.0.1/16", "fd80:213::1/64"),
)


def key() -> bytes:
    """Return a new public key."""
    return key_pairs.new_pair(random).public_key


def peer(number: int, *, preshared: bytes | None = None) -> SetPeer:
    """Return a change that adds a peer with two addresses."""
    return SetPeer(
        public_key=key(),
        allowed_ips=(f"10.213.1.{number}/32", f"fd80:213::{number:x}/128"),
        preshared_key=preshared,
    )


def state(change: SetPeer) -> DevicePeer:
    """Return what a peer is once *change* was made, and nothing was heard of it."""
    return DevicePeer(
        public_key=change.public_key,
        allowed_ips=frozenset(change.allowed_ips),
        preshared_key=change.preshared_key,
        endpoint=change.endpoint,
        keepalive=change.keepalive,
    )


class DeviceContract:
    """Mixed into a test case that says how to have a device."""

    def device(self) -> Any:
        """Return the device under test, which is not there yet."""
        raise NotImplementedError

    def drive(self, work: Coroutine[Any, Any, None]) -> Any:
        """Run a test's coroutine; return its result to the test runner."""
        raise NotImplementedError

    def test_interface(self) -> None:
        """The device provides what its port asks for."""
        verifyObject(IWireGuardDevice, self.device())

    def test_made(self) -> Any:
        """It is made once, with key and port, and without peers."""
        return self.drive(self._made())

    async def _made(self) -> None:
        device = self.device()
        self._equal(device.index(), 0)
        await self._fails(device)
        self._equal(await device.ensure(), True)
        index = device.index()
        self._equal(index > 0, True)
        found = await device.state()
        self._equal(found.public_key, keys.public_of(PRIVATE))
        self._equal((found.port, found.peers), (SETTINGS.port, ()))
        change = peer(2)
        await device.apply([change])
        self._equal(await device.ensure(), False)
        self._equal(device.index(), index)
        self._equal((await device.state()).peers, (state(change),))

    def test_peers(self) -> Any:
        """Peers are added, changed and removed, each alone."""
        return self.drive(self._peers())

    async def _peers(self) -> None:
        device = await self._ready()
        changes = [peer(number, preshared=random(32)) for number in range(2, 6)]
        await device.apply(changes)
        await self._has(device, *map(state, changes))
        changes[0] = replace(changes[0], allowed_ips=("10.213.9.9/32",))
        await device.apply([RemovePeer(changes[2].public_key), changes[0]])
        del changes[2]
        await self._has(device, *map(state, changes))
        await device.apply([RemovePeer(each.public_key) for each in changes])
        await self._has(device)
        await device.apply([])
        await self._has(device)

    def test_nothing_is_left_out(self) -> Any:
        """No preshared key, no keepalive and no address are written as such."""
        return self.drive(self._nothing_is_left_out())

    async def _nothing_is_left_out(self) -> None:
        device = await self._ready()
        change = replace(peer(2, preshared=random(32)), keepalive=25)
        await device.apply([change])
        await self._has(device, state(change))
        change = replace(change, preshared_key=None, keepalive=0)
        await device.apply([change])
        await self._has(device, state(change))
        change = replace(change, allowed_ips=())
        await device.apply([change])
        await self._has(device, state(change))

    def test_prefix_moves(self) -> Any:
        """A prefix is silently taken from the peer that had it."""
        return self.drive(self._prefix_moves())

    async def _prefix_moves(self) -> None:
        device = await self._ready()
        one, other = peer(2), replace(peer(3), allowed_ips=("10.213.1.2/32",))
        await device.apply([one, other])
        left = replace(one, allowed_ips=one.allowed_ips[1:])
        await self._has(device, state(left), state(other))
        await device.apply([RemovePeer(other.public_key), one])
        await self._has(device, state(one))

    def test_silence(self) -> Any:
        """Neither the device's own key nor an unknown peer is an error."""
        return self.drive(self._silence())

    async def _silence(self) -> None:
        device = await self._ready()
        own = replace(peer(2), public_key=keys.public_of(PRIVATE))
        await device.apply([own, RemovePeer(key())])
        await self._has(device)

    def test_endpoint_stays(self) -> Any:
        """An endpoint that is not written stays as it was."""
        return self.drive(self._endpoint_stays())

    async def _endpoint_stays(self) -> None:
        device = await self._ready()
        for endpoint in ("192.0.2.7:4711", "[2001:db8::7]:4711"):
            change = replace(peer(2), endpoint=endpoint)
            await device.apply([change])
            await device.apply([replace(change, endpoint=None, keepalive=9)])
            await self._has(device, state(replace(change, keepalive=9)))
            await device.apply([RemovePeer(change.public_key)])

    def test_plan(self) -> Any:
        """Applying a plan gives the desired state, with hundreds of peers or none."""
        return self.drive(self._plan())

    async def _plan(self) -> None:
        device = await self._ready()
        desired = [
            DesiredPeer(
                public_key=key(),
                addresses=(f"10.213.{number // 200}.{number % 200 + 2}",),
                preshared_key=random(32) if number % 2 else None,
            )
            for number in range(300)
        ]
        for wanted in (desired, desired[150:], desired[::-1], []):
            await device.apply(plan(await device.state(), wanted))
            self._equal(plan(await device.state(), wanted), ())

    def test_down(self) -> Any:
        """Taken down it is gone with its peers, twice if need be, and made anew."""
        return self.drive(self._down())

    async def _down(self) -> None:
        device = await self._ready()
        await device.apply([peer(2)])
        await device.down()
        self._equal(device.index(), 0)
        await self._fails(device)
        await device.down()
        self._equal(await device.ensure(), True)
        await self._has(device)

    async def _ready(self) -> Any:
        device = self.device()
        await device.ensure()
        return device

    async def _has(self, device: Any, *peers: DevicePeer) -> None:
        found = {each.public_key: each for each in (await device.state()).peers}
        self._equal(found, {each.public_key: each for each in peers})

    async def _fails(self, device: Any) -> None:
        for work in (device.state, lambda: device.apply([peer(2)])):
            try:
                await work()
            except DeviceFailed:
                continue
            self._equal(device.index(), "an error")

    def _equal(self, found: object, wanted: object) -> None:
        self.assertEqual(found, wanted)  # type: ignore[attr-defined]
