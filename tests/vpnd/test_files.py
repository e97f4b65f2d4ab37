"""The companion's small files."""

from semaphore_twisted.vpnd import files
from tests.support.folders import FolderTestCase


class FilesTests(FolderTestCase):
    """Small files of state."""

    def test_written(self) -> None:
        """A file is readable by its owner only, and replaced atomically."""
        path = self.folder / "file"
        for value in ({"a": "b"}, {}):
            files.write(path, value)
            self.assertEqual(files.read(path, dict[str, str]), value)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual([each.name for each in self.folder.iterdir()], ["file"])

    def test_damaged(self) -> None:
        """A file that is invalid or of another type counts as missing."""
        path = self.folder / "file"
        self.assertIsNone(files.read(path, dict[str, str]))
        for content in (b"", b"{", b"[1]", b'{"a": 1}'):
            path.write_bytes(content)
            self.assertIsNone(files.read(path, dict[str, str]))

    def test_kept_if_possible(self) -> None:
        """Nothing depends on what is only kept."""
        files.keep(self.folder / "none" / "file", {})
