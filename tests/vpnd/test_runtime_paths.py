"""Directories and sockets that are created before privileges are dropped."""

import errno
import os
import pwd
import socket
from pathlib import Path
from unittest import SkipTest

from twisted.logger import capturedLogs, formatEvent

from semaphore_twisted.vpnd import runtime_paths
from tests.support.folders import FolderTestCase


class PlacesTests(FolderTestCase):
    """Folders, the socket, and the way to it."""

    def test_folders(self) -> None:
        """A new directory gets its mode; an existing one is not changed."""
        before = os.umask(0o077)
        self.addCleanup(os.umask, before)
        runtime_paths.folder(self.folder / "a" / "b", None, 0o755)
        self.assertEqual((self.folder / "a" / "b").stat().st_mode & 0o777, 0o755)
        runtime_paths.folder(self.folder / "a" / "b", None, 0o700)
        self.assertEqual((self.folder / "a" / "b").stat().st_mode & 0o777, 0o755)
        (self.folder / "file").touch()
        for name in ("file", "file/x"):
            self.assertRaises(
                runtime_paths.CannotUse, self._folder_and_check, self.folder / name
            )

    def _folder_and_check(self, path: Path) -> None:
        runtime_paths.folder(path, None)
        runtime_paths.check(path)

    def test_socket(self) -> None:
        """A dead socket is replaced, a living one is not, and everybody may ask."""
        path = self.folder / "vpn.sock"
        first = runtime_paths.listen(path)
        self.assertEqual(path.stat().st_mode & 0o777, 0o666)
        error = self.assertRaises(runtime_paths.CannotUse, runtime_paths.listen, path)
        self.assertIn("another companion", str(error))
        first.close()
        runtime_paths.listen(path).close()
        path.unlink()
        path.write_text("a file")
        self.assertRaises(runtime_paths.CannotUse, runtime_paths.listen, path)
        self.assertEqual(path.read_text(), "a file")

    def test_reach(self) -> None:
        """The server's group may connect; everybody only where there is no such."""
        known = pwd.getpwnam("nobody")
        group = known.pw_gid
        for users, wanted in (
            ((), (0o600, None)),
            ((0,), (0o600, None)),
            ((known.pw_uid,), (0o660, group)),
            ((0, known.pw_uid), (0o660, group)),
            ((4_000_000_000,), (0o666, None)),
            ((known.pw_uid, pwd.getpwnam("daemon").pw_uid), (0o666, None)),
        ):
            self.assertEqual(runtime_paths.reach(users), wanted, users)

    def test_group(self) -> None:
        """A user of the group can connect, another one cannot."""
        if os.getuid() != 0:
            raise SkipTest("only root can become other users")
        path = self.folder / "vpn.sock"
        self.folder.chmod(0o755)
        server, other = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
        mode, group = runtime_paths.reach([server.pw_uid])
        listening = runtime_paths.listen(path, mode, group, other)
        self.addCleanup(listening.close)
        found = path.stat()
        self.assertEqual(found.st_mode & 0o777, 0o660)
        self.assertEqual((found.st_uid, found.st_gid), (other.pw_uid, server.pw_gid))
        for account, status in (
            (server.pw_uid, 0),
            (other.pw_uid, 0),
            (pwd.getpwnam("bin").pw_uid, errno.EACCES),
        ):
            self.assertEqual(self._connects_as(account, path), status, account)

    def _connects_as(self, account: int, path: Path) -> int:
        """Return the error's number with which *account* connects to *path*."""
        child = os.fork()
        if child == 0:
            group = pwd.getpwuid(account).pw_gid
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(account, account, account)
            os._exit(socket.socket(socket.AF_UNIX).connect_ex(str(path)))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_group_that_cannot_be_given(self) -> None:
        """Where the unit lacks the group, everybody may connect, with a warning."""
        path = self.folder / "vpn.sock"

        def refuse(*arguments: object) -> None:
            raise PermissionError

        with capturedLogs() as events:
            made = runtime_paths.assign(path, 0o660, 4_000_000_000, None, chown=refuse)
        self.assertEqual(made, 0o666)
        self.assertIn("SupplementaryGroups=4000000000", formatEvent(events[0]) or "")

    def test_shown(self) -> None:
        """wireguard-go's place gets a link, where no living socket is."""
        watched = self.folder / "wireguard"
        link = watched / "semaphore0.sock"
        for _ in range(2):
            runtime_paths.show("semaphore0", self.folder / "ours", watched)
            self.assertEqual(link.readlink(), self.folder / "ours" / "semaphore0.sock")
        self.assertEqual(watched.stat().st_mode & 0o777, 0o711)
        link.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(link))
            other.listen()
            self.assertRaises(
                *(runtime_paths.CannotUse, runtime_paths.show, "semaphore0"),
                self.folder / "ours",
                watched,
            )
        runtime_paths.show("semaphore0", self.folder / "ours", watched)
        self.assertTrue(link.is_symlink())
