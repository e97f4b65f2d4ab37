"""The companion's answers, and its effect on the device."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace
from nacl.utils import random
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd.peer_wakeup import KEEPALIVE
from semaphore_twisted.vpnd.tunnel import TAKEN_DOWN
from semaphore_twisted.wireguard import keys, wire
from semaphore_twisted.wireguard.state import DeviceFailed, RemovePeer, SetPeer
from tests.support.devices import PRIVATE, SETTINGS, Box, peer
from tests.support.memory_device import MemoryDevice

A = TypeVar("A")


class CompanionTestCase(SynchronousTestCase):
    """A companion with a device in memory."""

    def setUp(self) -> None:
        """Create the companion."""
        self.box = self.made()
        self.device: Any = self.box.device

    def made(self, **options: Any) -> Box:
        """Return a companion in a folder of its own."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder)
        return Box(folder, **options)

    def ask(self, request: wire.Request, wanted: type[A]) -> A:
        """Return the answer, of the type that is *wanted*."""
        answer = self.successResultOf(self.box.companion.answer(request))
        if not isinstance(answer, wanted):
            self.fail(f"{answer} to {type(request).__name__}")
        return answer

    def sync(self, *peers: wire.WirePeer, **more: Any) -> wire.Synced:
        """Bring the device to *peers*."""
        return self.ask(wire.Sync(revision=7, peers=peers, **more), wire.Synced)

    def fails(self, *peers: wire.WirePeer, **more: Any) -> wire.Failed:
        """Return the failure of a sync."""
        return self.ask(wire.Sync(revision=7, peers=peers, **more), wire.Failed)

    def keys(self) -> set[bytes]:
        """Return the keys on the device."""
        return {each.public_key for each in self.states()}

    def states(self) -> Any:
        """Return the peers on the device."""
        return self.successResultOf(self.device.state()).peers

    def maintain(self) -> None:
        """Run one maintenance of the companion."""
        self.successResultOf(self.box.companion.maintain())


