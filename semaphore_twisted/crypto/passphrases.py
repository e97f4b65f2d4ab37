"""Encrypts a file with a passphrase: argon2id derives the key for NaCl secretbox.

The file is one JSON object, so that its format can be recognised by reading it::

    {"format": "semaphore-sealed-1", "subject": …, "operations": …, "memory": …,
     "salt": base64, "sealed": base64}

*sealed* is ``nonce || secretbox(content)``. Subject and cost enter the derivation of
the key, so a change of either is detected. A file that demands more than
:data:`MOST_MEMORY` is refused.
"""

import binascii
import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
import nacl.exceptions
import nacl.pwhash
import nacl.secret
from typing_extensions import override

from semaphore_twisted.crypto.secret import Secret
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.reprs import redacted

_FORMAT: Final = "semaphore-sealed-1"
_pwhash = nacl.pwhash.argon2id

#: Maximum cost accepted from a file: 1 GiB and ten passes.
MOST_MEMORY: Final = 1 << 30
MOST_OPERATIONS: Final = 10

#: Minimum number of characters; shorter passphrases are guessed in minutes.
SHORTEST: Final = 12


class Unopened(DomainError):
    """The file has another format, is damaged, or has another passphrase."""

    sentence = (
        "The file cannot be decrypted: the passphrase is wrong, or the file was changed"
    )


class TooShort(DomainError):
    """The passphrase is too short."""

    sentence = f"The passphrase is too short; expected {SHORTEST} characters or more"


class Cost(msgspec.Struct, frozen=True):
    """The cost of one key derivation; the default takes a second and 256 MiB."""

    operations: int = _pwhash.OPSLIMIT_MODERATE
    memory: int = _pwhash.MEMLIMIT_MODERATE


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    subject: str
    operations: int
    memory: int
    salt: bytes
    sealed: bytes

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


def seal(
    content: bytes,
    passphrase: str,
    *,
    subject: str,
    entropy: Callable[[int], bytes],
    cost: Cost | None = None,
) -> bytes:
    """Encrypt *content*, whose type is *subject*, and return the file.

    :raises TooShort: if the passphrase is too short.
    """
    if len(passphrase) < SHORTEST:
        raise TooShort
    cost = cost or Cost()
    salt = entropy(_pwhash.SALTBYTES)
    box = _box(passphrase, salt, subject, cost)
    nonce = entropy(nacl.secret.SecretBox.NONCE_SIZE)
    file = _File(
        format=_FORMAT,
        subject=subject,
        operations=cost.operations,
        memory=cost.memory,
        salt=salt,
        sealed=bytes(box.encrypt(content, nonce)),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def unlock(file: bytes, passphrase: str, *, subject: str) -> Secret:
    """Decrypt *file*, which :func:`seal` made, and return its content.

    :raises Unopened: if it cannot be decrypted.
    """
    try:
        parsed = msgspec.json.decode(file, type=_File)
    except (msgspec.DecodeError, binascii.Error):
        parsed = None
    if parsed is None or parsed.format != _FORMAT:
        raise Unopened("The file was not encrypted with a passphrase by this program")
    if parsed.subject != subject:
        raise Unopened(
            f"The file is a {quoted(parsed.subject)}; expected a {quoted(subject)}"
        )
    cost = Cost(parsed.operations, parsed.memory)
    if (
        not _pwhash.OPSLIMIT_MIN <= cost.operations <= MOST_OPERATIONS
        or not _pwhash.MEMLIMIT_MIN <= cost.memory <= MOST_MEMORY
        or len(parsed.salt) != _pwhash.SALTBYTES
    ):
        raise Unopened(
            "The file's cost of key derivation is not one that this program writes"
        )
    try:
        return Secret(
            _box(passphrase, parsed.salt, subject, cost).decrypt(parsed.sealed)
        )
    except (nacl.exceptions.CryptoError, ValueError):
        raise Unopened from None


def _box(
    passphrase: str, salt: bytes, subject: str, cost: Cost
) -> nacl.secret.SecretBox:
    drawn = _pwhash.kdf(
        nacl.secret.SecretBox.KEY_SIZE,
        passphrase.encode(),
        salt,
        opslimit=cost.operations,
        memlimit=cost.memory,
    )
    key = hashlib.blake2b(subject.encode(), key=drawn, digest_size=32).digest()
    return nacl.secret.SecretBox(key)
