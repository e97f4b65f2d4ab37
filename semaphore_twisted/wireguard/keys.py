"""WireGuard's keys: made, checked, spelled.

A key is 32 raw bytes inside; its text is the one canonical base64 spelling, as ``wg``
has it. Python's own decoder takes four spellings of each key, so what was decoded is
encoded again and compared.
"""

import base64
import binascii
from collections.abc import Callable

import msgspec
from nacl.bindings import crypto_scalarmult_base
from typing_extensions import override

from semaphore_twisted.model.errors import Invalid

#: In a device or a file, this stands for "no key".
ZERO = bytes(32)

#: Curve25519's field.
_PRIME = 2**255 - 19

#: The u-coordinates of the points of small order (1, 2, 4 and 8), which give every
#: partner the same secret; https://cr.yp.to/ecdh.html#validate lists them.
_SMALL_ORDER = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)

Entropy = Callable[[int], bytes]


class WrongKey(Invalid):
    """A text or bytes are no usable key; the sentence does not repeat them."""

    sentence = "This is not a WireGuard key"


class Pair(msgspec.Struct, frozen=True):
    """A private key and the public one that belongs to it; no text shows the former."""

    public_key: bytes
    private_key: bytes

    @override
    def __repr__(self) -> str:
        """Show the public key only."""
        return f"Pair({format(self.public_key)})"


def new_pair(entropy: Entropy) -> Pair:
    """Return a new pair; the private key is clamped, so it has one spelling only."""
    private = bytearray(entropy(32))
    private[0] &= 0xF8
    private[31] = (private[31] & 0x7F) | 0x40
    return Pair(public_of(bytes(private)), bytes(private))


def new_preshared_key(entropy: Entropy) -> bytes:
    """Return a new key that both sides share."""
    return entropy(32)


def public_of(private_key: bytes) -> bytes:
    """Return the public key of *private_key*.

    :raises WrongKey: if that is no private key.
    """
    if len(private_key) != 32 or private_key == ZERO:
        raise WrongKey("A private key of 32 bytes is wanted, not all of them zero")
    public: bytes = crypto_scalarmult_base(private_key)
    return public


def decode(text: str) -> bytes:
    """Return the 32 bytes that *text* spells, whatever they are.

    :raises WrongKey: if *text* is not the canonical base64 of 32 bytes.
    """
    try:
        key = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(key) != 32 or format(key) != text:
        raise WrongKey(
            "This is not a WireGuard key: 44 characters of base64 are wanted, "
            "as `wg pubkey` prints them"
        )
    return key


def parse(text: str) -> bytes:
    """Return the public key in *text*.

    :raises WrongKey: if *text* is not canonical, or no honest device has that key.
    """
    return check(decode(text))


def check(public_key: bytes) -> bytes:
    """Return *public_key* itself.

    :raises WrongKey: if it has not 32 bytes, is zero, or a point of small order, be it
        with the top bit, which X25519 ignores, taken as a part of the number or not.
    """
    if len(public_key) != 32:
        raise WrongKey("A public key of 32 bytes is wanted")
    number = int.from_bytes(public_key, "little")
    if not _SMALL_ORDER.isdisjoint({number % _PRIME, number % 2**255 % _PRIME}):
        raise WrongKey(
            "This public key is one that everybody can compute with; "
            "make another with `wg genkey`"
        )
    return public_key


def format(key: bytes) -> str:  # noqa: A001
    """Return the canonical text of *key*."""
    return base64.b64encode(key).decode("ascii")
