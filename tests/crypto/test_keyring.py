"""Encryption of values: where they can be decrypted, and all failures."""

import base64
import hashlib
import struct
import time
from collections.abc import Callable
from itertools import pairwise

import nacl.bindings
import nacl.secret
import nacl.utils
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import (
    LONGEST,
    DamagedSecret,
    Keyring,
    MalformedSecret,
    SealContext,
    UnknownKey,
    UnknownVersion,
    key_id_of,
)
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.errors import SecretUnreadable, TooLarge

PLACE = SealContext("access_key", "access_key", "secret", "row-1", "project-1")
FIRST = MasterKey(bytes(range(32)))
SECOND = MasterKey(bytes(range(32, 64)))

#: One text, sealed for PLACE under FIRST, in each form that a release has written.
FORMER = (
    "s1.6DJDIgfnA9M.ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7UO0U9te9jkwyxPUQklnag3PFA6TRYy8_"
    "aNJQSBCuCMnn_7KpH-QAWGPVW0vBN9e103rtmp_KrRFR1EgbCfXbQyv1MCjNg5_mDXtUoQ_4abw",
)


def keyring(
    *old: MasterKey,
    current: MasterKey = FIRST,
    entropy: Callable[[int], bytes] = nacl.utils.random,
) -> Keyring:
    """Return a keyring with real nonces."""
    return Keyring(current, old, entropy=entropy)


class RoundTripTests(SynchronousTestCase):
    """A sealed value can be opened at its own place only."""

    @given(st.binary(max_size=5000), st.text(max_size=40), st.text(max_size=40))
    def test_opens(self, plaintext: bytes, row: str, project: str) -> None:
        """A value opens with its context, and none in its envelope shows it."""
        place = SealContext("access_key", "access_key", "secret", row, project)
        sealed = keyring().seal(plaintext, place)
        self.assertTrue(sealed.startswith(f"s1.{FIRST.key_id}."))
        self.assertNotIn("=", sealed)
        self.assertEqual(keyring().unseal(sealed, place).reveal(), plaintext)

    @given(st.lists(st.text(max_size=6), min_size=5, max_size=5), st.data())
    def test_contexts_are_unambiguous(
        self, texts: list[str], data: st.DataObject
    ) -> None:
        """Contexts that differ have different encodings, however they are joined."""
        joined = "".join(texts)
        cuts = sorted(
            data.draw(
                st.lists(st.integers(0, len(joined)), min_size=4, max_size=4), "cuts"
            )
        )
        edges = [0, *cuts, len(joined)]
        others = [joined[a:b] for a, b in pairwise(edges)]
        one, other = SealContext(*texts), SealContext(*others)
        self.assertEqual(one == other, one.encoded() == other.encoded())

    def test_moved(self) -> None:
        """A value does not open in another row, column, project or purpose."""
        sealed = keyring().seal(b"production", PLACE)
        for moved in (
            SealContext("access_key", "access_key", "secret", "row-2", "project-1"),
            SealContext("access_key", "access_key", "secret", "row-1", "project-2"),
            SealContext("access_key", "access_key", "other", "row-1", "project-1"),
            SealContext("access_key", "task", "secret", "row-1", "project-1"),
            SealContext("task", "access_key", "secret", "row-1", "project-1"),
            SealContext("access_key", "access_key", "secret", "row-1project-1", ""),
        ):
            self.assertRaises(DamagedSecret, keyring().unseal, sealed, moved)

    def test_distinct(self) -> None:
        """Ten thousand seals of one text all differ, with one length."""
        ring = keyring()
        sealed = {ring.seal(b"the same", PLACE) for _ in range(10_000)}
        self.assertEqual(len(sealed), 10_000)
        self.assertEqual(len(set(map(len, sealed))), 1)

    def test_documented_format(self) -> None:
        """The envelope is what the module's docstring says, computed independently."""
        nonce = bytes(range(24))
        sealed = keyring(entropy=lambda size: nonce[:size]).seal(b"text", PLACE)
        texts = (b"access_key", b"access_key", b"secret", b"row-1", b"project-1")
        row_key = hashlib.blake2b(
            b"".join(struct.pack(">I", len(each)) + each for each in texts),
            digest_size=32,
            key=bytes(range(32)),
            person=b"semaphore-seal-1",
        ).digest()
        padded = b"text\x80" + bytes(59)
        content = nonce + nacl.bindings.crypto_secretbox(padded, nonce, row_key)
        wanted = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
        self.assertEqual(sealed, f"s1.{FIRST.key_id}.{wanted}")

    def test_former_releases(self) -> None:
        """Values that were sealed by each release open; their form is fixed."""
        for sealed in FORMER:
            opened = keyring().unseal(sealed, PLACE).reveal()
            self.assertEqual(opened, b"-----BEGIN A KEY-----\n")


