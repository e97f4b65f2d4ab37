"""Encrypts contents that are too long for an envelope of the key store.

Each content has a random key of its own, which an envelope seals (``crypto.keyring``),
so a change of the main key concerns the envelope alone. The cipher is XSalsa20 with
Poly1305, as in an envelope; it detects any change.
"""

import zlib
from collections.abc import Callable

import nacl.exceptions
import nacl.secret

from semaphore_twisted.crypto.keyring import DamagedSecret

#: Bytes of the key of a content.
KEY = nacl.secret.SecretBox.KEY_SIZE

#: How hard contents are compressed: states are repetitive, so little effort suffices.
_LEVEL = 3


def encrypted(content: bytes, key: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """Return *content*, compressed and encrypted with *key*, which is used once."""
    nonce = entropy(nacl.secret.SecretBox.NONCE_SIZE)
    box = nacl.secret.SecretBox(key)
    return bytes(box.encrypt(zlib.compress(content, _LEVEL), nonce))


def decrypted(box: bytes, key: bytes, *, size: int) -> bytes:
    """Return the content of *box*, which has *size* bytes.

    :raises DamagedSecret: if it was changed, or the key is another one
    """
    try:
        packed = nacl.secret.SecretBox(key).decrypt(box)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, size + 1)
    except (nacl.exceptions.CryptoError, ValueError, zlib.error):
        raise DamagedSecret from None
    if len(content) != size:
        raise DamagedSecret
    return content
