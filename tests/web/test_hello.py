"""The first message of TLS."""

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.hello import LIMIT, ClientHello, NoHello, message, read
from tests.support.wires import TlsClient, Wire


def hello(
    *protocols: bytes, name: str = "ci.example.org", version: int = SSL.TLS1_3_VERSION
) -> bytes:
    """Return what a client says first."""
    return TlsClient(
        Wire(), name=name, protocols=protocols or (b"http/1.1",), version=version
    ).hello()


def records(content: bytes, size: int) -> bytes:
    """Return *content* in records of *size* bytes."""
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"\x16\x03\x01" + len(each).to_bytes(2) + each for each in parts)


class MessageTests(SynchronousTestCase):
    """T3: a hello is complete, goes on, or is none."""

    def test_byte_by_byte(self) -> None:
        """It is complete with its last byte, and not before."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            data = hello(version=version)
            for end in range(1, len(data)):
                self.assertIsNone(message(data[:end]))
            self.assertIsNotNone(message(data))
            self.assertEqual(message(data + b"more"), message(data))

    def test_records(self) -> None:
        """It may come in many records."""
        data = hello()
        for size in (1, 3, 50):
            self.assertEqual(message(records(data[5:], size)), message(data))

    def test_long(self) -> None:
        """40 KiB are too many, said at the beginning or not."""
        said = b"\x01" + (40 * 1024).to_bytes(3) + bytes(100)
        self.assertRaises(NoHello, message, records(said, 100))
        endless = b"\x16\x03\x01\x00\x01\x01" * (LIMIT // 6)
        self.assertRaises(NoHello, message, endless + b"\x16\x03\x01\x40\x00" + b"x")

    def test_none(self) -> None:
        """Other records, versions and messages are none."""
        for data in (
            b"\x17\x03\x01\x00\x05hello",
            b"\x16\x02\x01\x00\x05hello",
            b"\x16\x03\x01\x00\x00",
            b"\x16\x03\x01\xff\xff",
            b"\x16\x03\x01\x00\x05\x02\x00\x00\x01x",
        ):
            self.assertRaises(NoHello, message, data)

    @given(st.binary(min_size=1, max_size=200))
    def test_noise(self, data: bytes) -> None:
        """Noise is never more than no hello."""
        try:
            found = message(b"\x16\x03\x01" + data)
        except NoHello:
            return
        if found is not None:
            read(found)


class ReadTests(SynchronousTestCase):
    """Whom it wants to speak to, and how."""

    def read(self, data: bytes) -> ClientHello:
        """Read a complete hello."""
        found = message(data)
        assert found is not None
        return read(found)

    def test_names(self) -> None:
        """The server's name, in lower case, and the protocols in their order."""
        found = self.read(hello(b"h2", b"http/1.1", name="CI.example.org"))
        self.assertEqual(found, ClientHello("ci.example.org", (b"h2", b"http/1.1")))

    def test_challenge(self) -> None:
        """V133: only who speaks nothing else asks for a challenge."""
        for protocols, wanted in (
            ((b"acme-tls/1",), True),
            ((b"acme-tls/1", b"http/1.1"), False),
            ((b"http/1.1", b"acme-tls/1"), False),
            ((b"http/1.1",), False),
        ):
            found = self.read(hello(*protocols))
            self.assertEqual(found.asks_for_challenge, wanted, protocols)

    def test_damaged(self) -> None:
        """A damaged message asks for nothing; OpenSSL will say why."""
        whole = message(hello())
        assert whole is not None
        for end in range(len(whole)):
            found = read(whole[:end])
            self.assertIn(found.server_name, {"", "ci.example.org"})