class LengthTests(SynchronousTestCase):
    """The length of an envelope tells a bucket only."""

    def test_buckets(self) -> None:
        """The smallest bucket above the length is filled."""
        for length, bucket in (
            (0, 64),
            (63, 64),
            (64, 256),
            (255, 256),
            (256, 1024),
            (1024, 4096),
            (4095, 4096),
            (4096, 8192),
            (8191, 8192),
            (8192, 12288),
            (LONGEST, LONGEST + 4096),
        ):
            sealed = keyring().seal(b"x" * length, PLACE)
            body = sealed.split(".")[2]
            content = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            self.assertEqual(len(content) - 40, bucket, length)
            self.assertEqual(len(keyring().unseal(sealed, PLACE).reveal()), length)

    def test_too_long(self) -> None:
        """A secret above 64 KiB is refused with both figures."""
        error = self.assertRaises(TooLarge, keyring().seal, b"x" * (LONGEST + 1), PLACE)
        self.assertIn("65537", error.message)


class KeyTests(SynchronousTestCase):
    """The key id chooses the key."""

    def test_old_key_opens(self) -> None:
        """A former key opens, and the current one seals."""
        sealed = keyring().seal(b"kept", PLACE)
        ring = keyring(FIRST, current=SECOND)
        self.assertEqual(ring.unseal(sealed, PLACE).reveal(), b"kept")
        self.assertEqual(key_id_of(ring.seal(b"kept", PLACE)), SECOND.key_id)
        self.assertEqual(ring.key_ids, {FIRST.key_id, SECOND.key_id})

    def test_with_old(self) -> None:
        """A former key that is added opens; the current one stays."""
        sealed = keyring().seal(b"kept", PLACE)
        ring = keyring(current=SECOND).with_old(FIRST)
        self.assertEqual(ring.unseal(sealed, PLACE).reveal(), b"kept")
        self.assertEqual(ring.key_id, SECOND.key_id)

    def test_unknown_key(self) -> None:
        """A key that is not configured is named by its id."""
        sealed = keyring().seal(b"lost", PLACE)
        error = self.assertRaises(
            UnknownKey, keyring(current=SECOND).unseal, sealed, PLACE
        )
        self.assertIn(FIRST.key_id, error.message)

    def test_keys_are_not_tried(self) -> None:
        """An envelope that names the wrong one of two keys does not open."""
        ring = keyring(FIRST, current=SECOND)
        sealed = keyring().seal(b"text", PLACE)
        renamed = sealed.replace(FIRST.key_id, SECOND.key_id)
        self.assertRaises(DamagedSecret, ring.unseal, renamed, PLACE)

    def test_canary(self) -> None:
        """A canary opens under its own key and its own id only."""
        ring = keyring(FIRST, current=SECOND)
        canary = ring.canary()
        ring.check_canary(SECOND.key_id, canary)
        self.assertRaises(DamagedSecret, ring.check_canary, FIRST.key_id, canary)
        self.assertRaises(UnknownKey, keyring().check_canary, SECOND.key_id, canary)

    def test_repr(self) -> None:
        """A keyring is shown by its key ids."""
        self.assertEqual(repr(keyring()), f"Keyring({FIRST.key_id})")


