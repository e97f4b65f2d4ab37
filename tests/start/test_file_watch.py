"""Watched files, by the system's own inotify, with a clock of the tests."""

import select
import sys
from pathlib import Path
from shutil import rmtree
from typing import Any
from unittest import skipUnless

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start.file_watch import LATEST, REST, FileWatch, folders


class Readers(Clock):
    """A clock that has descriptors read, as a reactor does."""

    def __init__(self) -> None:
        """Read nothing yet."""
        super().__init__()
        self.readers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        """Read from *reader* too."""
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        """Stop reading from it."""
        self.readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        """Do nothing: there is no writer."""

    def read(self) -> None:
        """Deliver pending events, and run the scheduled calls."""
        for reader in list(self.readers):
            if select.select([reader], [], [], 0)[0]:
                reader.doRead()
        self.advance(0)


class FolderCase(SynchronousTestCase):
    """A directory with files."""

    def setUp(self) -> None:
        """Create the directory."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()


class FoldersTests(FolderCase):
    """Which folders decide what a path is."""

    def test_plain(self) -> None:
        """A file's directory; for a missing one, the deepest existing directory."""
        self.assertEqual(folders(self.folder / "a.pem"), {self.folder})
        self.assertEqual(folders(self.folder / "b" / "c" / "a.pem"), {self.folder})

    def test_certbot(self) -> None:
        """``live/NAME/x.pem`` is a link to ``../../archive/NAME/x1.pem``."""
        live, archive = (self.folder / each / "n" for each in ("live", "archive"))
        for each in (live, archive):
            each.mkdir(parents=True)
        (archive / "x1.pem").touch()
        (live / "x.pem").symlink_to("../../archive/n/x1.pem")
        self.assertEqual(folders(live / "x.pem"), {live, archive})

    def test_kubernetes(self) -> None:
        """``tls.crt`` is a link by way of the link ``..data``, which is replaced."""
        first = self.folder / "..2026_1"
        first.mkdir()
        (first / "tls.crt").touch()
        (self.folder / "..data").symlink_to(first.name)
        (self.folder / "tls.crt").symlink_to("..data/tls.crt")
        self.assertEqual(folders(self.folder / "tls.crt"), {self.folder, first})

    def test_endless(self) -> None:
        """Links in a loop come to an end."""
        (self.folder / "a").symlink_to("b")
        (self.folder / "b").symlink_to("a")
        self.assertEqual(folders(self.folder / "a"), {self.folder})


@skipUnless(sys.platform == "linux", "inotify is Linux's")
class WatchTests(FolderCase):
    """The changes that are reported, and their times."""

    def setUp(self) -> None:
        """Watch two files."""
        super().setUp()
        self.clock = Readers()
        self.told = 0
        self.files = [self.folder / "chain.pem", self.folder / "key.pem"]
        self.watch = FileWatch(self.files, self.tell, reactor=self.clock)
        self.watch.arm()
        self.addCleanup(self.watch.stop)

    def tell(self) -> None:
        """Count the call."""
        self.told += 1

    def rest(self) -> None:
        """Read what there is, and let it rest."""
        self.clock.read()
        self.clock.advance(REST)

    def test_written(self) -> None:
        """Two files written in sequence are reported once, after a pause."""
        self.files[0].write_text("1")
        self.clock.read()
        self.clock.advance(REST / 2)
        self.files[1].write_text("2")
        self.clock.read()
        self.clock.advance(REST / 2)
        self.assertEqual(self.told, 0)
        self.clock.advance(REST / 2)
        self.assertEqual(self.told, 1)
        self.rest()
        self.assertEqual(self.told, 1)

    def test_restless(self) -> None:
        """Endless changes are reported in the end."""
        for _ in range(round(LATEST)):
            self.files[0].write_text("x")
            self.clock.read()
            self.clock.advance(1)
        self.assertEqual(self.told, 1)

    def test_links(self) -> None:
        """A link that is replaced is seen, and where it leads to then as well."""
        for number in range(3):
            place = self.folder / f"..{number}"
            place.mkdir()
            (place / "chain.pem").write_text(str(number))
        (self.folder / "..data").symlink_to("..0")
        self.files[0].symlink_to("..data/chain.pem")
        self.rest()
        self.told = 0
        for number in (1, 2):
            (self.folder / "..new").symlink_to(f"..{number}")
            (self.folder / "..new").replace(self.folder / "..data")
            self.rest()
            self.assertEqual(self.told, number)
        (self.folder / "..2" / "chain.pem").write_text("other")
        self.rest()
        self.assertEqual(self.told, 3)

    def test_folder_made_anew(self) -> None:
        """A folder that is deleted and made again is watched again."""
        rmtree(self.folder)
        self.rest()
        self.assertEqual(self.told, 1)
        self.folder.mkdir()
        self.rest()
        self.assertEqual(self.told, 2)
        self.files[0].write_text("1")
        self.rest()
        self.assertEqual(self.told, 3)

    def test_stopped(self) -> None:
        """After the stop nothing is reported or watched."""
        self.files[0].write_text("1")
        self.clock.read()
        self.watch.stop()
        self.assertEqual(
            (self.clock.getDelayedCalls(), self.clock.readers), ([], set())
        )
