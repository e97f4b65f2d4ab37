"""Input and output of `wg`."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import keys, tool
from semaphore_twisted.wireguard.addresses import WrongAddress
from semaphore_twisted.wireguard.state import (
    Change,
    DeviceFailed,
    DeviceState,
    RemovePeer,
    SetPeer,
)
from tests.wireguard.strategies import PRIVATE, changes, devices

KEY, SECRET = b"b" * 32, b"preshared-key-preshared-key-pre!"


def dump(state: DeviceState) -> bytes:
    """Return what ``wg show IF dump`` prints for a state."""
    if state.public_key is None:
        lines = [f"(none)\t(none)\t{state.port}\toff"]
    else:
        lines = [
            f"{keys.format(PRIVATE)}\t{keys.format(state.public_key)}\t{state.port}\t0x1"
        ]
    for peer in state.peers:
        shared = peer.preshared_key
        lines.append(
            "\t".join(
                (
                    keys.format(peer.public_key),
                    "(none)" if shared is None else keys.format(shared),
                    peer.endpoint or "(none)",
                    ",".join(sorted(peer.allowed_ips)) or "(none)",
                    str(peer.handshake),
                    str(peer.received),
                    str(peer.sent),
                    str(peer.keepalive or "off"),
                )
            )
        )
    return "".join(f"{line}\n" for line in lines).encode()


class AddconfTests(SynchronousTestCase):
    """The text for ``wg addconf``."""

    def test_example(self) -> None:
        """A missing key and keepalive are written explicitly, for the peer only."""
        self.assertEqual(
            tool.addconf(
                [
                    SetPeer(
                        public_key=KEY, allowed_ips=("10.80.0.2/32", "fd80::2/128")
                    ),
                    SetPeer(
                        public_key=KEY,
                        allowed_ips=(),
                        preshared_key=SECRET,
                        keepalive=1,
                        endpoint="192.0.2.1:4000",
                    ),
                ]
            )
            .decode()
            .split("\n"),
            [
                "[Peer]",
                f"PublicKey = {keys.format(KEY)}",
                f"PresharedKey = {'A' * 43}=",
                "PersistentKeepalive = off",
                "AllowedIPs = 10.80.0.2/32, fd80::2/128",
                "[Peer]",
                f"PublicKey = {keys.format(KEY)}",
                f"PresharedKey = {keys.format(SECRET)}",
                "PersistentKeepalive = 1",
                "Endpoint = 192.0.2.1:4000",
                "",
            ],
        )
        self.assertEqual(tool.addconf([]), b"")

    @given(st.lists(changes()))
    def test_lines(self, several: list[Change]) -> None:
        """There are no lines but a peer's own, and no ``[Interface]``."""
        sets = [each for each in several if isinstance(each, SetPeer)]
        lines = tool.addconf(sets).decode("ascii").split("\n")
        for name in ("PublicKey", "PresharedKey", "PersistentKeepalive"):
            found = [line for line in lines if line.startswith(f"{name} = ")]
            self.assertEqual(len(found), len(sets))
        others = sum(
            (each.endpoint is not None) + bool(each.allowed_ips) for each in sets
        )
        self.assertEqual(len(lines), 4 * len(sets) + others + 1)

    def test_hostile(self) -> None:
        """An invalid prefix or endpoint is not written."""
        for wrong in ("10.0.0.2/32\n[Interface]", "10.0.0.2", "10.0.0.2/24"):
            change = SetPeer(public_key=KEY, allowed_ips=(wrong,))
            self.assertRaises(WrongAddress, tool.addconf, [change])
        for wrong in ("1.2.3.4:1\n[Interface]", "host:1", "1.2.3.4"):
            change = SetPeer(public_key=KEY, allowed_ips=(), endpoint=wrong)
            self.assertNotIn(b"Endpoint", tool.addconf([change]))
            self.assertNotIn(b"Interface", tool.addconf([change]))

    def test_removal(self) -> None:
        """Peers are removed by their public keys, in one call."""
        self.assertEqual(
            tool.removal_arguments("wg0", [RemovePeer(KEY), RemovePeer(SECRET)]),
            (
                *("set", "wg0", "peer", keys.format(KEY), "remove"),
                *("peer", keys.format(SECRET), "remove"),
            ),
        )


class DumpTests(SynchronousTestCase):
    """The output of ``wg show IF dump``."""

    @given(devices())
    def test_round_trip(self, state: DeviceState) -> None:
        """Each spelling of "nothing" is read as such."""
        self.assertEqual(tool.parse_dump(dump(state)), state)

    def test_not_kept(self) -> None:
        """The private key is not in what was read."""
        state = DeviceState(public_key=keys.public_of(PRIVATE), port=1)
        self.assertNotIn("private", repr(tool.parse_dump(dump(state))))

    @given(devices(), st.data())
    def test_cut(self, state: DeviceState, data: st.DataObject) -> None:
        """An output cut within a line is an error, not a shorter list of peers."""
        text = dump(state)
        length = data.draw(st.integers(0, len(text) - 1))
        if text[:length].endswith(b"\n"):
            length -= 1
        self.assertRaises(DeviceFailed, tool.parse_dump, text[:length])

    @given(devices(), st.data())
    def test_damaged(self, state: DeviceState, data: st.DataObject) -> None:
        """With one wrong byte it is read or refused, and never shown."""
        text = bytearray(dump(state))
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
        try:
            tool.parse_dump(bytes(text))
        except DeviceFailed as error:
            self.assertNotIn(keys.format(PRIVATE)[:10], str(error))
            self.assertTrue(error.__suppress_context__ or not error.__context__)

    @given(st.binary())
    def test_noise(self, noise: bytes) -> None:
        """Noise is a failure."""
        with self.assertRaises(DeviceFailed):
            tool.parse_dump(noise)
