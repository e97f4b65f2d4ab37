"""The cost of a private key's passphrase derivation, read before it is run.

The cost is stated in the key's own file, so a pasted key could demand hours of
computation. This module parses the header of the OpenSSH format and the encryption
parameters of PKCS#8 (RFC 5958, RFC 8018, RFC 7914), as far as needed for that.
"""

import struct
from typing import Final

import bcrypt
from attrs import frozen
from typing_extensions import override

from semaphore_twisted.model.reprs import redacted

#: Maximum rounds of bcrypt; OpenSSH's default is 16 or 24.
MOST_ROUNDS: Final = 1024

#: Maximum iterations of PBKDF2; OpenSSL's default is 2048, OWASP recommends 600,000.
MOST_ITERATIONS: Final = 2_000_000

#: Maximum product of scrypt's cost, block size and parallelism: 128 MiB; OpenSSL's
#: default is 2**17.
MOST_SCRYPT: Final = 1 << 20

_MAGIC = b"openssh-key-v1\0"
_INTEGER, _SEQUENCE = 0x02, 0x30
_DEEPEST = 6


class UnreadableKey(Exception):
    """The header of the file is malformed."""


@frozen
class OpensshHead:
    """The header of an OpenSSH private key."""

    encrypted: bool
    rounds: int
    #: The key type, such as ``ssh-ed25519``.
    kind: bytes = b""


@frozen
class OpensshParts:
    """The parts of an OpenSSH private key; *rest* follows the private part."""

    cipher: bytes
    derivation: bytes
    options: bytes
    public: bytes
    private: bytes
    rest: bytes

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    @property
    def kind(self) -> bytes:
        """The key type named in the public part."""
        (length,) = struct.unpack_from(">I", self.public)
        return self.public[4 : 4 + length]

    @property
    def salt(self) -> bytes:
        """The salt of the key derivation."""
        (length,) = struct.unpack_from(">I", self.options)
        return self.options[4 : 4 + length]

    @property
    def rounds(self) -> int:
        """The rounds of bcrypt."""
        (rounds,) = struct.unpack_from(">I", self.options, 4 + len(self.salt))
        return int(rounds)

    def derive(self, password: bytes, size: int) -> bytes:
        """Derive *size* bytes from *password*.

        The caller must have checked :attr:`rounds`.
        """
        return bcrypt.kdf(
            password, self.salt, size, self.rounds, ignore_few_rounds=True
        )


def openssh_parts(content: bytes) -> OpensshParts:
    """Split the decoded OpenSSH private key *content* into its parts.

    Raises :class:`UnreadableKey`.
    """
    if not content.startswith(_MAGIC):
        raise UnreadableKey
    at = len(_MAGIC)

    def string() -> bytes:
        nonlocal at
        (length,) = struct.unpack_from(">I", content, at)
        at += 4 + length
        if at > len(content):
            raise UnreadableKey
        return content[at - length : at]

    try:
        cipher, derivation, options = string(), string(), string()
        (keys,) = struct.unpack_from(">I", content, at)
        at += 4
        if keys != 1:
            raise UnreadableKey
        public, private = string(), string()
        parts = OpensshParts(cipher, derivation, options, public, private, content[at:])
        _ = parts.kind
        if derivation == b"bcrypt":
            _ = parts.rounds
    except struct.error:
        raise UnreadableKey from None
    return parts


def openssh_head(content: bytes) -> OpensshHead:
    """Read the header of the decoded OpenSSH private key *content*.

    Raises :class:`UnreadableKey`.
    """
    parts = openssh_parts(content)
    if parts.cipher == b"none" or parts.derivation != b"bcrypt":
        return OpensshHead(parts.cipher != b"none", 0, parts.kind)
    return OpensshHead(encrypted=True, rounds=parts.rounds, kind=parts.kind)


def pkcs8_is_costly(content: bytes) -> bool:
    """Return whether decrypting the PKCS#8 key *content* (DER) would cost too much.

    Return ``False`` for malformed content; the library refuses that later.
    """
    numbers: list[int] = []
    try:
        tag, body, _ = element(content)
        if tag == _SEQUENCE:
            tag, algorithm, _ = element(body)
            if tag == _SEQUENCE:
                _collect(algorithm, numbers, _DEEPEST)
    except IndexError:
        return False
    if not numbers:
        return False
    if len(numbers) >= 3:  # scrypt: cost, block size, parallelism
        cost, block, lanes = numbers[:3]
        return cost * block * lanes > MOST_SCRYPT
    return numbers[0] > MOST_ITERATIONS


def _collect(content: bytes, numbers: list[int], depth: int) -> None:
    """Append all INTEGER values in the DER elements of *content* to *numbers*."""
    while content:
        tag, body, content = element(content)
        if tag == _INTEGER:
            numbers.append(int.from_bytes(body, "big"))
        elif tag == _SEQUENCE and depth:
            _collect(body, numbers, depth - 1)


def element(content: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and body of the first DER element, and the bytes after it.

    Raises :class:`IndexError` if *content* is truncated.
    """
    tag, length = content[0], content[1]
    at = 2
    if length & 0x80:
        octets = length & 0x7F
        length = int.from_bytes(content[at : at + octets], "big")
        at += octets
    if at + length > len(content):
        raise IndexError
    return tag, content[at : at + length], content[at + length :]
