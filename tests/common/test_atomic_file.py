"""Files that are replaced in one step."""

import os

from semaphore_twisted.common import atomic_file
from tests.support.folders import FolderTestCase


class WriteTests(FolderTestCase):
    """The file, and the files beside it."""

    def names(self) -> list[str]:
        """Return the names in the folder."""
        return [each.name for each in self.folder.iterdir()]

    def test_replaces(self) -> None:
        """Writing replaces the file in one step and leaves nothing beside it."""
        path = self.folder / "file"
        self.assertTrue(atomic_file.write(path, b"old"))
        before = path.stat().st_ino
        with path.open("rb") as reader:
            atomic_file.write(path, b"new")
            self.assertEqual(reader.read(), b"old")
        self.assertEqual(path.read_bytes(), b"new")
        self.assertNotEqual(path.stat().st_ino, before)
        self.assertEqual(self.names(), ["file"])

    def test_mode(self) -> None:
        """The file has the requested mode under any umask."""
        path = self.folder / "file"
        self.addCleanup(os.umask, os.umask(0o077))
        for mode in (0o644, 0o600):
            atomic_file.write(path, b"", mode)
            self.assertEqual(path.stat().st_mode & 0o777, mode)

    def test_owner(self) -> None:
        """The owner can be named."""
        path = self.folder / "file"
        owner = (os.geteuid(), os.getegid())
        atomic_file.write(path, b"", owner=owner, durable=False)
        self.assertEqual((path.stat().st_uid, path.stat().st_gid), owner)

    def test_fails(self) -> None:
        """A write that fails leaves the old file and nothing beside it."""
        path = self.folder / "folder"
        path.mkdir()
        with self.assertRaises(OSError):
            atomic_file.write(path, b"new")
        self.assertEqual(self.names(), ["folder"])

    def test_not_replaced(self) -> None:
        """The old file stays if it may not be replaced, and nothing is beside it."""
        path = self.folder / "file"
        path.write_bytes(b"old")
        self.assertFalse(atomic_file.write(path, b"new", may_replace=lambda: False))
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual(self.names(), ["file"])

    def test_question_fails(self) -> None:
        """An error of the question leaves the old file and nothing beside it."""
        path = self.folder / "file"
        path.write_bytes(b"old")

        def ask() -> bool:
            raise FileNotFoundError

        with self.assertRaises(FileNotFoundError):
            atomic_file.write(path, b"new", may_replace=ask)
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual(self.names(), ["file"])
