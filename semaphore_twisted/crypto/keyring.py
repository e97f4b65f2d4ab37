"""Encryption of stored secrets ("sealing"): NaCl secretbox with one key per place.

The envelope is a text::

    "s1." key_id "." base64url(nonce || ciphertext || tag)     without "="

    row_key = BLAKE2b-256(key=master, person="semaphore-seal-1", message=context)
    content = SecretBox(row_key).encrypt(pad(plaintext), nonce)  XSalsa20-Poly1305

*context* states the place of the value: purpose, table, column, the row's UUID and the
project's UUID, each preceded by its length in four bytes, big-endian. A sealed value
that is moved to another row, column or project therefore cannot be opened.

*pad* extends the plaintext to the first size above its length among 64, 256, 1024, 4096
bytes and the multiples of 4096, so that the length does not disclose the kind of
secret.

The key id selects the key. Keys are never tried one after another, because Poly1305
does not commit to a key. Text that is not an envelope is never returned as if it were
the secret.
"""

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import msgspec
import nacl.bindings
import nacl.exceptions
import nacl.secret
from typing_extensions import override

from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.crypto.secret import Secret
from semaphore_twisted.model.errors import SecretUnreadable, TooLarge

#: Maximum size of one secret in bytes.
LONGEST: Final = 64 * 1024

_VERSION = "s1"
_PERSON = b"semaphore-seal-1"
_KEY_ID_LENGTH = 11
_OVERHEAD = nacl.secret.SecretBox.NONCE_SIZE + nacl.secret.SecretBox.MACBYTES
_BUCKETS = (64, 256, 1024, 4096)
_STRIDE = _BUCKETS[-1]
_CANARY = b"the key that sealed this is right"


class UnknownVersion(SecretUnreadable):
    """The stored text is not an envelope, or its version is unknown."""

    sentence = (
        "The stored secret has an encryption format that this version does not know"
    )
    reason: ClassVar[str] = "not sealed in a known form"


class MalformedSecret(SecretUnreadable):
    """The envelope is malformed: its key id, base64 or length is invalid."""

    sentence = "The stored secret is damaged: its header is malformed"
    reason: ClassVar[str] = "malformed envelope"


class UnknownKey(SecretUnreadable):
    """The envelope names a key that is not configured."""

    reason: ClassVar[str] = "wrong key"

    def __init__(self, key_id: str) -> None:
        """Include *key_id* in the sentence; key ids are not secret."""
        super().__init__(
            f"The stored secret is sealed with key {key_id}, which is not configured"
        )
        self.key_id = key_id


class DamagedSecret(SecretUnreadable):
    """The key is configured, but the envelope does not open with it at this place."""

    sentence = (
        "The stored secret cannot be decrypted: it was changed, or moved from elsewhere"
    )
    reason: ClassVar[str] = "damaged, or moved from another place"


class SealContext(msgspec.Struct, frozen=True):
    """The place of a sealed value; *project_uuid* is empty outside projects."""

    purpose: str
    table: str
    column: str
    row_uuid: str
    project_uuid: str

    def encoded(self) -> bytes:
        """Return the five texts, each preceded by its length."""
        texts = (
            each.encode("utf-8", "surrogatepass")
            for each in msgspec.structs.astuple(self)
        )
        return b"".join(struct.pack(">I", len(each)) + each for each in texts)