class SyncTests(CompanionTestCase):
    """``Sync`` makes the device as it is wanted."""

    def test_first(self) -> None:
        """The rules, the interface and the peers are made."""
        synced = self.sync(peer(2), peer(3, preshared=b"\7" * 32))
        self.assertEqual((synced.revision, synced.changes, synced.drift), (7, 2, ()))
        self.assertEqual(synced.index, 1)
        self.assertEqual({each.public_key for each in synced.peers}, self.keys())
        self.assertEqual(len(self.box.nft.loads), 1)
        shared = {each.public_key: each.preshared_key for each in self.states()}
        self.assertEqual(shared[peer(3).public_key], b"\7" * 32)

    def test_nothing_to_do(self) -> None:
        """Over 100 cycles neither device nor rules are written."""
        grants = (wire.WireGrant("10.80.1.2", "10.20.0.0/24"),)
        self.sync(peer(2), peer(3), grants=grants)
        written, loads = len(self.device.written), len(self.box.nft.loads)
        for _ in range(100):
            synced = self.sync(peer(3), peer(2), grants=grants)
            self.assertEqual((synced.changes, synced.drift), (0, ()))
            self.maintain()
        self.assertEqual(len(self.device.written), written)
        self.assertEqual(len(self.box.nft.loads), loads)

    def test_one_changes(self) -> None:
        """A change of one peer writes that peer alone."""
        peers = [peer(number) for number in range(2, 52)]
        self.sync(*peers)
        for place in (0, 24, 49):
            self.device.written.clear()
            changed = replace(peers[place], preshared_key=random(32))
            others = peers[:place] + peers[place + 1 :]
            self.sync(*others, changed)
            self.sync(*others)
            self.sync(*peers)
            touched = {each.public_key for each in self.device.written}
            self.assertEqual(touched, {peers[place].public_key})

    def test_removal_is_finished(self) -> None:
        """A removal that failed is done by the maintenance if the server is away."""
        self.sync(peer(2), peer(3))
        apply = self.device.apply

        def refuse(_: Any) -> Any:
            return fail(DeviceFailed("no"))

        self.device.apply = refuse
        self.assertEqual(self.fails(peer(3), peer(4)).code, "device")
        self.device.apply = apply
        self.maintain()
        self.assertEqual(self.keys(), {peer(3).public_key})  # 4 waits for the rules

    def test_last_one(self) -> None:
        """The last peer is removed like every other."""
        self.sync(peer(2))
        self.assertEqual(self.sync().changes, 1)
        self.assertEqual(self.keys(), set())

    def test_unsafe(self) -> None:
        """Most of the peers are removed only if that is meant."""
        peers = [peer(number) for number in range(2, 14)]
        self.sync(*peers)
        self.assertEqual(self.fails(peers[0]).code, "unsafe")
        self.assertEqual(len(self.keys()), 12)
        self.assertEqual(self.sync(peers[0], may_empty=True).changes, 11)

    def test_refused(self) -> None:
        """A request out of bounds does nothing at all."""
        self.sync(peer(2))
        written = len(self.device.written)
        failed = self.fails(peer(3), replace(peer(4), addresses=("10.99.0.1",)))
        self.assertEqual(failed.code, "refused")
        self.assertIn("peers[1].addresses", failed.reason)
        self.assertEqual(len(self.device.written), written)

    def test_foreign_changes(self) -> None:
        """Changes by other programs are repaired and reported, with both keys."""
        self.sync(peer(2), peer(3), peer(4))
        foreign = peer(99)
        self.successResultOf(
            self.device.apply(
                [
                    SetPeer(
                        public_key=peer(3).public_key,
                        allowed_ips=("10.80.1.2/32", "10.80.1.3/32", "fd80::3/128"),
                    ),
                    RemovePeer(peer(4).public_key),
                    SetPeer(public_key=foreign.public_key, allowed_ips=()),
                ]
            )
        )
        synced = self.sync(peer(2), peer(3), peer(4))
        self.assertEqual(len(synced.drift), 4)
        told = "\n".join(synced.drift)
        for each in (peer(2), peer(3), peer(4), foreign):
            self.assertIn(keys.format(each.public_key), told)
        self.assertEqual(self.sync(peer(2), peer(3), peer(4)).drift, ())
        self.assertNotIn(foreign.public_key, self.keys())

    def test_restart(self) -> None:
        """A new companion adopts the device and the rules, and writes nothing."""
        grants = (wire.WireGrant("10.80.1.2", "10.20.0.0/24"),)
        self.sync(peer(2), grants=grants)
        written, table = len(self.device.written), self.box.nft.table
        self.box.companion = self.box.made()
        self.maintain()
        self.assertEqual(self.box.nft.table, table)
        synced = self.sync(peer(2), grants=grants)
        self.assertEqual((synced.changes, synced.drift), (0, ()))
        self.assertEqual(len(self.device.written), written)
        self.assertEqual(self.box.switches(), ["1", "0"])

    def test_restart_with_other_sites(self) -> None:
        """After a restart, grants for networks that root has removed are dropped."""
        self.sync(peer(2), grants=(wire.WireGrant("10.80.1.2", "10.20.0.0/24"),))
        self.box.settings = replace(SETTINGS, sites=())
        self.box.companion = self.box.made()
        self.maintain()
        self.assertNotIn(b"10.20.0.0/24", self.box.nft.table or b"")

    def test_rules_and_peers(self) -> None:
        """Peers are removed before the rules change, and added after."""
        self.sync(peer(2))
        order: list[str] = []
        apply, run = self.device.apply, self.box.nft.run

        def applied(changes: Any) -> Any:
            order.extend(type(each).__name__ for each in changes)
            return apply(changes)

        def ran(*words: str, content: bytes = b"") -> Any:
            if "-f" in words:
                order.append("rules")
            return run(*words, content=content)

        self.device.apply = applied
        nft: Any = self.box.nft
        nft.run = ran
        self.sync(peer(3), grants=(wire.WireGrant("10.80.1.3", "10.20.0.0/24"),))
        self.assertEqual(order, ["RemovePeer", "rules", "SetPeer"])

    def test_forwarding(self) -> None:
        """Forwarding is on while a grant of the family needs it."""
        four = wire.WireGrant("10.80.1.2", "10.20.0.0/24")
        six = wire.WireGrant("fd80::2", "fd20::/64")
        for grants, wanted in (
            ((), ["0", "0"]),
            ((four,), ["1", "0"]),
            ((four, six), ["1", "1"]),
            ((six,), ["0", "1"]),
            ((), ["0", "0"]),
        ):
            self.sync(peer(2), grants=grants)
            self.assertEqual(self.box.switches(), wanted)

    def test_one_at_a_time(self) -> None:
        """A request waits for the one before it."""
        self.sync(peer(2))
        waiting: Deferred[None] = Deferred()
        apply = self.device.apply

        def applied(changes: Any) -> Any:
            return waiting.addCallback(lambda _: apply(changes))

        self.device.apply = applied
        first = self.box.companion.answer(wire.Sync(8, (peer(3),)))
        second = self.box.companion.answer(wire.Observe())
        self.assertNoResult(first)
        self.assertNoResult(second)
        self.device.apply = apply
        waiting.callback(None)
        self.assertIsInstance(self.successResultOf(first), wire.Synced)
        observed: Any = self.successResultOf(second)
        (status,) = observed.peers
        self.assertEqual(status.public_key, peer(3).public_key)


