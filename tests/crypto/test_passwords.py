"""Passwords are hashed with argon2id; bcrypt of imported users is verified."""

import bcrypt
import nacl.exceptions
import nacl.pwhash
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import passwords


class Argon2Tests(SynchronousTestCase):
    """Our own hashes."""

    def test_round_trip(self) -> None:
        """A password matches its hash, and nothing else does."""
        stored = passwords.hash_password("pässword \0 x")
        self.assertTrue(passwords.verify("pässword \0 x", stored))
        for wrong in ("", "pässword", "pässword \0 y", "PÄSSWORD \0 X"):
            self.assertFalse(passwords.verify(wrong, stored))

    def test_salted(self) -> None:
        """Two hashes of one password differ."""
        self.assertNotEqual(
            passwords.hash_password("same"), passwords.hash_password("same")
        )

    def test_parameters(self) -> None:
        """A hash names argon2id with 19 MiB and two passes, and is up to date."""
        stored = passwords.hash_password("word")
        self.assertTrue(stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$"))
        self.assertFalse(passwords.needs_rehash(stored))

    def test_other_parameters(self) -> None:
        """A hash with other parameters is verified, and is to be made again."""
        stored = nacl.pwhash.argon2id.str(
            b"word", opslimit=1, memlimit=8 * 1024 * 1024
        ).decode()
        self.assertTrue(passwords.verify("word", stored))
        self.assertTrue(passwords.needs_rehash(stored))

    def test_nobody(self) -> None:
        """Without an account no password matches, with today's parameters."""
        self.assertFalse(passwords.verify_nobody("word"))
        self.assertFalse(passwords.needs_rehash(passwords._NOBODY))
        self.assertRaises(
            nacl.exceptions.InvalidkeyError,  # well-formed, so the work was done
            nacl.pwhash.argon2id.verify,
            passwords._NOBODY.encode(),
            b"word",
        )

    def test_no_hash(self) -> None:
        """The empty text of an external user and broken hashes match nothing."""
        for stored in (
            "",
            "word",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1$broken",
            "$argon2id$é",
            "$2a$11$broken",
            "$2b$é",
        ):
            self.assertFalse(passwords.verify("word", stored), stored)
            self.assertFalse(passwords.verify("", stored), stored)


class BcryptTests(SynchronousTestCase):
    """Hashes of users who were imported from Semaphore."""

    def test_verified(self) -> None:
        """A bcrypt hash, as Go or C writes it, is verified and is to be replaced."""
        for prefix in (b"2a", b"2b"):
            stored = bcrypt.hashpw(b"word", bcrypt.gensalt(4, prefix)).decode()
            self.assertTrue(passwords.verify("word", stored))
            self.assertFalse(passwords.verify("other", stored))
            self.assertTrue(passwords.needs_rehash(stored))

    def test_long(self) -> None:
        """Over 72 bytes, which bcrypt would not all look at, nothing matches."""
        stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
        self.assertTrue(passwords.verify("x" * 72, stored))
        self.assertFalse(passwords.verify("x" * 73, stored))
