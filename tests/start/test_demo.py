"""The demo's repository."""

import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.start import demo


class RepositoryTests(SynchronousTestCase):
    """Made by the real git."""

    def setUp(self) -> None:
        """Find git."""
        self.git = shutil.which("git") or ""

    def make(self) -> Path:
        """Create a repository."""
        folder = Path(self.mktemp()).absolute()
        demo.make_repository(folder, git=self.git)
        return folder

    def ask(self, folder: Path, *words: str) -> str:
        """Ask git about it."""
        return subprocess.run(
            [self.git, *words], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def test_branch_and_files(self) -> None:
        """It has one commit on main, with a neutral author and all files."""
        folder = self.make()
        self.assertEqual(
            self.ask(folder, "log", "--format=%an <%ae>", "main"),
            "Demo <demo@localhost>",
        )
        self.assertEqual(self.ask(folder, "status", "--porcelain"), "")
        self.assertEqual(
            self.ask(folder, "ls-files").split(),
            ["disk-usage.sh", "failing.sh", "ping.yml"],
        )

    def test_same_everywhere(self) -> None:
        """Two repositories have the same commit."""
        commits = {self.ask(self.make(), "rev-parse", "HEAD") for _ in range(2)}
        self.assertEqual(len(commits), 1)

    def test_prepared_once(self) -> None:
        """The repository is made if it is missing, and left alone if it is there."""
        folder = Path(self.mktemp()).absolute()
        made = demo.prepare(folder, str(Path(self.git).parent))
        self.assertEqual(made.url, folder.as_uri())
        (folder / "own.txt").touch()
        self.assertEqual(demo.prepare(folder, str(Path(self.git).parent)), made)
        self.assertTrue((folder / "own.txt").exists())

    def test_without_git(self) -> None:
        """Without git there is no demo, and the reason is told."""
        folder = Path(self.mktemp()).absolute()
        error = self.assertRaises(Unavailable, demo.prepare, folder, "/nowhere")
        self.assertIn("git is missing", error.message)
        self.assertFalse(folder.exists())
