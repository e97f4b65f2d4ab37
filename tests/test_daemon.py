"""The settings of the log: arguments, environment and default."""

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

from twisted.logger import Logger, LogLevel, LogPublisher, textFileLogObserver
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted import tap
from semaphore_twisted.common.log_setting import FORMAT, LEVEL
from semaphore_twisted.runtime import daemon
from semaphore_twisted.vpnd import tap as companion_tap


class SettingTests(SynchronousTestCase):
    """The values of arguments and variables."""

    def test_order(self) -> None:
        """The argument precedes the variable, and the variable the default."""
        environ = {"SEMAPHORE_LOG_LEVEL": "WARN"}
        self.assertEqual(LEVEL.value("error", environ), "error")
        self.assertEqual(LEVEL.value(None, environ), "warn")
        self.assertEqual(LEVEL.value(None, {}), "info")

    def test_unknown_variable(self) -> None:
        """An unknown value of a variable is ignored and reported."""
        environ = {"SEMAPHORE_LOG_FORMAT": "xml"}
        self.assertEqual(FORMAT.value(None, environ), "text")
        self.assertEqual(FORMAT.ignored(environ), "xml")
        self.assertIsNone(FORMAT.ignored({"SEMAPHORE_LOG_FORMAT": ""}))

    def test_unknown_argument(self) -> None:
        """Twistd refuses an unknown value with one sentence."""
        for options in (tap.Options(), companion_tap.Options()):
            error = self.assertRaises(
                usage.UsageError, options.parseOptions, ["--log-level", "loud"]
            )
            self.assertEqual(
                str(error),
                '--log-level: invalid value "loud"; expected debug, info, warn or '
                "error",
            )


class ObserverTests(SynchronousTestCase):
    """The observer that the settings give."""

    def test_as_twisted(self) -> None:
        """The text is that of Twisted's observer of files, for each kind of event."""
        ours, twisted = io.StringIO(), io.StringIO()
        observers = (
            daemon.observer(ours, format="text", level="debug", environ={}),
            textFileLogObserver(twisted),
        )
        texts: list[dict[str, Any]] = [
            {"log_format": "a\nb {{}}"},
            {"log_format": ""},
            {},
        ]
        for number, fields in enumerate(texts * 20):
            moment = 1_800_000_000 + number * 0.37
            for each in observers:
                each(
                    {
                        "log_level": LogLevel.info,
                        "log_namespace": "x.y",
                        "log_time": moment if number % 7 else None,
                        **fields,
                    }
                )
        self.assertGreater(len(ours.getvalue()), 200)
        self.assertEqual(ours.getvalue(), twisted.getvalue())

    def test_levels(self) -> None:
        """Events of a lower level, and without a level, are not written."""
        for least in LogLevel.iterconstants():
            if least.name not in LEVEL.accepted:
                continue
            file = io.StringIO()
            observer = daemon.observer(
                file, format="text", level=least.name, environ={}
            )
            for level in LogLevel.iterconstants():
                observer(
                    {"log_level": level, "log_format": level.name, "log_time": 1.0}
                )
            observer({"log_format": "none", "log_time": 1.0})
            written = [line.split()[-1] for line in file.getvalue().splitlines()]
            names = [each.name for each in LogLevel.iterconstants()]
            self.assertEqual(written, names[names.index(least.name) :])

    def lines(self, **environ: str) -> list[str]:
        """Return the lines for one warning and one information."""
        file = io.StringIO()
        observer = daemon.observer(file, format=None, level=None, environ=environ)
        logger = Logger(observer=LogPublisher(observer), namespace="x")
        logger.emit(LogLevel.warn, "loud")
        logger.emit(LogLevel.info, "quiet")
        return file.getvalue().rstrip("\n").split("\n")

    def test_level(self) -> None:
        """Events below the level are not written."""
        self.assertEqual(len(self.lines()), 2)
        (line,) = self.lines(SEMAPHORE_LOG_LEVEL="warn")
        self.assertTrue(line.endswith(" [x#warn] loud"), line)

    def test_format(self) -> None:
        """The format json writes an object in each line."""
        first, _ = self.lines(SEMAPHORE_LOG_FORMAT="json")
        self.assertEqual(json.loads(first.lstrip("\x1e"))["log_format"], "loud")

    def test_file(self) -> None:
        """The log of a daemon is a file, which SIGUSR1 rotates at the next line."""
        path = Path(self.mktemp())
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.SIG_DFL)
        options: Any = tap.Options()
        options.parent = {"logfile": str(path), "nodaemon": False}
        observer = options.observer()
        logger = Logger(observer=LogPublisher(observer), namespace="x")
        logger.emit(LogLevel.warn, "before")
        os.kill(os.getpid(), signal.SIGUSR1)
        logger.emit(LogLevel.warn, "after")
        self.assertIn("after", path.read_text())
        self.assertNotIn("before", path.read_text())
        self.assertIn("before", path.with_name(f"{path.name}.1").read_text())
