"""Changing the file of known hosts while jobs add to it."""

import os
import threading
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import knownhosts
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound
from semaphore_twisted.operations.projects import known_hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFCEjRDAriUCCGvGQ2oRU0IsylRNsBBcw59NNev/y7sA"


class ForgetTests(SynchronousTestCase):
    """A host is taken out of the file."""

    def setUp(self) -> None:
        """Have a file with two hosts."""
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text(f"one {KEY}\ntwo {KEY}\n")
        self.path.chmod(0o640)

    def test_forget(self) -> None:
        """The other host and the mode stay; no other file is left."""
        (gone,) = known_hosts.forget(self.path, "ONE:22")
        self.assertEqual(gone.host, "one")
        self.assertEqual(self.path.read_text(), f"two {KEY}\n")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
        names = [each.name for each in self.path.parent.iterdir()]
        self.assertEqual([n for n in names if n.startswith(f".{self.path.name}")], [])
        self.assertRaises(NotFound, known_hosts.forget, self.path, "one")
        self.assertRaises(Invalid, known_hosts.forget, self.path, "a b")

    def test_link(self) -> None:
        """A link to the file stays a link."""
        link = self.path.with_name("link")
        link.symlink_to(self.path)
        known_hosts.forget(link, "one")
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.path.read_text(), f"two {KEY}\n")

    def test_missing(self) -> None:
        """A missing file has no keys."""
        missing = self.path.with_name("missing")
        self.assertEqual(known_hosts.listed(missing), [])
        self.assertRaises(NotFound, known_hosts.forget, missing, "one")

    def test_too_large(self) -> None:
        """A file that is too large is refused, with its path."""
        with self.path.open("r+b") as file:
            file.truncate(knownhosts.LARGEST + 1)
        error = self.assertRaises(Conflict, known_hosts.listed, self.path)
        self.assertIn(str(self.path), error.message)

    @skipUnless(os.geteuid(), "root may write everywhere")
    def test_no_right(self) -> None:
        """A folder that cannot be written to is named."""
        self.path.parent.chmod(0o500)
        self.addCleanup(self.path.parent.chmod, 0o700)
        error = self.assertRaises(Conflict, known_hosts.forget, self.path, "one")
        self.assertIn("cannot be replaced", error.message)

    def test_additions(self) -> None:
        """Lines that jobs add meanwhile are not lost."""
        self.path.write_text("".join(f"old{n} {KEY}\n" for n in range(20)))
        added = [f"new{n}" for n in range(200)]

        def add() -> None:
            for name in added:
                with self.path.open("a") as file:
                    file.write(f"{name} {KEY}\n")

        adding = threading.Thread(target=add)
        adding.start()
        for number in range(20):
            known_hosts.forget(self.path, f"old{number}")
        adding.join()
        hosts = {each.host for each in known_hosts.listed(self.path)}
        self.assertFalse({each for each in hosts if each.startswith("old")})
        # One that is written between the last look and the exchange is met again.
        self.assertGreaterEqual(len(hosts), len(added) - 20)
