"""The plan: it reaches what is desired, and touches nothing else."""

import time

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import prefix_of
from semaphore_twisted.wireguard.reconcile import describe, is_unsafe, plan
from semaphore_twisted.wireguard.state import (
    DesiredPeer,
    DevicePeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)
from tests.wireguard.silent import SilentDevice

OWN = b"S" * 32
SECRET = b"preshared-key-preshared-key-pre!"


def key(number: int) -> bytes:
    """Return the public key with a number."""
    return number.to_bytes(32, "big")


def desired_peer(number: int, preshared: bytes | None = None) -> DesiredPeer:
    """Return a desired peer with both addresses."""
    return DesiredPeer(
        public_key=key(number),
        addresses=(f"10.80.{number // 200}.{number % 200 + 2}", f"fd80::{number:x}"),
        preshared_key=preshared,
    )


def live(peer: DesiredPeer, **fields: object) -> DevicePeer:
    """Return a peer as the device has it, if all is well."""
    state = DevicePeer(
        public_key=peer.public_key,
        allowed_ips=frozenset(map(prefix_of, peer.addresses)),
        preshared_key=peer.preshared_key,
        endpoint=f"192.0.2.{peer.public_key[-1]}:4000",
        handshake=1_700_000_000 + peer.public_key[-1],
        received=1000,
        sent=2000,
    )
    return msgspec.structs.replace(state, **fields)


def device(*peers: DevicePeer) -> DeviceState:
    """Return a device with peers."""
    return DeviceState(public_key=OWN, port=51820, peers=peers)


_KEYS = st.integers(1, 12).map(key)
_SHARED = st.sampled_from([None, SECRET, b"q" * 32])


@st.composite
def desired_peers(draw: st.DrawFn) -> list[DesiredPeer]:
    """Draw what a database may want: keys and addresses are unique."""
    numbers = draw(st.lists(_KEYS, unique=True, max_size=8))
    spare = draw(st.permutations([f"10.80.0.{n}" for n in range(2, 14)]))
    peers = []
    for number, public in enumerate(numbers):
        several = (spare[number], f"fd80::{int(spare[number].split('.')[3]):x}")
        addresses = several[: draw(st.integers(0, 2))]
        peers.append(
            DesiredPeer(
                public_key=public, addresses=addresses, preshared_key=draw(_SHARED)
            )
        )
    return peers


_PREFIXES = st.sampled_from(
    [f"10.80.0.{n}/32" for n in range(2, 14)]
    + [f"fd80::{n:x}/128" for n in range(2, 14)]
    + ["10.80.0.0/24", "0.0.0.0/0", "192.0.2.0/24"]
)


@st.composite
def devices(draw: st.DrawFn) -> DeviceState:
    """Generate a device in any state, also after changes by hand."""
    peers = [
        DevicePeer(
            public_key=public,
            allowed_ips=draw(st.frozensets(_PREFIXES, max_size=4)),
            preshared_key=draw(_SHARED),
            endpoint=draw(st.sampled_from([None, f"192.0.2.1:{public[-1] + 1}"])),
            keepalive=draw(st.sampled_from([0, 25])),
            handshake=draw(st.integers(0, 2**40)),
        )
        for public in draw(st.lists(_KEYS, unique=True, max_size=10))
    ]
    return SilentDevice(device(*peers)).state()


def seen(state: DeviceState) -> dict[bytes, tuple[frozenset[str], bytes | None, int]]:
    """Return what of a device is wanted to be so and not otherwise."""
    return {
        each.public_key: (each.allowed_ips, each.preshared_key, each.keepalive)
        for each in state.peers
    }


def wanted(
    peers: list[DesiredPeer],
) -> dict[bytes, tuple[frozenset[str], bytes | None, int]]:
    """Return the comparable form of the desired peers."""
    return {
        each.public_key: (
            frozenset(map(prefix_of, each.addresses)),
            each.preshared_key,
            0,
        )
        for each in peers
    }


