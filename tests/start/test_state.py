"""The state directory: modes and the lock."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.common import atomic_file
from semaphore_twisted.start import state
from semaphore_twisted.start.state import ForeignDirectory, StateDirectory, StateInUse


def mode(path: Path) -> int:
    """Return the permission bits of *path*."""
    return stat.S_IMODE(path.stat().st_mode)


class StateTests(SynchronousTestCase):
    """One state directory."""

    def setUp(self) -> None:
        """Begin with nothing, under the widest umask."""
        self.directory = StateDirectory(Path(self.mktemp()).absolute())
        self.addCleanup(os.umask, os.umask(0))

    def test_modes(self) -> None:
        """Directories are 0700 and files 0600, under any umask."""
        self.directory.prepare()
        atomic_file.write(self.directory.config, b"{}")
        for folder in (self.directory.path, self.directory.tls, self.directory.spools):
            self.assertEqual(mode(folder), 0o700)
        self.assertEqual(mode(self.directory.config), 0o600)

    def test_widened(self) -> None:
        """Permissions that other users got are removed at the next start."""
        self.directory.prepare()
        atomic_file.write(self.directory.config, b"{}")
        self.directory.config.chmod(0o644)
        self.directory.path.chmod(0o755)
        self.directory.prepare()
        self.assertEqual(mode(self.directory.config), 0o600)
        self.assertEqual(mode(self.directory.path), 0o700)

    def test_empty_folder(self) -> None:
        """An empty folder is taken, and one that holds only a volume's lost+found."""
        (self.directory.path / "lost+found").mkdir(parents=True)
        self.directory.prepare()
        self.assertTrue(self.directory.spools.is_dir())

    def test_foreign_folder(self) -> None:
        """A folder with other files is refused, and its rights stay."""
        self.directory.path.mkdir(mode=0o755)
        (self.directory.path / "thesis.txt").touch()
        self.assertRaises(ForeignDirectory, self.directory.prepare)
        self.assertEqual(mode(self.directory.path), 0o755)

    def test_lock(self) -> None:
        """A second server is refused, with the process id of the first."""
        self.directory.prepare()
        lock = self.directory.lock()
        error = self.assertRaises(StateInUse, self.directory.lock)
        self.assertTrue(str(error).endswith(f"in use by pid {os.getpid()}"))
        self.assertEqual(state.holder(self.directory.path), str(os.getpid()))
        lock.release()
        self.assertIsNone(state.holder(self.directory.path))
        self.directory.lock().release()

    def test_lock_of_root(self) -> None:
        """A lock that root makes belongs to the owner of its folder."""
        if os.geteuid() != 0:
            self.skipTest("only root gives files to others")
        self.directory.prepare()
        os.chown(self.directory.path, 65534, 65534)
        file = self.directory.path / "semaphore.db-lock"
        state.Lock.take(self.directory.path, file).release()
        self.assertEqual((file.stat().st_uid, file.stat().st_gid), (65534, 65534))

    def test_lock_of_the_dead(self) -> None:
        """A lock goes with its holder, even one that was killed."""
        self.directory.prepare()
        program = (
            "import os, signal, sys; from pathlib import Path; "
            "from semaphore_twisted.start.state import Lock; "
            "lock = Lock.take(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(self.directory.path)], check=False
        )
        self.directory.lock().release()

    def test_lock_stays_here(self) -> None:
        """Programs that the server starts do not inherit the lock."""
        self.directory.prepare()
        lock = self.directory.lock()
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        lock.release()
        self.directory.lock().release()