class _FailsAt(MemoryDevice):
    """Fails at one call, counted from the first."""

    def __init__(self, at: int) -> None:
        super().__init__(SETTINGS, PRIVATE)
        self.left = at

    def _is_broken(self) -> bool:
        self.left -= 1
        return self.left == -1


class FailureTests(CompanionTestCase):
    """A failure is reported, and the next sync repairs it."""

    def test_each_call(self) -> None:
        """If any call of the device fails, the answer is a failure."""
        codes = set()
        for at in range(20):
            self.box = self.made(device=_FailsAt(at))
            self.device = self.box.device
            answer = self.successResultOf(
                self.box.companion.answer(wire.Sync(1, (peer(2), peer(3))))
            )
            if isinstance(answer, wire.Synced):
                break
            assert isinstance(answer, wire.Failed)
            codes.add(answer.code)
            synced = self.sync(peer(2), peer(3))
            self.assertEqual(len(synced.peers), 2)
        else:
            self.fail("it fails for ever")
        self.assertEqual(codes, {"unavailable", "device"})

    def test_half_done(self) -> None:
        """A write that was done half is found and finished."""
        self.sync()
        self.device.cut = 1
        self.assertEqual(self.fails(peer(2), peer(3)).code, "device")
        self.assertEqual(len(self.keys()), 1)
        synced = self.sync(peer(2), peer(3))
        self.assertEqual((synced.changes, synced.drift), (1, ()))

    def test_not_done(self) -> None:
        """A device that reports success without a change is detected."""
        self.sync(peer(2))
        self.device.apply = lambda changes: succeed(None)
        secret = random(32)
        failed = self.fails(peer(2), peer(3, preshared=secret))
        self.assertEqual(failed.code, "device")
        self.assertIn(keys.format(peer(3).public_key), failed.reason)
        self.assertNotIn(keys.format(secret), failed.reason)

    def test_no_device(self) -> None:
        """Without a device there is a reason, and the device can appear later."""
        self.box.choices = [DeviceFailed("no module, no program")] * 2
        self.failureResultOf(self.box.companion.maintain(), DeviceFailed)
        welcome = self.ask(wire.Hello(), wire.Welcome)
        self.assertEqual(
            (welcome.backend, welcome.reason, welcome.index),
            ("", "no module, no program", 0),
        )
        for request in (wire.Observe(), wire.Plan(())):
            self.assertEqual(self.ask(request, wire.Failed).code, "unavailable")
        self.assertEqual(self.fails(peer(2)).code, "unavailable")
        self.sync(peer(2))
        welcome = self.ask(wire.Hello(), wire.Welcome)
        self.assertEqual((welcome.backend, welcome.reason), ("memory", ""))

    def test_no_firewall(self) -> None:
        """Without rules there is no interface."""
        self.box.nft.is_broken = True
        self.assertEqual(self.fails(peer(2)).code, "unavailable")
        self.assertEqual(self.device.index(), 0)
        self.assertEqual(self.ask(wire.Hello(), wire.Welcome).backend, "")

    def test_rules_fail(self) -> None:
        """Rules that cannot be loaded fail the sync; removed peers stay removed."""
        self.sync(peer(2), peer(3))
        self.box.nft.is_broken = True
        failed = self.fails(
            peer(3), grants=(wire.WireGrant("10.80.1.3", "10.20.0.0/24"),)
        )
        self.assertEqual(failed.code, "device")
        self.assertEqual(self.keys(), {peer(3).public_key})

    def test_forwarding_fails(self) -> None:
        """A switch that cannot be written is named; the peers are written."""
        grants = (wire.WireGrant("10.80.1.2", "10.20.0.0/24"),)
        path = self.box.folder / "net" / "ipv4" / "ip_forward"
        path.unlink()
        failed = self.fails(peer(2), grants=grants)
        self.assertIn("ip_forward", failed.reason)
        self.assertEqual(self.keys(), {peer(2).public_key})

    def test_fault(self) -> None:
        """An internal error is logged, and the companion continues."""
        self.box.choices = [ValueError("x")]
        self.assertIn("fault", self.fails(peer(2)).reason)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.sync(peer(2))

    def test_no_secret_is_told(self) -> None:
        """No answer but a request's own copy, and no log, has a secret."""
        secret = b"\xa5" * 32
        events: list[str] = []

        def observe(event: Any) -> None:
            events.append(str(event))

        observer: Any = observe
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        answers: list[object] = [self.sync(peer(2, preshared=secret))]
        self.device.apply([RemovePeer(peer(2).public_key)])
        answers.append(self.ask(wire.Plan((peer(2, preshared=secret),)), wire.Planned))
        answers.append(self.sync(peer(2, preshared=secret)))
        self.device.cut = 0
        answers.append(self.fails(peer(2, preshared=b"\x5a" * 32)))
        answers.append(self.ask(wire.Observe(), wire.Observed))
        answers.append(self.ask(wire.Diagnose(), wire.Diagnosis))
        answers.append(self.ask(wire.Hello(), wire.Welcome))
        text = "".join(map(repr, answers)) + "".join(events)
        self.assertIn("Another program changed the device", text)
        for each in (secret, b"\x5a" * 32, PRIVATE):
            for spelling in (keys.format(each), each.hex(), repr(each)[2:-1]):
                self.assertNotIn(spelling, text)