class PropertyTests(SynchronousTestCase):
    """Properties for each device and each desired state."""

    @given(devices(), desired_peers())
    def test_reaches(self, actual: DeviceState, peers: list[DesiredPeer]) -> None:
        """The plan makes the device as desired; the next plan is empty."""
        real = SilentDevice(actual)
        real.apply(plan(actual, peers))
        self.assertEqual(seen(real.state()), wanted(peers))
        self.assertEqual(plan(real.state(), peers), ())

    @given(devices(), desired_peers(), st.randoms(use_true_random=False))
    def test_order(self, actual: DeviceState, peers: list[DesiredPeer], chance) -> None:  # type: ignore[no-untyped-def]
        """The order of the peers on either side does not matter."""
        shuffled = list(peers)
        chance.shuffle(shuffled)
        others = list(actual.peers)
        chance.shuffle(others)
        self.assertEqual(
            plan(actual, peers),
            plan(msgspec.structs.replace(actual, peers=tuple(others)), shuffled),
        )

    @given(devices(), desired_peers())
    def test_minimal(self, actual: DeviceState, peers: list[DesiredPeer]) -> None:
        """A matching peer is not written, and no peer is written more than once.

        Removals come first, and a removed peer is not added again.
        """
        changes = plan(actual, peers)
        touched = [each.public_key for each in changes]
        self.assertEqual(len(touched), len(set(touched)))
        before = seen(actual)
        for public, state in wanted(peers).items():
            self.assertEqual(public in touched, before.get(public) != state)
        kinds = [isinstance(each, SetPeer) for each in changes]
        self.assertEqual(kinds, sorted(kinds))
        for each in changes:
            if isinstance(each, RemovePeer):
                self.assertNotIn(each.public_key, wanted(peers))
                self.assertIn(each.public_key, before)

    @given(devices(), desired_peers())
    def test_sessions(self, actual: DeviceState, peers: list[DesiredPeer]) -> None:
        """Endpoint, handshake and counters of remaining peers are unchanged."""
        changes = plan(actual, peers)
        self.assertTrue(
            all(each.endpoint is None for each in changes if isinstance(each, SetPeer))
        )
        real = SilentDevice(actual)
        real.apply(changes)
        after = {each.public_key: each for each in real.state().peers}
        for each in actual.peers:
            if each.public_key in after:
                now = after[each.public_key]
                self.assertEqual(
                    (now.endpoint, now.handshake, now.received, now.sent),
                    (each.endpoint, each.handshake, each.received, each.sent),
                )

    @given(devices(), desired_peers())
    def test_sentences(self, actual: DeviceState, peers: list[DesiredPeer]) -> None:
        """Each change has a sentence on one line, without a preshared key."""
        for change in plan(actual, peers):
            for sentence in describe([change], actual):
                self.assertTrue(sentence.isprintable())
                for secret in (SECRET, b"q" * 32):
                    self.assertNotIn(keys.format(secret), sentence)
                    self.assertNotIn(secret.hex(), sentence)


