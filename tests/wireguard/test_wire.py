"""The companion's protocol: valid and invalid messages."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import wire, wire_answers
from semaphore_twisted.wireguard.wire import MalformedFrame

KEY, SECRET = b"k" * 32, b"preshared-key-preshared-key-pre!"
PEER = wire.WirePeer(KEY, ("10.80.0.2", "fd80::2"), SECRET)
GRANT = wire.WireGrant("10.80.0.2", "10.20.0.0/16")
STATUS = wire.Status(KEY, "192.0.2.1:4000", 1, 2, 3)

REQUESTS: tuple[wire.Request, ...] = (
    wire.Hello(),
    wire.Sync(7, (PEER,), (GRANT,), may_empty=True),
    wire.Sync(8, (wire.WirePeer(KEY, ("10.80.0.2",), None, 1_800_000_000),)),
    wire.Plan((PEER,)),
    wire.Observe(),
    wire.Diagnose(),
    wire.Down(),
)
ANSWERS: tuple[wire.Answer, ...] = (
    wire.Welcome(
        *(1, "memory", "", "semaphore0", 3, KEY, 51820, 1420),
        *(("10.80.0.1/16",), ("10.80.0.0/16",), (), (443,), (53,)),
    ),
    wire.Synced(7, 1, ("x",), 3, (STATUS,)),
    wire.Planned(("x",)),
    wire.Observed(1.5, 3, (STATUS,)),
    wire.Diagnosis((wire.Finding("clock", "ok", "x"),)),
    wire.Done(),
    wire.Failed("refused", "x"),
)


class _FormerPeer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A peer as version 1 of the protocol has it."""

    public_key: bytes
    addresses: tuple[str, ...]
    preshared_key: bytes | None = None


class VersionTests(SynchronousTestCase):
    """Messages that the previous release understands."""

    def test_former_companion(self) -> None:
        """A companion of version 1 understands a peer without an expiry."""
        for shared in (None, SECRET):
            peer = wire.WirePeer(KEY, ("10.80.0.2",), shared)
            content = msgspec.json.encode(peer)
            found = msgspec.json.decode(content, type=_FormerPeer)
            self.assertEqual(found, _FormerPeer(KEY, ("10.80.0.2",), shared))

    def test_expires(self) -> None:
        """An expiry is an integer number of seconds, or missing."""
        for value in ("-1", "1.5", '"7"', "9e99", "true"):
            content = wire.encode(wire.Sync(7, (PEER,)))
            wrong = content.replace(
                b'"addresses"', b'"expires":%s,"addresses"' % value.encode()
            )
            self.assertRaises(MalformedFrame, wire.decode_request, wrong)


class WireTests(SynchronousTestCase):
    """Messages as JSON."""

    def test_round_trip(self) -> None:
        """Each message is read as it was written, and as nothing of the other side."""
        for request in REQUESTS:
            content = wire.encode(request)
            self.assertEqual(wire.decode_request(content), request)
            self.assertRaises(MalformedFrame, wire_answers.decode_answer, content)
        for answer in ANSWERS:
            content = wire.encode(answer)
            self.assertEqual(wire_answers.decode_answer(content), answer)
            self.assertRaises(MalformedFrame, wire.decode_request, content)

    def test_large(self) -> None:
        """A request of 20,000 peers with grants fits a frame."""
        peers = tuple(
            wire.WirePeer(number.to_bytes(32, "big"), PEER.addresses, SECRET)
            for number in range(20_000)
        )
        content = wire.encode(wire.Sync(1, peers, (GRANT,) * 20_000))
        self.assertLess(len(content), wire.MAX_FRAME)

    def test_malformed(self) -> None:
        """A message with a field too many, too few, or of a wrong type is invalid."""
        for wrong in (
            *(b"", b"{}", b"[]", b"null", b"\xff", b'{"type": "Up"}', b'{"type": 1}'),
            b'{"type": "Hello", "version": 1, "command": "id"}',
            b'{"type": "Hello", "version": "1"}',
            b'{"type": "Sync", "revision": 1}',
            b'{"type": "Sync", "revision": 1.5, "peers": []}',
            wire.encode(wire.Plan((wire.WirePeer(b"k" * 31, ("10.80.0.2",)),))),
            wire.encode(wire.Plan((wire.WirePeer(b"k" * 33, ("10.80.0.2",)),))),
            wire.encode(wire.Plan((wire.WirePeer(KEY, ()),))),
            wire.encode(wire.Plan((wire.WirePeer(KEY, ("1", "2", "3")),))),
            wire.encode(wire.Plan((wire.WirePeer(KEY, ("x" * 65,)),))),
            wire.encode(wire.Plan((wire.WirePeer(KEY, ("1",), b""),))),
            wire.encode(wire.Sync(1, (), (wire.WireGrant("x" * 65, "x"),))),
            b"[" * 100_000,
            b'{"type": "Hello", "version": ' + b"[" * 100_000,
        ):
            self.assertRaises(MalformedFrame, wire.decode_request, wrong)

    @given(st.binary())
    def test_noise(self, noise: bytes) -> None:
        """Noise is refused, and not repeated."""
        for decode in (wire.decode_request, wire_answers.decode_answer):
            error = self.assertRaises(MalformedFrame, decode, noise)
            self.assertNotIn("'", str(error))

    def test_not_shown(self) -> None:
        """No text of a request has a preshared key."""
        shown = "".join(map(repr, REQUESTS)) + "".join(map(str, REQUESTS))
        self.assertNotIn("preshared-key", shown)
