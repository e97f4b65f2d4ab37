"""Encryption of peers' preshared keys."""

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.model.errors import SecretUnreadable


def sealed(keyring: Keyring, uuid: str, key: bytes) -> str:
    """Return the envelope of *key* for the peer with *uuid*."""
    return keyring.seal(key, _context(uuid))


def opened(keyring: Keyring, uuid: str, envelope: str) -> bytes:
    """Decrypt the preshared key of the peer with *uuid*.

    :raises SecretUnreadable: if it cannot be decrypted, or is not a key.
    """
    key = keyring.unseal(envelope, _context(uuid)).reveal()
    if len(key) != 32:
        raise SecretUnreadable("The preshared key has not 32 bytes")
    return key


def _context(uuid: str) -> SealContext:
    return SealContext("vpn_peer", "vpn_peer", "preshared_key", uuid, "")
