"""Seals a whole file with a passphrase: argon2id makes the key, NaCl seals.

The file is one JSON object, so that a person sees what it is::

    {"format": "semaphore-sealed-1", "subject": …, "operations": …, "memory": …,
     "salt": base64, "sealed": base64}

*sealed* is ``nonce || secretbox(content)``. The subject and the cost of the key are
part of what the key is made from, so neither can be changed unnoticed. A file cannot
ask for more than :data:`MOST_MEMORY`.
"""

import binascii
import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
import nacl.exceptions
import nacl.pwhash
import nacl.secret

from semaphore_twisted.crypto.secret import Secret
from semaphore_twisted.model.errors import DomainError

_FORMAT: Final = "semaphore-sealed-1"
_pwhash = nacl.pwhash.argon2id

#: What a file may ask for; 1 GiB and ten passes.
MOST_MEMORY: Final = 1 << 30
MOST_OPERATIONS: Final = 10

#: Shorter ones are guessed in minutes.
SHORTEST: Final = 12


class Unopened(DomainError):
    """The file is none of ours, is damaged, or the passphrase is another."""

    sentence = "The file does not open: another passphrase, or it was changed"


class TooShort(DomainError):
    """The passphrase would be guessed."""

    sentence = f"A passphrase of {SHORTEST} characters or more is wanted"


class Cost(msgspec.Struct, frozen=True):
    """How much work a guess is; the default takes a second and 256 MiB."""

    operations: int = _pwhash.OPSLIMIT_MODERATE
    memory: int = _pwhash.MEMLIMIT_MODERATE


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    subject: str
    operations: int
    memory: int
    salt: bytes
    sealed: bytes


def seal(
    content: bytes,
    passphrase: str,
    *,
    subject: str,
    entropy: Callable[[int], bytes],
    cost: Cost | None = None,
) -> bytes:
    """Return the file that holds *content*, which is a *subject*.

    :raises TooShort: if the passphrase is.
    """
    if len(passphrase) < SHORTEST:
        raise TooShort
    cost = cost or Cost()
    salt = entropy(_pwhash.SALTBYTES)
    box = _box(passphrase, salt, subject, cost)
    nonce = entropy(nacl.secret.SecretBox.NONCE_SIZE)
    found = _File(
        format=_FORMAT,
        subject=subject,
        operations=cost.operations,
        memory=cost.memory,
        salt=salt,
        sealed=bytes(box.encrypt(content, nonce)),
    )
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def unlock(file: bytes, passphrase: str, *, subject: str) -> Secret:
    """Return what :func:`seal` put into *file*.

    :raises Unopened: if it does not open.
    """
    try:
        found = msgspec.json.decode(file, type=_File)
    except (msgspec.DecodeError, binascii.Error):
        found = None
    if found is None or found.format != _FORMAT:
        raise Unopened("The file is not one that was sealed with a passphrase by us")
    if found.subject != subject:
        raise Unopened(f"The file is a {found.subject[:40]!a}, a {subject!r} is wanted")
    cost = Cost(found.operations, found.memory)
    if (
        not _pwhash.OPSLIMIT_MIN <= cost.operations <= MOST_OPERATIONS
        or not _pwhash.MEMLIMIT_MIN <= cost.memory <= MOST_MEMORY
        or len(found.salt) != _pwhash.SALTBYTES
    ):
        raise Unopened("The file asks for a cost that none of ours has")
    try:
        return Secret(_box(passphrase, found.salt, subject, cost).decrypt(found.sealed))
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
