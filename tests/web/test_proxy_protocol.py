"""The PROXY protocol's headers."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.listener.protocol_detection import PROXY_1, PROXY_2
from semaphore_twisted.web.proxies.proxy_protocol import (
    MalformedHeader,
    ProxyHeader,
    read,
)


def version_2(
    family: int = 0x11, body: bytes = b"", *, command: int = 0x21, extra: bytes = b""
) -> bytes:
    """Return a header of version 2."""
    content = body + extra
    head = PROXY_2 + bytes((command, family)) + len(content).to_bytes(2)
    return head + content


def addresses(source: str, port: int = 4711) -> bytes:
    """Return the two ends of a connection from *source*."""
    packed = ip_address(source).packed
    return packed + packed + port.to_bytes(2) + (443).to_bytes(2)


class VersionOneTests(SynchronousTestCase):
    """A line of text."""

    def test_good(self) -> None:
        """Address and port of the client, and the header's length."""
        for line, client in (
            (b"PROXY TCP4 198.51.100.9 10.0.0.1 4711 443\r\n", ("198.51.100.9", 4711)),
            (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", ("2001:db8::7", 4711)),
            (b"PROXY UNKNOWN\r\n", None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        ):
            found = read(line + b"GET / HTTP/1.1\r\n")
            self.assertEqual(
                found, ProxyHeader(client, encrypted=False, length=len(line))
            )
            for end in range(len(PROXY_1), len(line)):
                self.assertIsNone(read(line[:end]), line[:end])

    def test_bad(self) -> None:
        """Everything else is malformed."""
        for line in (
            b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
            b"PROXY TCP4 198.51.100.9 10.0.0.1 4711\r\n",
            b"PROXY TCP4 198.51.100.9 10.0.0.1 04711 443\r\n",
            b"PROXY TCP4 198.51.100.9 10.0.0.1 65536 443\r\n",
            b"PROXY TCP4 198.51.100.9 10.0.0.1 -1 443\r\n",
            b"PROXY TCP4  198.51.100.9 10.0.0.1 1 443\r\n",
            b"PROXY UDP4 198.51.100.9 10.0.0.1 1 443\r\n",
            b"PROXY TCP4 evil 10.0.0.1 1 443\r\n",
            b"PROXY TCP4 \xff 10.0.0.1 1 443\r\n",
            b"PROXY \r\n",
            b"PROXY " + b"x" * 101,
            b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
        ):
            self.assertRaises(MalformedHeader, read, line)


class VersionTwoTests(SynchronousTestCase):
    """The binary form of the header."""

    TLS = b"\x20\x00\x05\x01\x00\x00\x00\x00"
    NO_TLS = b"\x20\x00\x05\x00\x00\x00\x00\x00"

    def test_good(self) -> None:
        """Both families, the proxy's own connections, and its TLS fields."""
        four, six = addresses("198.51.100.9"), addresses("2001:db8::7")
        for data, client, encrypted in (
            (version_2(0x11, four), ("198.51.100.9", 4711), False),
            (version_2(0x21, six), ("2001:db8::7", 4711), False),
            (version_2(0x11, four, extra=self.TLS), ("198.51.100.9", 4711), True),
            (version_2(0x11, four, extra=self.NO_TLS), ("198.51.100.9", 4711), False),
            (
                version_2(0x11, four, extra=b"\x04\x00\x02xy" + self.TLS),
                ("198.51.100.9", 4711),
                True,
            ),
            (version_2(0x31, bytes(216)), None, False),
            (version_2(0x00), None, False),
            (version_2(0x00, command=0x20), None, False),
            (version_2(0x11, four, command=0x20), None, False),
        ):
            found = read(data + b"GET")
            own = data[12] == 0x20
            told = ProxyHeader(client, encrypted=encrypted, length=len(data), own=own)
            self.assertEqual(found, told)
            for end in range(12, len(data)):
                self.assertIsNone(read(data[:end]))

    def test_bad(self) -> None:
        """Invalid versions, families, lengths and extras are refused."""
        four = addresses("198.51.100.9")
        for data in (
            version_2(0x11, four, command=0x11),
            version_2(0x11, four, command=0x22),
            version_2(0x12, four),
            version_2(0x11, four[:-1]),
            version_2(0x21, four),
            version_2(0x11, four, extra=b"\x20"),
            version_2(0x11, four, extra=b"\x20\x00\x05\x01"),
            version_2(0x11, four, extra=bytes(5000)),
        ):
            self.assertRaises(MalformedHeader, read, data)

    @given(st.binary(max_size=120))
    def test_noise(self, data: bytes) -> None:
        """Any bytes are malformed, incomplete or a header."""
        for start in (PROXY_1, PROXY_2):
            try:
                found = read(start + data)
            except MalformedHeader:
                continue
            if found is not None and found.client is not None:
                ip_address(found.client[0])
