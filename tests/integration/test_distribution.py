"""Sdist and wheel contain the built page; installing them needs no Node and no npm."""

import importlib.util
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from unittest import skipIf

from tests.support.folders import FolderTestCase
from tools import page_build

ROOT = Path(__file__).parents[2]

#: Where the page is in the archives.
_INDEX = f"{page_build.BUILT}/index.html"

_READ = """
from semaphore_twisted.web.page.files import BUILT, installed_page
page = installed_page()
print(BUILT, sum(1 for file in page.files.values() if file.compressed))
"""


@skipIf(importlib.util.find_spec("hatchling") is None, "hatchling is not installed")
@skipIf(not page_build.is_current(ROOT), "the page is not built")
class DistributionTests(FolderTestCase):
    """From the sources to an installation."""

    def run_python(self, folder: Path, *words: str, **environ: str) -> str:
        """Run this Python with *words* in *folder*, and return what it prints."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_sdist_and_wheel(self) -> None:
        """The sdist becomes a wheel on a machine without Node and without a network."""
        folder = self.folder
        self.run_python(
            ROOT, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)
        )
        (packed,) = folder.glob("*.tar.gz")
        with tarfile.open(packed) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
            archive.extractall(folder)
        self.assertIn(_INDEX, names)
        self.assertIn("ui/src/main.ts", names)
        self.assertFalse([each for each in names if "node_modules" in each])
        (source,) = (each for each in folder.iterdir() if each.is_dir())
        empty = folder / "bin"
        empty.mkdir()
        self.run_python(
            source,
            *("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)),
            PATH=str(empty),
            npm_config_registry="http://127.0.0.1:9",
        )
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            archive.extractall(folder / "installed")
        self.assertIn(_INDEX, names)
        self.assertFalse([each for each in names if each.startswith(("ui/", "tools/"))])
        told = self.run_python(
            folder, "-c", _READ, PYTHONPATH=str(folder / "installed")
        ).split()
        self.assertTrue(told[0].startswith(str(folder)), told)
        self.assertGreater(int(told[1]), 10)