class Keyring:
    """Seals with the current key; opens with each configured key.

    A keyring is immutable, so threads may share it.
    """

    def __init__(
        self,
        current: MasterKey,
        old: Sequence[MasterKey] = (),
        *,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Seal with *current*, and use *old* keys only to open.

        *entropy* supplies the nonces.
        """
        self._current = current
        self._keys = {key.key_id: key for key in (*old, current)}
        self._entropy = entropy

    @override
    def __repr__(self) -> str:
        return f"Keyring({', '.join(sorted(self._keys))})"

    @property
    def key_id(self) -> str:
        """The id of the key used to seal."""
        return self._current.key_id

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of all keys used to open."""
        return frozenset(self._keys)

    def with_old(self, key: MasterKey) -> "Keyring":
        """Return a keyring that also opens values sealed with *key*."""
        old = [each for each in self._keys.values() if each is not self._current]
        return Keyring(self._current, [*old, key], entropy=self._entropy)

    def seal(self, plaintext: bytes, context: SealContext) -> str:
        """Return the envelope of *plaintext* for *context*; each call gives a new one.

        Raises :class:`~semaphore_twisted.model.errors.TooLarge` above 64 KiB.
        """
        if len(plaintext) > LONGEST:
            raise TooLarge(
                f"A secret has at most {LONGEST} bytes; {len(plaintext)} were given"
            )
        bucket = _bucket(len(plaintext))
        padded = nacl.bindings.sodium_pad(plaintext, bucket)
        nonce = self._entropy(nacl.secret.SecretBox.NONCE_SIZE)
        content = _box(self._current, context).encrypt(padded, nonce)
        return f"{_VERSION}.{self._current.key_id}.{_encode(bytes(content))}"

    def unseal(self, sealed: str, context: SealContext) -> Secret:
        """Open the envelope *sealed*, which must have been sealed for *context*.

        Raises a :class:`~semaphore_twisted.model.errors.SecretUnreadable` of this
        module: :class:`UnknownVersion`, :class:`MalformedSecret`,
        :class:`UnknownKey` or :class:`DamagedSecret`.
        """
        return self._open(sealed, context)

    def _open(self, sealed: str, context: SealContext) -> Secret:
        key_id, content = _parse(sealed)
        key = self._keys.get(key_id)
        if key is None:
            raise UnknownKey(key_id)
        try:
            padded = _box(key, context).decrypt(content)
            plaintext = nacl.bindings.sodium_unpad(padded, len(padded))
        except nacl.exceptions.CryptoError:
            raise DamagedSecret from None
        return Secret(plaintext)

    def canary(self) -> str:
        """Seal a known text; it is stored with the id of the current key."""
        return self.seal(_CANARY, _canary_context(self.key_id))

    def check_canary(self, key_id: str, sealed: str) -> None:
        """Check that *sealed* is the canary of *key_id*.

        Raises the same errors as :meth:`unseal`.
        """
        if self._open(sealed, _canary_context(key_id)).reveal() != _CANARY:
            raise DamagedSecret


def key_id_of(sealed: str) -> str:
    """Return the id of the key that the envelope *sealed* names.

    Raises :class:`UnknownVersion` or :class:`MalformedSecret`.
    """
    return _parse(sealed)[0]


def _canary_context(key_id: str) -> SealContext:
    return SealContext("canary", "option", "value", key_id, "")


def _box(key: MasterKey, context: SealContext) -> nacl.secret.SecretBox:
    return nacl.secret.SecretBox(key.derive(_PERSON, context.encoded()))


def _bucket(length: int) -> int:
    for bucket in _BUCKETS:
        if bucket > length:
            return bucket
    return (length // _STRIDE + 1) * _STRIDE


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    """Decode the output of :func:`_encode`; refuse alternative encodings."""
    try:
        content = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4),
            altchars=b"-_",
            validate=True,
        )
    except (binascii.Error, UnicodeEncodeError):
        raise MalformedSecret from None
    if _encode(content) != text:
        raise MalformedSecret
    return content


def _parse(sealed: str) -> tuple[str, bytes]:
    parts = sealed.split(".")
    if len(parts) != 3 or parts[0] != _VERSION:
        raise UnknownVersion
    _, key_id, body = parts
    if len(key_id) != _KEY_ID_LENGTH:
        raise MalformedSecret
    _decode(key_id)
    content = _decode(body)
    length = len(content) - _OVERHEAD
    if (
        length < _BUCKETS[0]
        or _bucket(length - 1) != length
        or length > _bucket(LONGEST)
    ):
        raise MalformedSecret
    return key_id, content
