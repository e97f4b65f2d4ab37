"""The root in this system's store, which is covered for the test's own commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import skipUnless

from tests.support.cases import ProductTestCase
from tests.support.product import clean_environment
from tests.support.programs import needs

#: What the command changes; each is covered by a copy of it.
CHANGED = ("/etc/ssl", "/usr/local/share/ca-certificates")

#: Mounts over directories, then executes a command. Arguments: pairs of source and
#: target, an empty one, and the command.
ENTER = """\
set -e
while [ -n "$1" ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"
"""


@skipUnless(os.geteuid() == 0, "mounts are root's")
@needs("update-ca-certificates", "unshare", "curl")
class TrustTests(ProductTestCase):
    """``curl`` without options, before and after."""

    def setUp(self) -> None:
        """Copy what is going to be changed."""
        super().setUp()
        self.covers: list[str] = []
        for number, place in enumerate(CHANGED):
            copy = self.folder / f"cover{number}"
            if Path(place).exists():
                shutil.copytree(place, copy, symlinks=True)
            else:
                copy.mkdir()
            Path(place).mkdir(parents=True, exist_ok=True)
            self.covers += [str(copy), place]

    def run_inside(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a namespace where the copies cover the system's files."""
        return subprocess.run(
            [
                *("unshare", "--mount", "--propagation", "private"),
                *("sh", "-c", ENTER, "enter", *self.covers, "", *words),
            ],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def trust(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore tls trust``."""
        program = str(Path(sys.executable).with_name("semaphore"))
        return self.run_inside(
            program, "tls", "trust", *words, "--state", str(self.product.state)
        )

    def curl(self) -> int:
        """Return curl's exit code without options; 60 means not trusted."""
        url = f"{self.product.url}/api/ping"
        return self.run_inside("curl", "--silent", "--show-error", url).returncode

    def test_trust(self) -> None:
        """It is trusted afterwards, twice is once, and it can be taken back."""
        self.assertEqual(self.curl(), 60)
        for _ in range(2):
            done = self.trust()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("This system trusts", done.stdout)
            self.assertEqual(self.curl(), 0)
        done = self.trust("--remove")
        self.assertEqual((done.returncode, self.curl()), (0, 60), done.stderr)
        self.assertIn("no longer", done.stdout)
        self.assertIn("was not trusted", self.trust("--remove").stdout)

    def test_print(self) -> None:
        """The steps are for every system, and nothing is changed."""
        done = self.trust("--print")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("SHA-256: ", "Windows", "macOS", str(self.product.root)):
            self.assertIn(words, done.stdout)
        self.assertEqual(self.curl(), 60)
