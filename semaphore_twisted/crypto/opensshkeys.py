"""Decrypts OpenSSH private keys in each cipher that ``ssh-keygen -Z`` can write.

The library decrypts only keys with ``ssh-keygen``'s default ciphers. This module
decrypts the remaining ones in memory, with the library's primitives: ``ssh-keygen``
would need the key in a file, and the passphrase in an argument or from a program.
"""

import struct
from collections.abc import Callable

from attrs import frozen
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import (
    Cipher,
    CipherAlgorithm,
    algorithms,
    modes,
)
from cryptography.hazmat.primitives.poly1305 import Poly1305

from semaphore_twisted.crypto.derivation import OpensshParts, openssh_parts
from semaphore_twisted.model import limits

_MAGIC = b"openssh-key-v1\0"
_NONE = b"none"
_TAG = 16

#: The number of fields of a private key after its type (PROTOCOL.agent of OpenSSH).
_FIELDS = {
    b"ssh-ed25519": 2,
    b"ssh-rsa": 6,
    b"ecdsa-sha2-nistp256": 3,
    b"ecdsa-sha2-nistp384": 3,
    b"ecdsa-sha2-nistp521": 3,
}

#: Decrypts: the arguments are key, initialization vector, ciphertext and tag.
_Open = Callable[[bytes, bytes, bytes, bytes], bytes]


class WrongPassphrase(Exception):
    """The passphrase does not decrypt the key, or the key is damaged."""


@frozen
class _Encryption:
    """A cipher: the sizes in bytes of its key, initialization vector and tag."""

    key: int
    vector: int
    tag: int
    open: _Open


def opened(content: bytes, password: bytes) -> bytes | None:
    """Return the key in *content* without encryption; ``None`` for unknown ciphers.

    *content* is the decoded text between BEGIN and END; the caller must have checked
    its number of rounds.

    :raises WrongPassphrase: if *password* does not decrypt it
    :raises Unreadable: if *content* is damaged
    """
    parts = openssh_parts(content)
    known = _CIPHERS.get(parts.cipher)
    if known is None or parts.derivation != b"bcrypt":
        return None
    if len(parts.rest) != known.tag:
        raise WrongPassphrase
    derived = parts.derive(password, known.key + known.vector)
    try:
        plain = known.open(
            derived[: known.key], derived[known.key :], parts.private, parts.rest
        )
    except (ValueError, InvalidTag, InvalidSignature):
        raise WrongPassphrase from None
    if len(plain) < 8 or plain[:4] != plain[4:8]:
        raise WrongPassphrase
    return _plain(parts, plain)


def comment(plain: bytes) -> str:
    """Return the comment in the unencrypted key file *plain*; empty if it has none.

    Control characters are left out. The library that loads keys does not return it.
    """
    parts = openssh_parts(plain)
    fields = _FIELDS.get(parts.kind)
    if fields is None:
        return ""
    found, at = b"", 8  # after two numbers that show whether the passphrase was right
    for _ in range(1 + fields + 1):
        if at + 4 > len(parts.private):
            return ""
        (length,) = struct.unpack_from(">I", parts.private, at)
        found = parts.private[at + 4 : at + 4 + length]
        at += 4 + length
    text = found.decode("utf-8", "replace")
    return "".join(each for each in text if each.isprintable())[: limits.NAME]


def _plain(parts: OpensshParts, private: bytes) -> bytes:
    """Return the unencrypted key file with the private part *private*."""
    head = b"".join(map(_string, (_NONE, _NONE, b"")))
    both = _string(parts.public) + _string(private)
    return _MAGIC + head + struct.pack(">I", 1) + both


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _counter(key: bytes, vector: bytes, text: bytes, _: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(vector)).decryptor().update(text)


def _chained(algorithm: Callable[[bytes], CipherAlgorithm]) -> _Open:
    def open_(key: bytes, vector: bytes, text: bytes, _: bytes) -> bytes:
        decryptor = Cipher(algorithm(key), modes.CBC(vector)).decryptor()
        return decryptor.update(text) + decryptor.finalize()

    return open_


def _galois(key: bytes, vector: bytes, text: bytes, tag: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.GCM(vector, tag)).decryptor()
    return decryptor.update(text) + decryptor.finalize()


def _chacha(key: bytes, _: bytes, text: bytes, tag: bytes) -> bytes:
    """Decrypt as PROTOCOL.chacha20poly1305 specifies, with packet number 0."""

    def stream(block: int) -> Cipher[None]:
        nonce = struct.pack("<QQ", block, 0)
        return Cipher(algorithms.ChaCha20(key[:32], nonce), None)

    once = stream(0).encryptor().update(bytes(32))
    Poly1305.verify_tag(once, text, tag)
    return stream(1).decryptor().update(text)


_CIPHERS = {
    **{
        f"aes{bits}-ctr".encode(): _Encryption(bits // 8, 16, 0, _counter)
        for bits in (128, 192, 256)
    },
    **{
        f"aes{bits}-cbc".encode(): _Encryption(
            bits // 8, 16, 0, _chained(algorithms.AES)
        )
        for bits in (128, 192, 256)
    },
    **{
        f"aes{bits}-gcm@openssh.com".encode(): _Encryption(bits // 8, 12, _TAG, _galois)
        for bits in (128, 256)
    },
    b"3des-cbc": _Encryption(24, 8, 0, _chained(TripleDES)),
    b"chacha20-poly1305@openssh.com": _Encryption(64, 0, _TAG, _chacha),
}
