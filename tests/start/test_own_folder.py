"""A directory below directories of other users, which they cannot replace."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start.installation import InstallationRefused
from semaphore_twisted.start.own_folder import own_folder


class OwnFolderTests(SynchronousTestCase):
    """Folders in the shared one for temporary files."""

    def setUp(self) -> None:
        """Have a folder of this user's there."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-")).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        self.place = self.folder / "w"

    def make(self, place: Path | None = None) -> None:
        """Create the directory."""
        own_folder(place or self.place, "tmp_path", 0o711)

    def refusal(self, place: Path | None = None) -> str:
        """Return the sentence that refuses it."""
        with self.assertRaises(InstallationRefused) as raised:
            self.make(place)
        return str(raised.exception.sentence)

    def mode(self, place: Path) -> int:
        """Return the permissions of *place*."""
        return stat.S_IMODE(place.stat().st_mode)

    def test_made(self) -> None:
        """It and its parents get their modes under any umask, also if it exists."""
        self.addCleanup(os.umask, os.umask(0o077))
        place = self.place / "a" / "b"
        self.make(place)
        self.assertEqual({self.mode(place), self.mode(self.place)}, {0o711})
        place.chmod(0o700)
        self.make(place)
        self.assertEqual(self.mode(place), 0o711)

    def test_link(self) -> None:
        """A link in its place is refused, and its target is not changed."""
        target = self.folder / "target"
        target.mkdir(0o700)
        self.place.symlink_to(target)
        self.assertIn("it is a symbolic link", self.refusal())
        self.assertEqual(self.mode(target), 0o700)
        target.rmdir()
        self.assertIn("it is a symbolic link", self.refusal())
        self.assertFalse(target.exists())

    def test_own_link_above(self) -> None:
        """A link of this user's is followed on the way."""
        target = self.folder / "target"
        target.mkdir()
        (self.folder / "link").symlink_to(target)
        self.make(self.folder / "link" / "w")
        self.assertTrue((target / "w").is_dir())

    def test_writable_above(self) -> None:
        """A parent directory that other users can write to needs the sticky bit."""
        above = self.folder / "above"
        above.mkdir()
        above.chmod(0o777)
        self.assertIn(f"other users can write to {above}", self.refusal(above / "w"))
        above.chmod(0o1777)
        self.make(above / "w")

    def test_shared_itself(self) -> None:
        """A directory that other users can write to is refused for workspaces."""
        self.place.mkdir()
        for mode in (0o1777, 0o777, 0o775):
            self.place.chmod(mode)
            self.assertIn("other users can write to it", self.refusal())
            self.assertEqual(self.mode(self.place), mode)

    def test_no_folder(self) -> None:
        """A file in its place, or on the way, is refused."""
        self.place.touch()
        self.assertIn("Not a directory", self.refusal())
        self.assertIn("is not a directory", self.refusal(self.place / "x"))

    def test_another_users(self) -> None:
        """Links and folders of another user are refused, there and on the way."""
        if os.geteuid() != 0:
            self.skipTest("only root can make files of another user")
        target = self.folder / "target"
        target.mkdir()
        self.place.symlink_to(target)
        os.lchown(self.place, 12345, 12345)
        self.assertIn("symbolic link", self.refusal())
        self.assertIn("belongs to another user (12345)", self.refusal(self.place / "x"))
        os.chown(target, 12345, 12345)
        self.assertIn("belongs to another user (12345)", self.refusal(target))
        self.assertIn("belongs to another user (12345)", self.refusal(target / "x"))
        # by a link of this user's, into a folder of the other one
        mine = self.folder / "mine"
        mine.symlink_to(target)
        self.assertIn("belongs to another user (12345)", self.refusal(mine / "x"))

        self.assertEqual(list(target.iterdir()), [])

    def test_link_to_another_users_link(self) -> None:
        """Each link on the way counts, the ones that a link leads to as well."""
        if os.geteuid() != 0:
            self.skipTest("only root can make files of another user")
        target = self.folder / "target"
        target.mkdir()
        theirs, mine = self.folder / "theirs", self.folder / "mine"
        theirs.symlink_to(target)
        os.lchown(theirs, 12345, 12345)
        mine.symlink_to(theirs.name)
        self.assertIn(f"{theirs} belongs to another user", self.refusal(mine / "w"))
        self.assertEqual(list(target.iterdir()), [])

    def test_loop(self) -> None:
        """Links in a circle are refused with the system's reason."""
        self.place.symlink_to(self.place)
        self.assertIn("symbolic links", self.refusal(self.place / "x"))

    def test_dots(self) -> None:
        """A path that leads back is followed as the system does."""
        (self.folder / "x").mkdir()
        self.make(self.folder / "x" / ".." / "w")
        self.assertTrue(self.place.is_dir())
