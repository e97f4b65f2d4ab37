"""Paths from an operator, which may lead to a file or to anything else."""

import errno
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start.operator_files import content_of, read_file


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
        """Reading does not wait for a pipe's writer, and ends for a device."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.assertIn("Not a regular file", self.refused(pipe))
        self.assertIn("Not a regular file", self.refused(Path("/dev/zero")))
        self.assertIn("Is a directory", self.refused(self.folder))

    def test_piped(self) -> None:
        """A pipe from a shell is read, with a time limit."""
        taken, end = os.pipe()
        self.addCleanup(os.close, taken)
        os.write(end, b"content")
        os.close(end)
        self.assertEqual(read_file(f"/dev/fd/{taken}"), b"content")

    def test_shell(self) -> None:
        """The output of a program is read completely, as bash passes it."""
        program = (
            "import sys; from semaphore_twisted.start.operator_files import read_file; "
            "sys.stdout.buffer.write(read_file(sys.argv[1]))"
        )
        script = f'{sys.executable} -c "$0" <(printf one; printf two)'
        done = subprocess.run(
            ["bash", "-c", script, program], capture_output=True, check=True
        )
        self.assertEqual(done.stdout, b"onetwo")

    def test_silent_pipe(self) -> None:
        """A pipe whose writer neither writes nor ends is given up."""
        taken, end = os.pipe()
        self.addCleanup(os.close, taken)
        self.addCleanup(os.close, end)
        silent = f"/dev/fd/{taken}"
        error = self.assertRaises(OSError, read_file, silent, timeout=0.01)
        self.assertIn("has not ended", str(error.strerror))
        os.write(end, b"x" * 20)
        error = self.assertRaises(OSError, read_file, f"/dev/fd/{taken}", 10)
        self.assertEqual(error.errno, errno.EFBIG)

    def test_given(self) -> None:
        """A file is read; a named pipe, a device, a socket and a folder are refused."""
        path, pipe = self.folder / "file", self.folder / "pipe"
        path.write_bytes(b"content")
        os.mkfifo(pipe)
        self.assertEqual(read_file(path), b"content")
        self.assertEqual(read_file(str(path), 7), b"content")
        for each in (pipe, Path("/dev/zero"), Path("/dev/null"), self.folder):
            error = self.assertRaises(OSError, read_file, each)
            self.assertIn("egular file" if each != self.folder else "Is a", str(error))
        self.assertRaises(OSError, read_file, self.folder / "missing")
        self.assertRaises(OSError, read_file, path, 6)

    def test_large(self) -> None:
        """There is a limit."""
        path = self.folder / "file"
        path.write_bytes(b"x" * 10)
        self.assertEqual(len(content_of(path, 10)), 10)
        path.write_bytes(b"x" * 11)
        error = self.assertRaises(OSError, content_of, path, 10)
        self.assertIn("too large", str(error))
