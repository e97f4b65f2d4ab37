"""The server's service and the real companion, over memory, on a memory device."""

import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from semaphore_twisted.vpn.client import CompanionError, VpnClient
from semaphore_twisted.vpn.service import PeerOptions, PeerService
from semaphore_twisted.vpnd.companion import Companion
from semaphore_twisted.vpnd.endpoints import Endpoints
from semaphore_twisted.vpnd.expiries import Expiries
from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.isolation import TunnelIsolation
from semaphore_twisted.vpnd.ownership import Ownership
from semaphore_twisted.vpnd.request_validation import RequestBounds
from semaphore_twisted.vpnd.server import CompanionFactory
from semaphore_twisted.vpnd.tunnel import Tunnel
from semaphore_twisted.wireguard import key_pairs
from semaphore_twisted.wireguard.settings import SiteRule, TunnelSettings
from semaphore_twisted.wireguard.state import (
    DesiredPeer,
    DeviceFailed,
    DevicePeer,
    Grant,
    RemovePeer,
)
from tests.support.companion import DesiredRow, MemoryPeers
from tests.support.devices import Nft
from tests.support.memory import Entropy, FixedClock
from tests.support.memory_device import MemoryDevice

SITE = "10.20.0.0/16"


class _Firewall:
    """Takes any rules."""

    def __init__(self) -> None:
        self.grants: tuple[Grant, ...] = ()
        self.closed: frozenset[int] = frozenset()
        self.is_unchanged = True

    async def ensure(self, grants: tuple[Grant, ...]) -> bool:
        """Keep the grants."""
        changed, self.grants = grants != self.grants, tuple(grants)
        return changed

    async def remove(self) -> None:
        """Forget the grants."""
        self.grants = ()


