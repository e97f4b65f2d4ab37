"""The first message of TLS."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.listener.client_hello import (
    LIMIT,
    ClientHello,
    NoHello,
    Records,
    read,
)
from tests.support.wires import TlsClient, Wire


def hello(
    *protocols: bytes, name: str = "ci.example.org", version: int = SSL.TLS1_3_VERSION
) -> bytes:
    """Return a client's first message."""
    return TlsClient(
        Wire(), name=name, protocols=protocols or (b"http/1.1",), version=version
    ).hello()


def records(content: bytes, size: int) -> bytes:
    """Return *content* in records of *size* bytes."""
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"\x16\x03\x01" + len(each).to_bytes(2) + each for each in parts)


def message(data: bytes) -> bytes | None:
    """Return the hello in *data*, parsed in one piece."""
    return Records().message(data)


class MessageTests(SynchronousTestCase):
    """A hello is complete, incomplete or invalid."""

    def test_byte_by_byte(self) -> None:
        """It is complete with its last byte, and not before."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            data = hello(version=version)
            for size in (1, 7, len(data)):
                split = records(data[5:], size)
                reader = Records()
                for end in range(1, len(split)):
                    self.assertIsNone(reader.message(split[:end]))
                self.assertEqual(reader.message(split), message(data))
            self.assertIsNotNone(message(data))
            self.assertEqual(message(data + b"more"), message(data))

    def test_records(self) -> None:
        """It may be split into many records."""
        data = hello()
        for size in (1, 3, 50):
            self.assertEqual(message(records(data[5:], size)), message(data))

    def test_long(self) -> None:
        """40 KiB are too many, whether the length is declared or not."""
        said = b"\x01" + (40 * 1024).to_bytes(3) + bytes(100)
        self.assertRaises(NoHello, message, records(said, 100))
        endless = b"\x16\x03\x01\x00\x01\x01" * (LIMIT // 6)
        self.assertRaises(NoHello, message, endless + b"\x16\x03\x01\x40\x00" + b"x")

    def test_each_record_once(self) -> None:
        """Received data is not parsed again for each further byte."""
        begun = records(b"\x01\x00\x7f\x00" + bytes(5000), 1)
        looked = 0

        class Watched(bytes):
            """Counts what is read of it."""

            def __getitem__(self, key: Any) -> Any:
                nonlocal looked
                looked += 1
                return super().__getitem__(key)

        reader = Records()
        for end in range(len(begun) - 1000, len(begun)):
            self.assertIsNone(reader.message(Watched(begun[:end])))
        self.assertLess(looked, 10 * 5000)

    def test_none(self) -> None:
        """Other records, versions and messages are invalid."""
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
    """The server name and the protocols of a hello."""

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
        """Only a client without other protocols requests a challenge."""
        for protocols, wanted in (
            ((b"acme-tls/1",), True),
            ((b"acme-tls/1", b"http/1.1"), False),
            ((b"http/1.1", b"acme-tls/1"), False),
            ((b"http/1.1",), False),
        ):
            found = self.read(hello(*protocols))
            self.assertEqual(found.asks_for_challenge, wanted, protocols)

    def test_damaged(self) -> None:
        """A damaged message requests nothing; OpenSSL reports the error."""
        whole = message(hello())
        assert whole is not None
        for end in range(len(whole)):
            found = read(whole[:end])
            self.assertIn(found.server_name, {"", "ci.example.org"})
