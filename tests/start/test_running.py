"""The report of a running server for the commands on its machine."""

import json
import os
from pathlib import Path

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.config.parsing import LoadedConfig
from semaphore_twisted.start import running, state
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.start.running import RunningReport
from semaphore_twisted.start.state import Lock

PATHS = frozenset({"port", "vpn.only", "vpn.publish", "web_host"})


def settings(**environ: str) -> LoadedConfig:
    """Return the settings of an environment alone."""
    return configuration.parse(
        None,
        name="no file",
        environ={f"SEMAPHORE_{name}": value for name, value in environ.items()},
        read=content_of,
    )


class RunningTests(SynchronousTestCase):
    """A state folder."""

    def setUp(self) -> None:
        """Make it, with the lock of a server that runs."""
        self.folder = Path(self.mktemp()).absolute()
        state.make_folder(self.folder)
        self.lock = Lock.take(self.folder)
        self.addCleanup(self.lock.release)

    def said(self, **environ: str) -> running.Running:
        """Return the report of a server with *environ*."""
        report = RunningReport(self.folder, settings(**environ))
        report.startService()
        found = running.read(self.folder)
        assert found is not None
        return found

    def test_options(self) -> None:
        """It has the options with masked secrets, and other users cannot read it."""
        key = "c2VjcmV0" * 6
        found = self.said(VPN_PORT="8443", ACCESS_KEY_ENCRYPTION=key)
        self.assertEqual(found.options["vpn.port"], "8443")
        path = self.folder / running.NAME
        self.assertNotIn(key, path.read_text())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_trouble(self) -> None:
        """A failure of the companion is written once, and cleared."""
        report = RunningReport(self.folder, settings())
        report.companion("it hung up")
        self.assertIsNone(running.read(self.folder))
        report.startService()
        for sentence in ("it hung up", "", "another"):
            report.companion(sentence)
            found = running.read(self.folder)
            assert found is not None
            self.assertEqual(found.trouble, sentence)
        report.stopService()
        self.assertIsNone(running.read(self.folder))
        report.companion("late")
        self.assertIsNone(running.read(self.folder))

    def test_not_running(self) -> None:
        """The report of a killed server is ignored."""
        self.said()
        self.lock.release()
        self.assertIsNone(running.read(self.folder))
        self.lock = Lock.take(self.folder)

    def test_unwritten(self) -> None:
        """A folder that cannot be written to costs a warning."""
        with capturedLogs() as logged:
            RunningReport(self.folder / "missing", settings()).startService()
        self.assertEqual(len(logged), 1)

    def test_hostile_file(self) -> None:
        """Root follows no link, waits for no pipe, and takes no junk for options."""
        path = self.folder / running.NAME
        elsewhere = self.folder / "elsewhere"
        elsewhere.write_text(json.dumps({"options": {}}))
        for make in (
            lambda: path.symlink_to(elsewhere),
            lambda: os.mkfifo(path),
            path.mkdir,
        ):
            make()
            self.assertIsNone(running.read(self.folder))
            path.rmdir() if path.is_dir() else path.unlink()
        for content in (b"", b"{}", b'{"options": {"port": 1}}', b"x" * 300_000):
            path.write_bytes(content)
            self.assertIsNone(running.read(self.folder))

    def test_differences(self) -> None:
        """An option with another value there is reported, and can be used."""
        there = self.said(
            VPN_ONLY="true", PORT="443", VPN_PUBLISH="tcp/22", VPN_SOCKET="/other"
        )
        here = settings(PORT=":443", WEB_ROOT="https://a.example")
        found = running.differences(here, there, PATHS)
        self.assertEqual(
            {each.path: (each.here, each.there) for each in found},
            {
                "vpn.only": ("false", "true"),
                "vpn.publish": ("-", '["tcp/22"]'),
                "web_host": ("https://a.example", "-"),
            },
        )
        (first, *_) = (each for each in found if each.path == "vpn.only")
        for words in ("vpn.only", "true", "false", "SEMAPHORE_VPN_ONLY"):
            self.assertIn(words, first.sentence)
        environ = running.overlaid(
            {"SEMAPHORE_WEB_ROOT": "https://a.example", "SEMAPHORE_PORT": ":443"}, found
        )
        again = configuration.parse(None, name="", environ=environ, read=content_of)
        self.assertEqual(running.differences(again, there, PATHS), [])
        self.assertEqual(again.config.vpn.publish, ("tcp/22",))
