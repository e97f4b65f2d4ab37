"""Keys: which are taken, and in which spelling."""

import base64
import random

from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import key_pairs, keys

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_P = 2**255 - 19
_ORDER_8 = (
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)

#: Every encoding of a point of small order that Bernstein's list has.
SMALL_ORDER = (
    *((number).to_bytes(32, "little") for number in (0, 1, _P - 1, _P, _P + 1)),
    *((number).to_bytes(32, "little") for number in (2 * _P - 1, 2 * _P, 2 * _P + 1)),
    *map(bytes.fromhex, _ORDER_8),
    bytes.fromhex("cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880"),
    bytes.fromhex("4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7"),
)


def entropy(seed: int = 0) -> key_pairs.Entropy:
    """Return deterministic bytes that look random."""
    return random.Random(seed).randbytes


class ParseTests(SynchronousTestCase):
    """The strict reader."""

    def test_good(self) -> None:
        """Ten thousand random keys are taken, each in its one spelling."""
        source = entropy()
        for _ in range(10_000):
            key = source(32)
            self.assertEqual(key_pairs.parse_key(keys.format(key)), key)

    def test_aliases(self) -> None:
        """The other three spellings of a key are refused, as `wg` does."""
        source = entropy(1)
        for _ in range(200):
            text = keys.format(source(32))
            last = ALPHABET.index(text[42])
            for bits in (1, 2, 3):
                alias = f"{text[:42]}{ALPHABET[last | bits]}="
                self.assertEqual(
                    base64.b64decode(alias, validate=True), base64.b64decode(text)
                )
                self.assertRaises(keys.WrongKey, key_pairs.parse_key, alias)

    def test_bad(self) -> None:
        """A text that is not canonical base64 of a key is refused, and not quoted."""
        text = keys.format(b"\xfb\xef\xbe" * 10 + b"ab")
        self.assertIn("+", text)
        for wrong in (
            "",
            text[:-1],
            f"{text}=",
            f"{text}\n",
            f" {text}",
            f"{text} ",
            f"{text[:20]}\n{text[20:]}",
            text[:-2] + "==",
            text.replace("+", "-"),
            text.replace("+", "*"),
            text[:43] + "\uff1d",
            keys.format(bytes(31) + b"ab"),
            keys.format(b"a" * 31),
            "\u0410" + text[1:],
            "\ud800" + text[1:],
            "=" * 44,
            "A" * 44,
            "A" * 100_000,
        ):
            error = self.assertRaises(keys.WrongKey, key_pairs.parse_key, wrong)
            if len(wrong) > 5:
                self.assertNotIn(wrong[:20], error.message)

    @given(st.text(max_size=60))
    def test_any_text(self, text: str) -> None:
        """A text is refused, or is what its bytes are written as."""
        try:
            key = key_pairs.parse_key(text)
        except keys.WrongKey:
            return
        self.assertEqual(keys.format(key), text)

    def test_small_order(self) -> None:
        """Zero and every point of small order is refused, with the top bit too."""
        for each in SMALL_ORDER:
            for top in (0, 0x80):
                key = each[:31] + bytes([each[31] | top])
                with self.assertRaises(keys.WrongKey, msg=key.hex()):
                    key_pairs.parse_key(keys.format(key))

    def test_small_order_is_small(self) -> None:
        """The refused points give a shared secret of zero."""
        private = X25519PrivateKey.generate()
        for number in keys._SMALL_ORDER:
            point = X25519PublicKey.from_public_bytes(number.to_bytes(32, "little"))
            with self.assertRaises(ValueError):  # OpenSSL refuses a secret of zeros
                private.exchange(point)

    def test_lengths(self) -> None:
        """A public key has 32 bytes."""
        for length in (0, 31, 33):
            self.assertRaises(keys.WrongKey, keys.check, b"a" * length)


class PairTests(SynchronousTestCase):
    """Generating keys."""

    def test_clamped(self) -> None:
        """A private key that we make has one spelling only."""
        source = entropy(2)
        for _ in range(100):
            pair = key_pairs.new_pair(source)
            self.assertEqual(pair.private_key[0] & 7, 0)
            self.assertEqual(pair.private_key[31] & 0xC0, 0x40)
            self.assertEqual(keys.check(pair.public_key), pair.public_key)

    def test_public(self) -> None:
        """The public key is the one that another implementation derives."""
        source = entropy(3)
        for _ in range(20):
            private = source(32)
            other = X25519PrivateKey.from_private_bytes(private).public_key()
            self.assertEqual(keys.public_of(private), other.public_bytes_raw())

    def test_no_private_key(self) -> None:
        """An invalid private key has no public key."""
        for wrong in (b"", bytes(31), bytes(32), bytes(33)):
            self.assertRaises(keys.WrongKey, keys.public_of, wrong)

    def test_not_shown(self) -> None:
        """No text of a pair has its private key."""
        pair = key_pairs.new_pair(entropy(4))
        for shown in (repr(pair), str(pair), f"{pair}", f"{pair!r}", f"{[pair]}"):
            self.assertIn(keys.format(pair.public_key), shown)
            self.assertNotIn(keys.format(pair.private_key), shown)
            self.assertNotIn(pair.private_key.hex(), shown)
            self.assertNotIn(repr(pair.private_key)[2:-1], shown)

    def test_preshared(self) -> None:
        """A preshared key is 32 bytes of entropy."""
        self.assertEqual(
            key_pairs.new_preshared_key(lambda size: b"k" * size), b"k" * 32
        )
