"""New WireGuard keys, and public keys that users enter."""

from collections.abc import Callable

import msgspec
from typing_extensions import override

from semaphore_twisted.wireguard import keys

Entropy = Callable[[int], bytes]


class KeyPair(msgspec.Struct, frozen=True):
    """A private key and its public key; ``repr`` hides the private key."""

    public_key: bytes
    private_key: bytes

    @override
    def __repr__(self) -> str:
        """Show the public key only."""
        return f"Pair({keys.format(self.public_key)})"


def new_pair(entropy: Entropy) -> KeyPair:
    """Return a new pair; the private key is clamped, so it has a single spelling."""
    private = bytearray(entropy(32))
    private[0] &= 0xF8
    private[31] = (private[31] & 0x7F) | 0x40
    return KeyPair(keys.public_of(bytes(private)), bytes(private))


def new_preshared_key(entropy: Entropy) -> bytes:
    """Return a new preshared key."""
    return entropy(32)


def parse_key(text: str) -> bytes:
    """Return the public key in *text*.

    :raises WrongKey: if *text* is not canonical, or :func:`keys.check` refuses the key.
    """
    return keys.check(keys.decode(text))
