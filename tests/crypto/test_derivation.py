"""The head of a key is read without trust in it."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.derivation import (
    UnreadableKey,
    openssh_head,
    pkcs8_is_costly,
)


def sequence(*elements: bytes) -> bytes:
    """Return a DER SEQUENCE shorter than 128 bytes."""
    body = b"".join(elements)
    return bytes([0x30, len(body)]) + body


def integer(number: int) -> bytes:
    """Return a DER INTEGER."""
    body = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([0x02, len(body)]) + body


class CostTests(SynchronousTestCase):
    """The parameters of PKCS#8's encryption."""

    def costly(self, *numbers: int) -> bool:
        """Tell whether a key with *numbers* as parameters is refused."""
        salt = b"\x04\x02ab"
        parameters = sequence(salt, *map(integer, numbers))
        return pkcs8_is_costly(
            sequence(sequence(b"\x06\x01\x2a", sequence(sequence(parameters))))
        )

    def test_pbkdf2(self) -> None:
        """Iterations are limited; the key length beside them is not looked at."""
        self.assertFalse(self.costly(2_000_000))
        self.assertFalse(self.costly(2_000_000, 32))
        self.assertTrue(self.costly(2_000_001))
        self.assertTrue(self.costly(1 << 40, 32))

    def test_scrypt(self) -> None:
        """The product of scrypt's three costs is limited."""
        self.assertFalse(self.costly(16384, 8, 1, 32))
        self.assertFalse(self.costly(1 << 17, 8, 1))
        self.assertTrue(self.costly(1 << 17, 8, 2))
        self.assertTrue(self.costly(2, 8, 1 << 20))


class JunkTests(SynchronousTestCase):
    """Any bytes give an answer or the one error."""

    @given(st.binary(max_size=200))
    @example(b"")
    @example(b"\x30")
    @example(b"\x30\x84\xff\xff\xff\xff")
    @example(b"\x30\xff" + b"\xff" * 127)
    @example(b"\x30\x80\x30\x80\x02\x01\x05")
    @example(b"\x30\x7e" * 64)
    def test_pkcs8(self, content: bytes) -> None:
        """The check raises no exception for content that is not PKCS#8."""
        self.assertIn(pkcs8_is_costly(content), (True, False))

    @given(st.binary(max_size=200))
    def test_openssh(self, content: bytes) -> None:
        """A broken head is unreadable, and nothing else is raised."""
        for text in (content, b"openssh-key-v1\0" + content):
            try:
                head = openssh_head(text)
            except UnreadableKey:
                continue
            self.assertGreaterEqual(head.rounds, 0)
