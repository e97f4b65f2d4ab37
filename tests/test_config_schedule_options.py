"""The time zone of schedules: names, that of the machine, and what cannot be used."""

import json
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.parsing import LoadedConfig, parse
from semaphore_twisted.config.schedule_options import (
    ScheduleOptions,
    machine_zone,
    usable,
)


def _read(path: str) -> bytes:
    """Read no file."""
    raise FileNotFoundError(path)


def _settings(value: object, **environ: str) -> LoadedConfig:
    content = json.dumps({"schedule": {"timezone": value}}).encode()
    return parse(content, name="config.json", environ=environ, read=_read)


class UsableTests(SynchronousTestCase):
    """What the option may be."""

    def test_name(self) -> None:
        """A name of the database is used; nothing is UTC."""
        for value, expected in (
            ("Europe/Berlin", "Europe/Berlin"),
            ("UTC", "UTC"),
            ("", "UTC"),
            (None, "UTC"),
        ):
            settings = _settings(value)
            self.assertEqual(settings.config.schedule.timezone, expected)
            self.assertEqual(settings.warnings, ())

    def test_local(self) -> None:
        """``Local``, which Semaphore accepts, is the zone of the machine."""
        settings = _settings("Local", TZ="Asia/Tokyo")
        self.assertEqual(settings.config.schedule.timezone, "Asia/Tokyo")
        self.assertEqual(settings.warnings, ())

    def test_local_unknown(self) -> None:
        """A zone of the machine without a name is UTC, and that is said."""
        settings = _settings("Local", TZ="CET-1CEST,M3.5.0,M10.5.0/3")
        self.assertEqual(settings.config.schedule.timezone, "UTC")
        (warning,) = settings.warnings
        self.assertIn("schedule.timezone: the time zone of this machine", warning)

    def test_wrong(self) -> None:
        """Values that earlier releases ignored let the server start, with UTC."""
        for value in ("Mars/Olympus", "local", "+02:00", "CEST", 2, " ", "../UTC"):
            settings = _settings(value)
            self.assertEqual(settings.config.schedule.timezone, "UTC")
            (warning,) = settings.warnings
            self.assertIn("schedule.timezone: invalid value", warning)
            self.assertIn("Europe/Berlin", warning)
            self.assertIn("config.json", warning)
            self.assertIn("UTC is used", warning)


class MachineTests(SynchronousTestCase):
    """The zone of the machine."""

    def setUp(self) -> None:
        """Make a directory with a database, and the path of a link."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.database = self.folder / "zoneinfo"
        self.link = self.folder / "localtime"

    def test_variable(self) -> None:
        """``TZ`` is a name or a path, with or without a colon; empty it is UTC."""
        self.link.symlink_to(self.database / "Europe/Berlin")
        for text, expected in (
            ("Asia/Tokyo", "Asia/Tokyo"),
            (":Asia/Tokyo", "Asia/Tokyo"),
            ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
            (f":{self.link}", "Europe/Berlin"),
            ("", "UTC"),
            (":", "UTC"),
            ("Mars/Olympus", None),
            ("/nowhere", None),
            ("/a\0b", None),
        ):
            found = machine_zone({"TZ": text}, self.link)
            self.assertEqual(found, expected, text)

    def test_link(self) -> None:
        """Without ``TZ`` the link of the machine leads to the zone."""
        for target, expected in (
            (self.database / "Europe/Berlin", "Europe/Berlin"),
            ("../usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
            ("/usr/share/zoneinfo/posix/Europe/Oslo", "Europe/Oslo"),
            (self.database / "Mars/Olympus", None),
            (self.folder / "berlin", None),
            (self.link, None),
        ):
            self.link.symlink_to(target)
            self.assertEqual(machine_zone({}, self.link), expected, target)
            self.link.unlink()

    def test_link_to_a_link(self) -> None:
        """A link to another link of the machine leads to its zone."""
        second = self.folder / "second"
        second.symlink_to(self.database / "Europe/Berlin")
        self.link.symlink_to(second)
        self.assertEqual(machine_zone({}, self.link), "Europe/Berlin")

    def test_no_link(self) -> None:
        """A copy of a zone's file has no name, nor has a machine without one."""
        self.assertIsNone(machine_zone({}, self.link))
        self.link.write_bytes(b"TZif2")
        self.assertIsNone(machine_zone({}, self.link))
        warnings: list[str] = []
        found = usable(
            ScheduleOptions(timezone="Local"), "config.json", {}, warnings, self.link
        )
        self.assertEqual((found.timezone, len(warnings)), ("UTC", 1))