class BrokenEnvelopeTests(SynchronousTestCase):
    """An invalid envelope fails with a typed error, and is not quoted."""

    def test_bit_flips(self) -> None:
        """No single changed bit opens, nor gives another kind of error."""
        ring = keyring(SECOND)
        sealed = ring.seal(b"Zx9-marker", PLACE)
        for place in range(len(sealed)):
            for bit in range(8):
                flipped = chr(ord(sealed[place]) ^ 1 << bit)
                changed = sealed[:place] + flipped + sealed[place + 1 :]
                error = self.assertRaises(SecretUnreadable, ring.unseal, changed, PLACE)
                self.assertNotIn(changed, error.message)
                self.assertNotIn("Zx9", repr(error))

    def test_downgrades(self) -> None:
        """Text without our envelope is an error, never the secret."""
        sealed = keyring().seal(b"text", PLACE)
        body = sealed.split(".")[2]
        for text, wanted in (
            ("", UnknownVersion),
            ("plain text\n", UnknownVersion),
            ("-----BEGIN RSA PRIVATE KEY-----\n", UnknownVersion),
            (base64.b64encode(b"legacy").decode(), UnknownVersion),
            (f"s0.{FIRST.key_id}.{body}", UnknownVersion),
            (f"S1.{FIRST.key_id}.{body}", UnknownVersion),
            (f" {sealed}", UnknownVersion),
            (f"s1.{FIRST.key_id}.{body}.", UnknownVersion),
            (f"s1..{body}", MalformedSecret),
            (f"s1.{FIRST.key_id}.", MalformedSecret),
            (f"s1.{FIRST.key_id}.{body}\n", MalformedSecret),
            (f"s1.{FIRST.key_id}.{body}=", MalformedSecret),
            (f"s1.{FIRST.key_id}.{body[:-4]}", MalformedSecret),
            (f"s1.{FIRST.key_id}.{body}AAAA", MalformedSecret),
            (f"s1.{FIRST.key_id}.{'é' * 20}", MalformedSecret),
            (f"s1.{'é' * 11}.{body}", MalformedSecret),
            (f"s1.{FIRST.key_id}.\ud800", MalformedSecret),
            (f"s1.AAAAAAAAAAA.{body}", UnknownKey),
        ):
            error = self.assertRaises(wanted, keyring().unseal, text, PLACE)
            if text:
                self.assertNotIn(text, error.message)

    @settings(max_examples=300)
    @given(st.text())
    def test_junk(self, text: str) -> None:
        """Any text at all gives an error of ours."""
        for junk in (text, f"s1.{text}", f"s1.{FIRST.key_id}.{text}"):
            self.assertRaises(SecretUnreadable, keyring().unseal, junk, PLACE)

    def test_padding(self) -> None:
        """A box with our key whose padding is wrong is damaged, not an empty secret."""
        row_key = FIRST.derive(b"semaphore-seal-1", PLACE.encoded())
        content = bytes(nacl.secret.SecretBox(row_key).encrypt(bytes(64)))
        body = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
        sealed = f"s1.{FIRST.key_id}.{body}"
        self.assertRaises(DamagedSecret, keyring().unseal, sealed, PLACE)


class SpeedTests(SynchronousTestCase):
    """Opening is cheap enough for every row at every start."""

    def test_open_is_fast(self) -> None:
        """A thousand small secrets open in well under a second."""
        ring = keyring()
        sealed = ring.seal(b"text", PLACE)
        began = time.perf_counter()
        for _ in range(1000):
            ring.unseal(sealed, PLACE)
        self.assertLess(time.perf_counter() - began, 1.0)
