"""The companion's folder."""

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn.files import FOLDER, CompanionDirectory
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.wireguard.settings import TunnelSettings

SETTINGS = TunnelSettings(addresses=("10.80.0.1/16",))


class FolderTests(SynchronousTestCase):
    """Files that are written, and removed again."""

    def setUp(self) -> None:
        """Choose a directory that does not exist."""
        umask = os.umask(0)
        self.addCleanup(os.umask, umask)
        self.path = Path(self.mktemp()).absolute()
        self.folder = CompanionDirectory(self.path, None)

    def mode(self, path: Path) -> int:
        """Return the rights of *path*."""
        return stat.S_IMODE(path.stat().st_mode)

    def test_modes(self) -> None:
        """Under any umask, the files are 0600 in a directory of 0750."""
        with self.folder.exchange() as files:
            files.settings(SETTINGS)
            files.key("a key")
        self.assertEqual(self.mode(self.path), 0o750)
        self.assertEqual(self.mode(self.folder.settings_file), 0o600)
        self.assertEqual(self.mode(self.folder.key_file), 0o600)
        self.assertEqual(self.folder.settings(), SETTINGS)
        self.assertEqual(self.folder.key(), "a key")

    def test_nothing_written(self) -> None:
        """Without a write there is no folder."""
        with self.folder.exchange():
            self.assertIsNone(self.folder.settings())
            self.assertIsNone(self.folder.key())
        self.assertFalse(self.path.exists())

    def test_taken_back(self) -> None:
        """If a later step fails, the directory is restored."""
        with self.folder.exchange() as files:
            files.settings(SETTINGS)
        self.assertRaises(ZeroDivisionError, self.fail_after_writing)
        self.assertEqual(self.folder.settings(), SETTINGS)
        self.assertEqual(
            [each.name for each in self.path.iterdir()], ["companion.json"]
        )

    def fail_after_writing(self) -> None:
        """Write both files, and fail."""
        with self.folder.exchange() as files:
            files.settings(TunnelSettings(addresses=("10.81.0.1/16",)))
            files.key("a key")
            raise ZeroDivisionError

    def test_unusable(self) -> None:
        """Settings that cannot be used are one sentence with the file's name."""
        self.path.mkdir()
        for content in ("", "{}", '{"addresses": ["10.80.0.0/16"]}', "\0"):
            self.folder.settings_file.write_text(content)
            error = self.assertRaises(CommandError, self.folder.settings)
            self.assertIn("companion.json", error.sentence)

    def test_no_links(self) -> None:
        """A link is not followed: root would read another account's choice of file."""
        self.path.mkdir()
        self.folder.key_file.symlink_to("/etc/passwd")
        error = self.assertRaises(CommandError, self.folder.key)
        self.assertNotIn("root:", error.sentence)
        with self.folder.exchange() as files, self.assertRaises(CommandError):
            files.key("a key")
        self.assertTrue(Path("/etc/passwd").read_text().startswith("root"))

    def test_usual_place(self) -> None:
        """The default directory is root's; every user may name another one."""
        if os.geteuid() == 0:
            self.assertEqual(CompanionDirectory.named(None).path, FOLDER)
            self.assertIsNotNone(CompanionDirectory.named(self.path).owner)
        else:
            error = self.assertRaises(CommandError, CompanionDirectory.named, None)
            self.assertIn("as root", error.sentence)
            self.assertIsNone(CompanionDirectory.named(self.path).owner)
