"""Files that are encrypted with a passphrase."""

import json
from typing import Any

from nacl.pwhash import argon2id
from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.passphrases import (
    MOST_MEMORY,
    Cost,
    TooShort,
    Unopened,
    seal,
    unlock,
)

PASSPHRASE = "correct horse battery staple"
CHEAP = Cost(argon2id.OPSLIMIT_MIN, argon2id.MEMLIMIT_MIN)
CONTENT = b"something secret " * 5000


class PassphraseTests(SynchronousTestCase):
    """Decryption with right and wrong passphrases."""

    def sealed(self) -> bytes:
        """Return a file."""
        return seal(CONTENT, PASSPHRASE, subject="test", entropy=random, cost=CHEAP)

    def changed(self, **fields: Any) -> bytes:
        """Return a file with other *fields*."""
        return json.dumps({**json.loads(self.sealed()), **fields}).encode()

    def test_round_trip(self) -> None:
        """The encrypted content is returned, and is nowhere in the file."""
        file = self.sealed()
        self.assertEqual(unlock(file, PASSPHRASE, subject="test").reveal(), CONTENT)
        self.assertNotIn(b"secret", file)
        self.assertNotEqual(file, self.sealed())

    def test_default_cost(self) -> None:
        """Without a word about it a guess takes a quarter of a gigabyte."""
        self.assertGreaterEqual(Cost().memory, 256 << 20)
        self.assertLessEqual(Cost().memory, MOST_MEMORY)

    def test_wrong_passphrase(self) -> None:
        """Another passphrase opens nothing."""
        for other in ("", PASSPHRASE + " ", PASSPHRASE.upper()):
            self.assertRaises(Unopened, unlock, self.sealed(), other, subject="test")

    def test_short(self) -> None:
        """A passphrase that would be guessed is refused."""
        self.assertRaises(TooShort, seal, b"", "short", subject="test", entropy=random)

    def test_changed(self) -> None:
        """No field can be changed, and no other file is taken for one."""
        good = json.loads(self.sealed())
        flipped = good["sealed"][:100] + "AAAA" + good["sealed"][104:]
        for file in (
            self.changed(sealed=flipped),
            self.changed(sealed=""),
            self.changed(sealed="!"),
            self.changed(salt="AAAA"),
            self.changed(operations=2),
            self.changed(memory=2 * CHEAP.memory),
            self.changed(memory=MOST_MEMORY + 1),
            self.changed(memory=-1),
            self.changed(operations=10_000),
            self.changed(subject="other"),
            self.changed(format="other"),
            self.changed(more=1),
            b"",
            b"{}",
            b"\xff",
        ):
            self.assertRaises(Unopened, unlock, file, PASSPHRASE, subject="test")

    def test_another_subject(self) -> None:
        """A sealed file of another kind is told apart."""
        error = self.assertRaises(
            Unopened, unlock, self.sealed(), PASSPHRASE, subject="other"
        )
        self.assertIn('"test"', error.message)
