"""Log and pid file of the server's and the companion's process.

``twistd semaphore``, ``twistd semaphore-vpn`` and ``semaphore server`` write the same
log lines: :class:`DaemonOptions` sets twistd's logger.
"""

import os
import signal
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, ClassVar

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    PredicateResult,
    formatEventAsClassicLogText,
    formatTime,
    jsonFileLogObserver,
)
from twisted.python import usage
from twisted.python.logfile import LogFile
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.common.log_setting import FORMAT, LEVEL, LogSetting
from semaphore_twisted.model.refusals import invalid

_log = Logger()


def observer(
    file: IO[str],
    *,
    format: str | None,  # noqa: A002 - as the option
    level: str | None,
    environ: Mapping[str, str],
) -> ILogObserver:
    """Return the log observer that writes to *file*.

    *format* and *level* are the arguments of the command line, ``None`` for the value
    of the environment. An unknown value of the environment is logged as a warning.
    """
    for setting, argument in ((FORMAT, format), (LEVEL, level)):
        ignored = setting.ignored(environ)
        if ignored is not None and argument is None:
            _log.warn(
                "{sentence}; the default {default} is used",
                sentence=_invalid(setting.variable, ignored, setting),
                default=setting.default,
            )
    is_json = FORMAT.value(format, environ) == "json"
    written = jsonFileLogObserver(file) if is_json else FileLogObserver(file, _line)
    return FilteringLogObserver(written, [_AtLeast(LEVEL.value(level, environ))])


def _line(event: LogEvent) -> str | None:
    """Return the log line of *event*, as ``textFileLogObserver`` writes it."""
    return formatEventAsClassicLogText(event, formatTime=_time)


def _time(moment: float | None) -> str:
    return formatTime(moment) if moment is None else _second(int(moment))


@lru_cache(maxsize=2)  # formatting takes as long as the rest of a line
def _second(number: int) -> str:
    return formatTime(float(number))


@implementer(ILogFilterPredicate)
class _AtLeast:
    """Lets events of a level and of higher levels pass, in all namespaces.

    Twisted's predicate looks for each event whether its namespace has another level.
    """

    def __init__(self, least: str) -> None:
        """Require the level *least*."""
        wanted = LogLevel.lookupByName(least)
        levels = LogLevel.iterconstants()
        self._passing = frozenset(each for each in levels if each >= wanted)

    def __call__(self, event: LogEvent) -> Any:
        """Return whether *event* passes."""
        passes = event.get("log_level") in self._passing
        return PredicateResult.maybe if passes else PredicateResult.no


def _invalid(where: str, value: str, setting: LogSetting) -> str:
    *first, last = setting.accepted
    return invalid(where, value, f"{', '.join(first)} or {last}")


class DaemonOptions(usage.Options):
    """Options of a twistd plugin whose process logs as ``semaphore server`` does."""

    optParameters: ClassVar[list[list[object]]] = [
        [each.option, None, None, f"{what} [default: {each.variable}, or {value}]"]
        for each, what, value in (
            (FORMAT, "Log format: text or json.", "text"),
            (LEVEL, "Minimum log level: debug, info, warn or error.", "info"),
        )
    ]

    @override
    def postOptions(self) -> None:
        """Set twistd's logger, and disable its pid file in the foreground.

        A logger or syslog that the command line of twistd names is left as it is. A
        ``twistd.pid`` in the current directory would outlive a container, and its
        number could then belong to another process; the server and the companion have
        locks of their own.
        """
        for setting in (FORMAT, LEVEL):
            value = self[setting.option]
            if value is not None and value not in setting.accepted:
                raise usage.UsageError(_invalid(f"--{setting.option}", value, setting))
        parent: Any = getattr(self, "parent", None)
        if parent is None:
            return
        if parent.get("nodaemon") and parent.get("pidfile") == "twistd.pid":
            parent["pidfile"] = ""
        if not parent.get("logger") and not parent.get("syslog"):
            _parsed.append(self)
            parent["logger"] = f"{__name__}.{twistd_observer.__name__}"

    def observer(self) -> ILogObserver:
        """Return the observer for the file that the options of twistd name."""
        parent: Any = self.parent
        return observer(
            _file(parent.get("logfile"), foreground=bool(parent.get("nodaemon"))),
            format=self[FORMAT.option],
            level=self[LEVEL.option],
            environ=os.environ,
        )


#: The options of this process, for :func:`twistd_observer`.
_parsed: list[DaemonOptions] = []


def twistd_observer() -> ILogObserver:
    """Return the log observer of this process; twistd calls this by its name."""
    return _parsed[-1].observer()


class _RotatedLogFile(LogFile):
    """A log file that is rotated before the first line after SIGUSR1."""

    def __init__(self, path: Path) -> None:
        """Open the file at *path*, and handle the signal unless it is handled."""
        self._asked = False
        super().__init__(path.name, str(path.parent))
        if not signal.getsignal(signal.SIGUSR1):
            signal.signal(signal.SIGUSR1, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self._asked = True

    @override
    def shouldRotate(self) -> bool:
        """Return whether the signal was received, or the file is too large."""
        return self._asked or bool(super().shouldRotate())

    @override
    def rotate(self) -> None:
        """Rotate the file."""
        self._asked = False
        super().rotate()


def _file(path: str | None, *, foreground: bool) -> IO[str]:
    """Return the file that twistd logs to: *path*, else stdout or ``twistd.log``."""
    if path == "-" and not foreground:
        raise SystemExit("--logfile: a daemon cannot log to standard output")
    if path == "-" or (foreground and not path):
        return sys.stdout
    file: Any = _RotatedLogFile(Path(path or "twistd.log").absolute())
    written: IO[str] = file
    return written
