"""Tests of the encryption of long contents."""

import os

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import DamagedSecret
from semaphore_twisted.crypto.sealed_content import KEY, decrypted, encrypted


class ContentTests(SynchronousTestCase):
    """A content opens with its key only, and unchanged only."""

    def setUp(self) -> None:
        """Encrypt a content."""
        self.content = b"attributes " * 10_000
        self.key = os.urandom(KEY)
        self.box = encrypted(self.content, self.key, os.urandom)

    def test_opens(self) -> None:
        """The content is the same, and was compressed."""
        size = len(self.content)
        self.assertEqual(decrypted(self.box, self.key, size=size), self.content)
        self.assertLess(len(self.box), size // 10)
        self.assertNotIn(b"attributes", self.box)

    def test_empty(self) -> None:
        """An empty content is one, too."""
        box = encrypted(b"", self.key, os.urandom)
        self.assertEqual(decrypted(box, self.key, size=0), b"")

    def test_damaged(self) -> None:
        """A change, another key, another size and a short box are refused."""
        size, changed = len(self.content), bytearray(self.box)
        changed[30] ^= 1
        for box, key, length in (
            (bytes(changed), self.key, size),
            (self.box, os.urandom(KEY), size),
            (self.box, self.key, size - 1),
            (self.box, self.key, size + 1),
            (self.box[:10], self.key, size),
            (b"", self.key, size),
        ):
            with self.assertRaises(DamagedSecret):
                decrypted(box, key, size=length)