class PlanTests(SynchronousTestCase):
    """Cases that were reported."""

    def test_equal(self) -> None:
        """A thousand looks at a device that is right write nothing."""
        peers = [desired_peer(number, SECRET) for number in range(1, 50)]
        real = SilentDevice(device(*map(live, peers)))
        for _ in range(1000):
            real.apply(plan(real.state(), peers))
        self.assertEqual(real.writes, [])

    def test_one_of_fifty(self) -> None:
        """To add, change or remove one of fifty touches that one alone."""
        peers = [desired_peer(number) for number in range(1, 51)]
        actual = device(*map(live, peers))
        for number, peer in enumerate(peers):
            others = peers[:number] + peers[number + 1 :]
            self.assertEqual(plan(actual, others), (RemovePeer(peer.public_key),))
            without = device(*map(live, others))
            (added,) = plan(without, peers)
            self.assertEqual(added.public_key, peer.public_key)
            changed = msgspec.structs.replace(peer, preshared_key=SECRET)
            (written,) = plan(actual, [*others, changed])
            self.assertEqual(written.public_key, peer.public_key)

    def test_taken_out(self) -> None:
        """A preshared key and a keepalive that are not desired are written off."""
        peer = desired_peer(1)
        for field, value in (("preshared_key", SECRET), ("keepalive", 25)):
            actual = device(live(peer, **{field: value}))
            (change,) = plan(actual, [peer])
            assert isinstance(change, SetPeer)
            self.assertIsNone(change.preshared_key)
            self.assertEqual(change.keepalive, 0)
            real = SilentDevice(actual)
            real.apply([change])
            self.assertEqual(seen(real.state()), wanted([peer]))

    def test_moved_behind_our_back(self) -> None:
        """A prefix that another peer got by hand is given back; both are named."""
        first, second = desired_peer(1), desired_peer(2)
        real = SilentDevice(device(live(first), live(second)))
        stolen = prefix_of(first.addresses[0])
        real.apply(
            [
                SetPeer(
                    public_key=second.public_key,
                    allowed_ips=(*map(prefix_of, second.addresses), stolen),
                )
            ]
        )
        actual = real.state()
        changes = plan(actual, [first, second])
        self.assertEqual(len(changes), 2)
        sentence = describe(changes, actual)[0]
        self.assertIn(keys.format(first.public_key), sentence)
        self.assertIn(keys.format(second.public_key), sentence)
        self.assertIn(stolen, sentence)
        real.apply(changes)
        self.assertEqual(seen(real.state()), wanted([first, second]))

    def test_swapped(self) -> None:
        """Two peers change their addresses with each other."""
        first, second = desired_peer(1), desired_peer(2)
        real = SilentDevice(device(live(first), live(second)))
        swapped = [
            msgspec.structs.replace(first, addresses=second.addresses),
            msgspec.structs.replace(second, addresses=first.addresses),
        ]
        real.apply(plan(real.state(), swapped))
        self.assertEqual(seen(real.state()), wanted(swapped))

    def test_last_peer(self) -> None:
        """The last peer can be removed; no peers are desired, none stay."""
        peer = desired_peer(1)
        actual = device(live(peer))
        self.assertEqual(plan(actual, []), (RemovePeer(peer.public_key),))
        self.assertFalse(is_unsafe(actual, []))

    def test_own_key(self) -> None:
        """The device's own key as a peer is skipped."""
        own = DesiredPeer(public_key=OWN, addresses=("10.80.0.9",))
        self.assertEqual(plan(device(), [own]), ())

    def test_unsafe(self) -> None:
        """More than half of ten or more peers are not removed unasked."""
        peers = [desired_peer(number) for number in range(1, 21)]
        for present in range(21):
            actual = device(*map(live, peers[:present]))
            for kept in range(present + 1):
                self.assertEqual(
                    is_unsafe(actual, peers[:kept]),
                    present >= 10 and present - kept > present / 2,
                )
        strangers = [desired_peer(number) for number in range(100, 120)]
        self.assertTrue(is_unsafe(device(*map(live, peers)), strangers))

    def test_sentences(self) -> None:
        """A change is described by a sentence with the differences."""
        peer = desired_peer(1)
        actual = device(live(peer, allowed_ips=frozenset(), keepalive=25))
        shown = keys.format(peer.public_key)
        (change,) = plan(actual, [msgspec.structs.replace(peer, preshared_key=SECRET)])
        self.assertEqual(
            describe([change], actual)[0],
            f"Change peer {shown}: addresses none to 10.80.0.3/32, fd80::1/128, "
            "another preshared key, keepalive 25 to off",
        )
        removal = RemovePeer(peer.public_key)
        self.assertEqual(
            describe([change, removal], device()),
            (
                f"Add peer {shown} with 10.80.0.3/32, fd80::1/128",
                f"Remove peer {shown}",
            ),
        )

    def test_speed(self) -> None:
        """A plan for 2,000 peers is made at once; the figure is in ``bench``."""
        peers = [desired_peer(number, SECRET) for number in range(1, 2001)]
        actual = device(*map(live, peers))
        started = time.perf_counter()
        self.assertEqual(len(plan(actual, peers[1:])), 1)
        self.assertLess(time.perf_counter() - started, 2)


class ReprTests(SynchronousTestCase):
    """Values in a traceback."""

    def test_not_shown(self) -> None:
        """No text of a value has a preshared key."""
        peer = desired_peer(1, SECRET)
        change = SetPeer(public_key=key(1), allowed_ips=(), preshared_key=SECRET)
        for value in (peer, live(peer), change, device(live(peer))):
            for shown in (repr(value), str(value), f"{value}"):
                self.assertNotIn("preshared-key", shown)
                self.assertNotIn(SECRET.hex(), shown)
