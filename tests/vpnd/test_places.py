"""What is made before the rights are dropped."""

import os
import socket
from pathlib import Path

from semaphore_twisted.vpnd import places
from tests.support.folders import FolderTestCase


class PlacesTests(FolderTestCase):
    """Folders, the socket, and the way to it."""

    def test_folders(self) -> None:
        """A new folder has its mode; one that is there keeps what it has."""
        before = os.umask(0o077)
        self.addCleanup(os.umask, before)
        places.folder(self.folder / "a" / "b", None, 0o755)
        self.assertEqual((self.folder / "a" / "b").stat().st_mode & 0o777, 0o755)
        places.folder(self.folder / "a" / "b", None, 0o700)
        self.assertEqual((self.folder / "a" / "b").stat().st_mode & 0o777, 0o755)
        (self.folder / "file").touch()
        for name in ("file", "file/x"):
            self.assertRaises(
                places.CannotUse, self._folder_and_check, self.folder / name
            )

    def _folder_and_check(self, path: Path) -> None:
        places.folder(path, None)
        places.check(path)

    def test_socket(self) -> None:
        """A dead socket is replaced, a living one is not, and everybody may ask."""
        path = self.folder / "vpn.sock"
        first = places.listen(path)
        self.assertEqual(path.stat().st_mode & 0o777, 0o666)
        error = self.assertRaises(places.CannotUse, places.listen, path)
        self.assertIn("another companion", str(error))
        first.close()
        places.listen(path).close()
        path.unlink()
        path.write_text("a file")
        self.assertRaises(places.CannotUse, places.listen, path)
        self.assertEqual(path.read_text(), "a file")

    def test_shown(self) -> None:
        """wireguard-go's place gets a link, where no living socket is."""
        watched = self.folder / "wireguard"
        link = watched / "semaphore0.sock"
        for _ in range(2):
            places.show("semaphore0", self.folder / "ours", watched)
            self.assertEqual(link.readlink(), self.folder / "ours" / "semaphore0.sock")
        self.assertEqual(watched.stat().st_mode & 0o777, 0o711)
        link.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(link))
            other.listen()
            self.assertRaises(
                *(places.CannotUse, places.show, "semaphore0"),
                self.folder / "ours",
                watched,
            )
        places.show("semaphore0", self.folder / "ours", watched)
        self.assertTrue(link.is_symlink())
