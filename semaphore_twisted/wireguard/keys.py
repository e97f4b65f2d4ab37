"""Check, encode and decode WireGuard keys.

A key is 32 raw bytes in memory; its text is the one canonical base64 spelling, as
``wg`` prints it. Python's decoder accepts four spellings of each key, so a decoded key
is encoded again and compared.
"""

import base64
import binascii

from nacl.bindings import crypto_scalarmult_base

from semaphore_twisted.model.refusals import Invalid

#: In a device or a file, the zero key means "no key".
ZERO = bytes(32)

#: The prime of Curve25519's field.
_PRIME = 2**255 - 19

#: The u-coordinates of the points of small order (1, 2, 4 and 8). With such a public
#: key the shared secret is known; https://cr.yp.to/ecdh.html#validate lists them.
_SMALL_ORDER = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)


class WrongKey(Invalid):
    """A text or bytes are not a usable key; the sentence does not quote them."""

    sentence = "This is not a WireGuard key"


def public_of(private_key: bytes) -> bytes:
    """Return the public key of *private_key*.

    :raises WrongKey: if *private_key* is not 32 bytes or all zero.
    """
    if len(private_key) != 32 or private_key == ZERO:
        raise WrongKey(
            "The private key is invalid; expected 32 bytes that are not all zero"
        )
    public: bytes = crypto_scalarmult_base(private_key)
    return public


def decode(text: str) -> bytes:
    """Return the 32 bytes that *text* encodes; their value is not checked.

    :raises WrongKey: if *text* is not the canonical base64 of 32 bytes.
    """
    try:
        key = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if len(key) != 32 or format(key) != text:
        raise WrongKey(
            "This is not a WireGuard key; expected 44 characters of base64, "
            "as `wg pubkey` prints them"
        )
    return key


def check(public_key: bytes) -> bytes:
    """Return *public_key* unchanged.

    :raises WrongKey: if it does not have 32 bytes, is zero, or is a point of small
        order. X25519 ignores the top bit, so the key is checked with and without it.
    """
    if len(public_key) != 32:
        raise WrongKey("The public key is invalid; expected 32 bytes")
    number = int.from_bytes(public_key, "little")
    if not _SMALL_ORDER.isdisjoint({number % _PRIME, number % 2**255 % _PRIME}):
        raise WrongKey(
            "This public key is weak: its shared secrets are known to everyone; "
            "make another with `wg genkey`"
        )
    return public_key


def format(key: bytes) -> str:  # noqa: A001
    """Return the canonical text of *key*."""
    return base64.b64encode(key).decode("ascii")
