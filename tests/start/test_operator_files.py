"""What an operator names may be a file, and much else."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start import operator_files
from semaphore_twisted.start.operator_files import content_of, piped


class ContentTests(SynchronousTestCase):
    """Regular files are read, everything else is refused at once."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def refused(self, path: Path) -> str:
        """Return why *path* is refused, which names it."""
        error = self.assertRaises(OSError, content_of, path)
        self.assertEqual(error.filename, str(path))
        return str(error.strerror)

    def test_file(self) -> None:
        """A file is read, also by a link."""
        path, link = self.folder / "file", self.folder / "link"
        path.write_bytes(b"content")
        link.symlink_to("file")
        self.assertEqual(content_of(path), b"content")
        self.assertEqual(content_of(str(link)), b"content")

    def test_others(self) -> None:
        """A pipe is not waited for, a device not read for ever."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.assertIn("Not a regular file", self.refused(pipe))
        self.assertIn("Not a regular file", self.refused(Path("/dev/zero")))
        self.assertIn("Is a directory", self.refused(self.folder))

    def test_piped(self) -> None:
        """What a shell hands over by a pipe is read, but not for ever."""
        self.patch(operator_files, "LIMIT", 10)
        taken, given = os.pipe()
        self.addCleanup(os.close, taken)
        os.write(given, b"content")
        os.close(given)
        self.assertEqual(piped(f"/dev/fd/{taken}"), b"content")
        self.assertEqual(piped("/dev/null"), b"")
        self.assertRaises(OSError, piped, "/dev/zero")

    def test_large(self) -> None:
        """There is a limit."""
        self.patch(operator_files, "LIMIT", 10)
        path = self.folder / "file"
        path.write_bytes(b"x" * 10)
        self.assertEqual(len(content_of(path)), 10)
        path.write_bytes(b"x" * 11)
        self.assertIn("too large", self.refused(path))