class PeerWakeupTests(CompanionTestCase):
    """The companion starts handshakes with the peers of a new device."""

    def setUp(self) -> None:
        """Create two peers, one with a known endpoint, and lose the device."""
        super().setUp()
        self.sync(peer(2), peer(3))
        self.heard(2)
        self.ask(wire.Observe(), wire.Observed)
        self.successResultOf(self.device.down())

    def heard(self, number: int, handshake: int = 1000) -> None:
        """Simulate a handshake of a peer."""
        (state,) = [
            each for each in self.states() if each.public_key == peer(number).public_key
        ]
        self.device.hear(replace(state, endpoint="192.0.2.7:1234", handshake=handshake))

    def state(self, number: int) -> Any:
        """Return a peer as the device has it."""
        (found,) = [
            each for each in self.states() if each.public_key == peer(number).public_key
        ]
        return found

    def test_without_a_word(self) -> None:
        """The device is restored without a request."""
        self.maintain()
        self.assertEqual(self.state(2).endpoint, "192.0.2.7:1234")
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)
        self.assertEqual((self.state(3).endpoint, self.state(3).keepalive), (None, 0))

    def test_by_a_sync(self) -> None:
        """A sync does the same, and reports no drift afterwards."""
        self.sync(peer(2), peer(3))
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)
        synced = self.sync(peer(2), peer(3))
        self.assertEqual((synced.changes, synced.drift), (0, ()))
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)

    def test_after_the_handshake(self) -> None:
        """The keepalive ends with the handshake; the endpoint stays."""
        self.maintain()
        self.assertTrue(self.box.companion.is_waking)
        self.maintain()
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)
        self.heard(2)
        self.maintain()
        self.assertEqual(self.state(2).keepalive, 0)
        self.assertEqual(self.state(2).endpoint, "192.0.2.7:1234")
        self.assertFalse(self.box.companion.is_waking)

    def test_nobody_answers(self) -> None:
        """The keepalive for a peer without an answer ends after 30 seconds."""
        self.maintain()
        self.box.clock.advance(29)
        self.maintain()
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)
        self.box.clock.advance(2)
        self.maintain()
        self.assertEqual(self.state(2).keepalive, 0)
        self.assertFalse(self.box.companion.is_waking)

    def test_after_a_restart(self) -> None:
        """Another companion knows the endpoints, and wakes only on a new device."""
        self.box.companion = self.box.made()
        self.maintain()
        self.assertEqual(
            self.keys(), set()
        )  # no sync has named the permitted peers yet
        self.sync(peer(2))
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)
        self.heard(2)
        self.maintain()
        self.box.companion = self.box.made()
        self.sync(peer(2))
        self.assertEqual(self.state(2).keepalive, 0)

    def test_comes_back(self) -> None:
        """A peer that was taken out for a while is woken where it was."""
        self.sync(peer(2), peer(3))
        self.heard(2)
        self.sync(peer(3))
        self.sync(peer(2), peer(3))
        self.assertEqual(self.state(2).endpoint, "192.0.2.7:1234")
        self.assertEqual(self.state(2).keepalive, KEEPALIVE)
        self.assertEqual(self.state(3).keepalive, 0)

    def test_removed_meanwhile(self) -> None:
        """A peer that is removed while it is woken is not put back."""
        self.maintain()
        self.sync(peer(3))
        self.maintain()
        self.assertEqual(self.keys(), {peer(3).public_key})
        self.assertFalse(self.box.companion.is_waking)