@implementer(IStreamClientEndpoint)
class _Pipe:
    """Connects to a factory in this process, as a user."""

    def __init__(self, factory: CompanionFactory) -> None:
        self._factory = factory
        self.pumps: list[Any] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Connect both ends in memory."""
        client: Any = factory.buildProtocol(None)  # type: ignore[arg-type]
        server = self._factory.buildProtocol(None)
        self.pumps.append(
            iosim.connect(
                server,
                iosim.FakeTransport(server, isServer=True),
                client,
                iosim.FakeTransport(client, isServer=False),
            )
        )
        return succeed(client)

    def flush(self) -> None:
        """Carry what was written, until nothing is."""
        for pump in self.pumps:
            pump.flush()


class BothSidesTests(SynchronousTestCase):
    """Client and companion understand each other's messages."""

    def setUp(self) -> None:
        """Start client and companion."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.entropy = Entropy()
        pair = key_pairs.new_pair(self.entropy)
        settings = TunnelSettings(addresses=("10.80.0.1/16",), sites=(SiteRule(SITE),))
        self.device = MemoryDevice(settings, pair.private_key)
        self.firewall = _Firewall()
        rules: Any = self.firewall
        bounds = RequestBounds(settings, pair.public_key)
        self.clock = Clock()
        programs = Nft()
        tunnel = Tunnel(
            settings,
            pair.public_key,
            ownership=Ownership(
                settings,
                pair.public_key,
                programs=programs,
                state=folder,
                sockets=folder,
            ),
            firewall=rules,
            isolation=TunnelIsolation(settings, programs=programs),
            choose=self._choose,
            endpoints=Endpoints(folder),
            seconds=self.clock.seconds,
        )
        companion = Companion(
            tunnel=tunnel,
            bounds=bounds,
            firewall=rules,
            forwarding=Forwarding(folder, folder),
            diagnosing=None,  # type: ignore[arg-type]
            expiries=Expiries(folder),
            settings=settings,
            public_key=pair.public_key,
        )
        self.user = 1000
        self.factory = CompanionFactory(
            companion.answer, users=(1000,), user_of=lambda _: self.user
        )
        self.pipe = _Pipe(self.factory)
        self.store = MemoryPeers()
        self.no_device = False
        self.known = [self._peer(number) for number in range(2, 30)]
        self.service = PeerService(
            client=VpnClient(self.pipe, clock=self.clock),
            store=self.store,
            clock=self.clock,
            now=FixedClock(),
            options=PeerOptions(cycle=30.0, observe=10.0),
        )

    def tearDown(self) -> None:
        """Stop both."""
        stopped = self.service.stopService()
        self.pipe.flush()
        self.successResultOf(stopped)

    def _choose(self) -> Awaitable[MemoryDevice]:
        async def choose() -> MemoryDevice:
            if self.no_device:
                raise DeviceFailed("no /dev/net/tun")
            return self.device

        return choose()

    def _peer(self, number: int) -> DesiredPeer:
        return DesiredPeer(
            public_key=key_pairs.new_pair(self.entropy).public_key,
            addresses=(f"10.80.0.{number}",),
            preshared_key=key_pairs.new_preshared_key(self.entropy),
        )

    def want(self, *peers: DesiredPeer, grants: tuple[Grant, ...] = ()) -> int:
        """Desire *peers*, and have it brought about."""
        revision = self.store.row.revision + 1
        self.store.row = DesiredRow(revision=revision, peers=peers, grants=grants)
        self.service.wake()
        self.told = self.service.applied(revision)
        self.pipe.flush()
        return revision

    def start(self, *peers: DesiredPeer) -> None:
        """Start with *peers*."""
        self.want(*peers)
        self.service.startService()
        self.pipe.flush()

    def on_device(self) -> dict[bytes, DevicePeer]:
        """Return the device's peers by key."""
        found = self.successResultOf(self.device.state())
        return {peer.public_key: peer for peer in found.peers}

    def test_start(self) -> None:
        """The first sync brings the device up, and it is known by its name then."""
        first, second = self.known[:2]
        self.start(first, second)
        there = self.on_device()
        self.assertEqual(set(there), {first.public_key, second.public_key})
        self.assertEqual(there[first.public_key].preshared_key, first.preshared_key)
        state = self.service.state()
        self.assertEqual((state.backend, state.interface), ("memory", "semaphore0"))
        self.assertEqual((state.error, state.reason), ("", ""))
        self.assertEqual(state.index, 1)
        self.assertEqual(state.revision, self.store.row.revision)
        self.assertEqual(self.store.sites, (SITE,))

    def test_suspended(self) -> None:
        """Suspending a peer makes one removal, and no other change."""
        self.start(*self.known)
        self.device.written.clear()
        self.want(*self.known[1:])
        self.assertEqual(self.device.written, [RemovePeer(self.known[0].public_key)])

    def test_unchanged(self) -> None:
        """A hundred cycles write nothing."""
        self.start(*self.known)
        self.device.written.clear()
        for _ in range(100):
            self.clock.advance(30)
            self.pipe.flush()
        self.assertEqual(self.device.written, [])
        self.assertGreater(self.service.state().syncs_total, 90)
        self.assertEqual(self.service.state().drift_total, 0)

    def test_drift(self) -> None:
        """A peer that another program removed is back within a cycle."""
        self.start(*self.known)
        self.device._peers.pop(self.known[3].public_key)
        self.clock.advance(30)
        self.pipe.flush()
        self.assertIn(self.known[3].public_key, self.on_device())
        self.assertEqual(self.service.state().drift_total, 1)

    def test_each_failure(self) -> None:
        """Whichever call of the device fails, it shows and mends."""
        self.start(*self.known)
        failed = 0
        for count in range(1, 8):
            before = self.service.state().revision
            self.device.failures = count
            revision = self.want(*self.known[count:])
            told, state = self.successResultOf(self.told), self.service.state()
            if told:
                failed += 1
                self.assertEqual((state.revision, state.error), (before, told))
            else:  # the companion has put it right by itself
                self.assertEqual((state.revision, state.error), (revision, ""))
            for _ in range(20):
                self.clock.advance(1)
                self.pipe.flush()
            self.assertEqual(self.service.state().revision, revision)
            self.assertEqual(self.service.state().error, "")
            self.assertEqual(len(self.on_device()), len(self.known) - count)
        self.assertGreater(failed, 3)

    def test_half_done(self) -> None:
        """A write that was done in part is not reported as applied, then repaired."""
        self.start(*self.known[:10])
        self.device.cut = 3
        revision = self.want(*self.known)
        self.assertNotEqual(self.successResultOf(self.told), "")
        self.clock.advance(1)
        self.pipe.flush()
        self.assertEqual(len(self.on_device()), len(self.known))
        self.assertEqual(self.service.state().revision, revision)

    def test_short_read(self) -> None:
        """An incomplete list removes no peer."""
        self.start(*self.known)
        self.store.reasonless = {peer.public_key for peer in self.known}
        self.want(self.known[0])
        self.assertEqual(len(self.on_device()), len(self.known))
        self.assertTrue(self.service.state().unsafe)
        told = self.service.confirm_mass_removal()
        self.pipe.flush()
        self.assertEqual(self.successResultOf(told), "")
        self.assertEqual(len(self.on_device()), 1)

    def test_many_with_a_reason(self) -> None:
        """Most peers are removed at once if the store has the reasons."""
        self.start(*self.known)
        self.want()
        self.assertEqual(self.on_device(), {})

    def test_grants(self) -> None:
        """Grants arrive at the rules; one beyond root's file is refused with all."""
        self.start(self.known[0])
        grant = Grant("10.80.0.2", SITE)
        self.want(self.known[0], grants=(grant,))
        self.assertEqual(self.firewall.grants, (grant,))
        self.want(*self.known[:2], grants=(Grant("10.80.0.2", "10.99.0.0/16"),))
        self.assertTrue(self.service.state().error)
        self.assertEqual(len(self.on_device()), 1)

    def test_statuses(self) -> None:
        """Statuses are those of the device; without a device there are none."""
        self.start(*self.known)
        asked = self.service.statuses()
        self.pipe.flush()
        self.assertEqual(len(self.successResultOf(asked)), len(self.known))
        self.device.failures = 1
        asked = self.service.statuses()
        self.pipe.flush()
        self.failureResultOf(asked, CompanionError)

    def test_plan(self) -> None:
        """A plan changes nothing."""
        self.start(self.known[0])
        self.store.row.peers = (self.known[1],)
        asked = self.service.plan()
        self.pipe.flush()
        self.assertEqual(len(self.successResultOf(asked)), 2)
        self.assertIn(self.known[0].public_key, self.on_device())

    def test_no_device(self) -> None:
        """Without any device the reason is reported, and the server continues."""
        self.no_device = True
        self.start(self.known[0])
        state = self.service.state()
        self.assertTrue(state.connected)
        self.assertFalse(state.available)
        self.assertIn("/dev/net/tun", state.reason)
        self.no_device = False
        self.clock.advance(30)
        self.pipe.flush()
        self.assertTrue(self.service.state().available)

    def test_other_user(self) -> None:
        """A user that root's file does not list is told the remedy."""
        self.user = 33
        self.start(self.known[0])
        state = self.service.state()
        self.assertFalse(state.connected)
        self.assertIn("list the user", state.reason)
