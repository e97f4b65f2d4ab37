"""The state of lock files."""

import fcntl
import os

from typing_extensions import override

from semaphore_twisted.common import locks
from tests.support.folders import FolderTestCase


class LocksTests(FolderTestCase):
    """A lock file that is held, or not."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "lock"

    def test_absent(self) -> None:
        """A file that does not exist is not locked, and is not created."""
        self.assertIsNone(locks.holder(self.path))
        self.assertFalse(self.path.exists())

    def test_free(self) -> None:
        """A file without a lock holder is not locked, with any content."""
        self.path.write_text("123\n")
        self.assertIsNone(locks.holder(self.path))
        self.assertFalse(locks.is_held(self.path))

    def test_held(self) -> None:
        """The text of a held file is read, and the lock stays with its holder."""
        self.path.write_text("123\n")
        with self.path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for _ in range(2):
                self.assertEqual(locks.holder(self.path), "123")
        self.assertIsNone(locks.holder(self.path))

    def test_empty(self) -> None:
        """A held file may be empty."""
        with self.path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assertEqual(locks.holder(self.path), "")
            self.assertTrue(locks.is_held(self.path))

    def test_directory(self) -> None:
        """A path may be relative to an open directory."""
        directory = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, directory)
        self.assertFalse(locks.is_held("lock", directory=directory))
        with self.path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assertTrue(locks.is_held("lock", directory=directory))

    def test_unreadable(self) -> None:
        """A path that cannot be opened is an error, not a free lock."""
        self.path.symlink_to("lock")
        with self.assertRaises(OSError):
            locks.holder(self.path)