class OtherVerbTests(CompanionTestCase):
    """The verbs that change nothing, and the one that takes all away."""

    def test_hello(self) -> None:
        """The answer describes the companion and root's settings."""
        self.maintain()
        welcome = self.ask(wire.Hello(), wire.Welcome)
        self.assertEqual(welcome.version, wire.VERSION)
        self.assertEqual(welcome.public_key, keys.public_of(PRIVATE))
        self.assertEqual(welcome.addresses, ("10.80.0.1", "fd80::1"))
        self.assertEqual(welcome.pools, ("10.80.0.0/16", "fd80::/64"))
        self.assertEqual(welcome.sites, ("10.20.0.0/24", "fd20::/64"))
        self.assertEqual((welcome.interface, welcome.index), ("semaphore0", 1))

    def test_plan(self) -> None:
        """Changes of peers and grants are described, and not made."""
        self.sync(peer(2), grants=(wire.WireGrant("10.80.1.2", "10.20.0.0/24"),))
        request = wire.Plan((peer(3),), (wire.WireGrant("fd80::3", "fd20::/64"),))
        planned = self.ask(request, wire.Planned)
        self.assertEqual(
            [each.split()[0] for each in planned.changes],
            ["Remove", "Add", "Close", "Open"],
        )
        self.assertEqual(self.keys(), {peer(2).public_key})
        self.assertEqual(
            self.ask(wire.Plan((peer(2),)), wire.Planned).changes[0][:5], "Close"
        )

    def test_observe(self) -> None:
        """Counters are those of the device; a failure gives no zeros."""
        self.sync(peer(2))
        state = self.states()[0]
        self.device.hear(replace(state, handshake=99, received=5, sent=6))
        observed = self.ask(wire.Observe(), wire.Observed)
        self.assertEqual((observed.time, observed.index), (1234.5, 1))
        self.assertEqual(
            observed.peers, (wire.Status(state.public_key, None, 99, 5, 6),)
        )
        self.device.failures = 1
        self.assertEqual(self.ask(wire.Observe(), wire.Failed).code, "device")

    def test_down(self) -> None:
        """Everything is removed until the next sync."""
        self.sync(peer(2), grants=(wire.WireGrant("10.80.1.2", "10.20.0.0/24"),))
        self.ask(wire.Down(), wire.Done)
        self.assertEqual(self.device.index(), 0)
        self.assertIsNone(self.box.nft.table)
        self.assertEqual(self.box.switches(), ["0", "0"])
        self.maintain()
        self.assertEqual(self.device.index(), 0)
        self.assertIsNone(self.box.nft.table)
        welcome = self.ask(wire.Hello(), wire.Welcome)
        self.assertEqual((welcome.backend, welcome.reason), ("", TAKEN_DOWN))
        self.assertEqual(self.ask(wire.Observe(), wire.Failed).code, "unavailable")
        self.assertEqual(self.sync(peer(2)).drift, ())
        self.assertEqual(self.device.index(), 2)

    def test_down_without_a_device(self) -> None:
        """The rules go, though there is no device to take down."""
        self.box.choices = [DeviceFailed("no module, no program")] * 2
        self.failureResultOf(self.box.companion.maintain(), DeviceFailed)
        self.ask(wire.Down(), wire.Done)
        self.assertIsNone(self.box.nft.table)

    def test_diagnose(self) -> None:
        """Drift is a finding."""
        self.sync(peer(2))
        self.device.apply([RemovePeer(peer(2).public_key)])
        findings = self.ask(wire.Diagnose(), wire.Diagnosis).findings
        drift = [each for each in findings if each.subject == "drift"]
        self.assertEqual(len(drift), 1)
        self.assertIn("Add peer", drift[0].sentence)


