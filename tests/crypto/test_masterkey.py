"""The master key is 32 bytes, or its error says what it is."""

import base64
import hashlib
import pickle
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import masterkey
from semaphore_twisted.crypto.masterkey import MasterKey, UnusableMasterKey


class ParseTests(SynchronousTestCase):
    """Reading ``access_key_encryption``."""

    def refused(self, text: str) -> str:
        """Return the sentence that refuses *text*."""
        error = self.assertRaises(UnusableMasterKey, MasterKey.parse, text)
        sentence: str = error.message
        self.assertIn("access_key_encryption", sentence)
        self.assertIn("32 bytes", sentence)
        self.assertIn("head -c32 /dev/urandom | base64", sentence)
        if len(text) > 3:
            self.assertNotIn(text, sentence)
        return sentence

    def test_wrong_lengths(self) -> None:
        """Another length is refused with the length found and the one expected."""
        for size in (0, 1, 16, 24, 31, 33, 48, 64):
            text = base64.encodebytes(b"k" * size).decode()
            self.assertIn(f"{size} bytes found", self.refused(text))

    def test_nothing(self) -> None:
        """Text that decodes to nothing is a key of 0 bytes."""
        for text in ("", "\n", "=", "==", "===="):
            self.assertIn("0 bytes found", self.refused(text))

    def test_not_base64(self) -> None:
        """Text that is not base64 is refused as such."""
        for text in ("not base64!!", "a" * 43, "é" * 44, "-" * 43 + "=", "a" * 41):
            self.assertIn("not base64", self.refused(text))

    def test_documented_command(self) -> None:
        """The documented command makes a key, its final newline included."""
        made = subprocess.run(
            masterkey.COMMAND, shell=True, check=True, capture_output=True, text=True
        ).stdout
        self.assertTrue(made.endswith("\n"))
        self.assertEqual(
            MasterKey.parse(made).key_id, MasterKey.parse(made.strip()).key_id
        )

    def test_other_option(self) -> None:
        """The sentence names the option that the text came from."""
        error = self.assertRaises(
            UnusableMasterKey, MasterKey.parse, "AAAA", "--old-key"
        )
        self.assertIn("--old-key: 3 bytes found", error.message)

    @given(st.binary(min_size=32, max_size=32))
    def test_key_id(self, content: bytes) -> None:
        """The id is eight bytes of keyed BLAKE2b, and not a part of the key."""
        text = masterkey.make(lambda size: content[:size])
        wanted = hashlib.blake2b(
            b"", digest_size=32, key=content, person=b"semaphore-kid-01"
        ).digest()[:8]
        key = MasterKey.parse(text)
        self.assertEqual(base64.urlsafe_b64decode(key.key_id + "="), wanted)
        self.assertEqual(len(key.key_id), 11)

    def test_shows_its_id_only(self) -> None:
        """A key is shown by its id and cannot be pickled."""
        key = MasterKey(b"Zx9-marker-Zx9-marker-Zx9-marker")
        self.assertEqual(repr(key), f"MasterKey({key.key_id})")
        self.assertRaises(TypeError, pickle.dumps, key)
