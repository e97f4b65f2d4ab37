"""The text of the userspace implementations' socket."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import keys, uapi
from semaphore_twisted.wireguard.addresses import WrongAddress
from semaphore_twisted.wireguard.state import (
    Change,
    DeviceFailed,
    DevicePeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)
from tests.wireguard.strategies import changes, devices

PRIVATE = b"private-key-private-key-private!"
SECRET = b"preshared-key-preshared-key-pre!"


def answer(state: DeviceState, private: bytes | None, errno: int = 0) -> bytes:
    """Return what wireguard-go answers for a state, with all of its fields."""
    lines = [] if private is None else [f"private_key={private.hex()}"]
    lines += [f"listen_port={state.port}", "fwmark=1"]
    for peer in state.peers:
        lines += [
            f"public_key={peer.public_key.hex()}",
            f"preshared_key={(peer.preshared_key or bytes(32)).hex()}",
            "protocol_version=1",
        ]
        if peer.endpoint is not None:
            lines.append(f"endpoint={peer.endpoint}")
        lines += [
            f"last_handshake_time_sec={peer.handshake}",
            "last_handshake_time_nsec=123456789",
            f"tx_bytes={peer.sent}",
            f"rx_bytes={peer.received}",
            f"persistent_keepalive_interval={peer.keepalive}",
            *(f"allowed_ip={each}" for each in sorted(peer.allowed_ips)),
        ]
    return "".join(f"{line}\n" for line in [*lines, f"errno={errno}", ""]).encode()


class SetTests(SynchronousTestCase):
    """Encoding of requests."""

    def test_example(self) -> None:
        """Each field of the peer is written explicitly, and none of the device."""
        text = uapi.encode_set(
            [
                RemovePeer(b"a" * 32),
                SetPeer(
                    public_key=b"b" * 32, allowed_ips=("10.80.0.2/32", "fd80::2/128")
                ),
                SetPeer(
                    public_key=b"c" * 32,
                    allowed_ips=(),
                    preshared_key=SECRET,
                    keepalive=1,
                    endpoint="[2001:db8::1]:4000",
                ),
            ]
        )
        self.assertEqual(
            text.decode().split("\n"),
            [
                "set=1",
                f"public_key={'61' * 32}",
                "remove=true",
                f"public_key={'62' * 32}",
                f"preshared_key={'00' * 32}",
                "persistent_keepalive_interval=0",
                "replace_allowed_ips=true",
                "allowed_ip=10.80.0.2/32",
                "allowed_ip=fd80::2/128",
                f"public_key={'63' * 32}",
                f"preshared_key={SECRET.hex()}",
                "persistent_keepalive_interval=1",
                "replace_allowed_ips=true",
                "endpoint=[2001:db8::1]:4000",
                "",
                "",
            ],
        )

    def test_device(self) -> None:
        """Of the device's own fields only those are written that are given."""
        for fields, wanted in (
            (None, b"set=1\n\n"),
            (uapi.DeviceFields(), b"set=1\n\n"),
            (uapi.DeviceFields(port=51820), b"set=1\nlisten_port=51820\n\n"),
            (
                uapi.DeviceFields(private_key=PRIVATE),
                f"set=1\nprivate_key={PRIVATE.hex()}\n\n".encode(),
            ),
        ):
            self.assertEqual(uapi.encode_set([], fields), wanted)
        self.assertNotIn("private", repr(uapi.DeviceFields(private_key=PRIVATE)))

    @given(st.lists(changes()))
    def test_fields(self, several: list[Change]) -> None:
        """Never are all peers replaced; no secret, no keepalive is absent."""
        text = uapi.encode_set(several).decode("ascii")
        self.assertTrue(text.startswith("set=1\n"))
        self.assertTrue(text.endswith("\n\n"))
        lines = text[:-2].split("\n")
        self.assertTrue(all("=" in line for line in lines))
        names = [line.partition("=")[0] for line in lines]
        self.assertNotIn("replace_peers", names)
        self.assertNotIn("listen_port", names)
        self.assertNotIn("private_key", names)
        sets = sum(isinstance(each, SetPeer) for each in several)
        for name in (
            *("preshared_key", "persistent_keepalive_interval"),
            "replace_allowed_ips",
        ):
            self.assertEqual(names.count(name), sets)
        self.assertEqual(names.count("public_key"), len(several))

    def test_hostile(self) -> None:
        """An invalid prefix or endpoint is not written."""
        for wrong in ("10.0.0.2/32\nreplace_peers=true", "10.0.0.2", "10.0.0.2/24"):
            change = SetPeer(public_key=b"b" * 32, allowed_ips=(wrong,))
            self.assertRaises(WrongAddress, uapi.encode_set, [change])
        for wrong in ("h:1\nreplace_peers=true", "h:1", "1.2.3.4:0", "1.2.3.4"):
            change = SetPeer(public_key=b"b" * 32, allowed_ips=(), endpoint=wrong)
            self.assertNotIn(b"endpoint", uapi.encode_set([change]))
            self.assertNotIn(b"replace_peers", uapi.encode_set([change]))

    def test_answers(self) -> None:
        """An answer reports success or failure; any other text is an error."""
        uapi.check_answer(b"errno=0\n\n")
        for wrong in (b"errno=-22\n\n", b"errno=1\n\n"):
            error = self.assertRaises(DeviceFailed, uapi.check_answer, wrong)
            self.assertIn(wrong.strip().decode().removeprefix("errno="), str(error))
        for wrong in (
            *(b"", b"\n\n", b"errno=\n\n", b"errno=0", b"errno=0x\n\n", b"\xff\n\n"),
            b"errno=00000000000000000000000000\n\n",
        ):
            self.assertRaises(DeviceFailed, uapi.check_answer, wrong)


