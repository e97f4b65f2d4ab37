"""Programs that jobs need."""

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start import programs


class ProgramsTests(SynchronousTestCase):
    """Where they are looked for, and what is said of missing ones."""

    def test_search_path(self) -> None:
        """Python's own folder comes first; relative folders are left out."""
        folders = programs.search_path("/opt/bin:relative::/usr/bin").split(":")
        self.assertEqual(folders[0], str(Path(sys.executable).parent))
        self.assertIn("/opt/bin", folders)
        self.assertEqual(len(folders), len(set(folders)))
        self.assertTrue(all(each.startswith("/") for each in folders))
        self.assertIn("/usr/bin", programs.search_path(None))

    def test_missing(self) -> None:
        """Each missing program is named with its purpose and its command."""

        def which(name: str, path: str) -> str | None:
            return None if name in {"git", "sshpass"} else f"{path}/{name}"

        sentences = programs.missing("/bin", which)
        self.assertEqual(len(sentences), 2)
        self.assertIn("git is missing", sentences[0])
        self.assertIn("apt install git", sentences[0])
        self.assertIn("only needed for hosts that want a password", sentences[1])

    def test_complete(self) -> None:
        """Where all are there nothing is said."""
        self.assertEqual(programs.missing("/bin", lambda name, path: name + path), ())