class ExpiryTests(CompanionTestCase):
    """Peers that expire while no server is connected."""

    GRANTS = (
        wire.WireGrant("10.80.1.2", "10.20.0.0/24"),
        wire.WireGrant("fd80::3", "fd20::/64"),
    )

    def setUp(self) -> None:
        """Have a peer that expires and one that does not."""
        super().setUp()
        self.temporary, self.lasting = replace(peer(2), expires=2000), peer(3)
        self.sync(self.temporary, self.lasting, grants=self.GRANTS)

    def left(self) -> set[bytes]:
        """Return the keys on the device after a maintenance of the companion."""
        self.maintain()
        return self.keys()

    def test_expires(self) -> None:
        """It goes at its time, with its grants; the other one is not touched."""
        self.assertEqual(len(self.left()), 2)
        self.assertEqual(self.box.switches(), ["1", "1"])
        self.device.written.clear()
        self.box.now = 2000.0
        self.assertTrue(self.box.companion.is_expiring)
        self.assertEqual(self.left(), {self.lasting.public_key})
        self.assertEqual(self.device.written, [RemovePeer(self.temporary.public_key)])
        self.assertNotIn("10.80.1.2 .", self.box.nft.loads[-1])
        self.assertIn("fd80::3 . fd20::/64", self.box.nft.loads[-1])
        self.assertEqual(self.box.switches(), ["0", "1"])
        self.assertFalse(self.box.companion.is_expiring)
        # nor does a device that is made anew have it
        self.successResultOf(self.device.down())
        self.assertEqual(self.left(), {self.lasting.public_key})

    def test_restarted(self) -> None:
        """After a restart the times are known without a sync."""
        self.box.companion = self.box.made()
        self.assertEqual(len(self.left()), 2)
        self.box.now = 2001.0
        self.box.companion = self.box.made()
        self.assertEqual(self.left(), {self.lasting.public_key})
        self.assertNotIn("10.80.1.2 .", self.box.nft.loads[-1])

    def test_over_already(self) -> None:
        """A request with a peer whose time is over does not let it in."""
        self.box.now = 2001.0
        synced = self.sync(self.temporary, self.lasting, grants=self.GRANTS)
        self.assertEqual(synced.drift, ())
        self.assertEqual(self.keys(), {self.lasting.public_key})
        self.assertNotIn("10.80.1.2 .", self.box.nft.loads[-1])

    def test_extended(self) -> None:
        """A later time, or none, counts from the next sync on."""
        self.sync(replace(self.temporary, expires=3000), self.lasting)
        self.box.now = 2001.0
        self.assertEqual(len(self.left()), 2)
        self.sync(peer(2), self.lasting)
        self.box.now = 3001.0
        self.assertEqual(len(self.left()), 2)

    def test_fails(self) -> None:
        """A failed removal is tried again."""
        self.box.now = 2000.0
        self.box.nft.table = None
        self.box.nft.is_broken = True
        self.failureResultOf(self.box.companion.maintain(), DeviceFailed)
        self.assertTrue(self.box.companion.is_expiring)
        self.box.nft.is_broken = False
        self.assertEqual(self.left(), {self.lasting.public_key})

    def test_damaged(self) -> None:
        """A damaged file counts as one without times."""
        for content in ("{", "[]", '{"x": 1}', '{"a": "b"}', "7"):
            (self.box.folder / "expiries.json").write_text(content)
            self.box.now = 9999.0
            self.box.companion = self.box.made()
            self.assertEqual(len(self.left()), 2)

    def test_versions(self) -> None:
        """A server of the release before is answered in its version."""
        for said, answered in (
            (1, 1),
            (wire.VERSION, wire.VERSION),
            (99, wire.VERSION),
        ):
            found = self.ask(wire.Hello(said), wire.Welcome)
            self.assertEqual(found.version, answered)