class GetTests(SynchronousTestCase):
    """Decoding of answers."""

    @given(devices())
    def test_round_trip(self, state: DeviceState) -> None:
        """A device's answer is decoded completely; no handshake is 0."""
        private = PRIVATE if state.public_key is not None else None
        self.assertEqual(uapi.decode_get(answer(state, private)), state)

    def test_unknown_fields(self) -> None:
        """Fields of newer devices are passed over."""
        peer = DevicePeer(public_key=b"a" * 32, allowed_ips=frozenset({"10.0.0.2/32"}))
        state = DeviceState(public_key=None, port=1, peers=(peer,))
        text = answer(state, None).replace(
            b"fwmark=1", b"fwmark=1\nnew_thing=\xc2\xb5?"
        )
        self.assertRaises(DeviceFailed, uapi.decode_get, text)
        text = answer(state, None).replace(b"fwmark=1", b"fwmark=1\nnew_thing=?")
        text = text.replace(b"protocol_version=1", b"protocol_version=1\nnewer==x")
        self.assertEqual(uapi.decode_get(text), state)

    def test_no_key(self) -> None:
        """A device without a key, in both spellings, has no public key."""
        state = DeviceState(public_key=None, port=0)
        self.assertEqual(uapi.decode_get(answer(state, None)), state)
        self.assertEqual(uapi.decode_get(answer(state, bytes(32))), state)

    def test_not_kept(self) -> None:
        """The private key is not in what was read."""
        state = uapi.decode_get(
            answer(DeviceState(public_key=None, port=1), PRIVATE),
        )
        self.assertEqual(state.public_key, keys.public_of(PRIVATE))
        self.assertNotIn("private", repr(state))

    @given(devices(), st.data())
    def test_cut(self, state: DeviceState, data: st.DataObject) -> None:
        """An answer that is cut is a failure, not a device with fewer peers."""
        text = answer(state, None)
        length = data.draw(st.integers(0, len(text) - 3))
        self.assertRaises(DeviceFailed, uapi.decode_get, text[:length])

    @given(devices())
    def test_error(self, state: DeviceState) -> None:
        """With an error number, the rest of the answer is not used."""
        text = answer(state, None, errno=-5)
        self.assertRaises(DeviceFailed, uapi.decode_get, text)

    @given(st.binary())
    def test_noise(self, noise: bytes) -> None:
        """Noise is a failure with a sentence that shows none of it."""
        for text in (noise, noise + b"\nerrno=0\n\n"):
            try:
                uapi.decode_get(text)
            except DeviceFailed as error:
                self.assertTrue(str(error).isprintable())

    @given(devices(), st.data())
    def test_damaged(self, state: DeviceState, data: st.DataObject) -> None:
        """An answer with one wrong byte is read or refused, nothing else."""
        text = bytearray(answer(state, PRIVATE))
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
        try:
            uapi.decode_get(bytes(text))
        except DeviceFailed as error:
            self.assertNotIn(PRIVATE.hex()[:16], str(error))

    def test_wrong_values(self) -> None:
        """An invalid value is refused, and not quoted."""
        peer = f"public_key={'61' * 32}\n"
        for wrong in (
            *("listen_port=x", "listen_port=-1", f"private_key={'6g' * 32}"),
            *(f"{peer}allowed_ip=10.0.0.1/24", f"{peer}allowed_ip=x", "public_key=00"),
            *(f"{peer}rx_bytes=1.5", f"{peer}preshared_key=1"),
            *("no field", f"private_key={'61' * 32}0"),
        ):
            text = f"{wrong}\nerrno=0\n\n".encode()
            error = self.assertRaises(DeviceFailed, uapi.decode_get, text)
            self.assertNotIn("6161", str(error))
