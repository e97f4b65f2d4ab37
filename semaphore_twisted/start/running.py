"""The running server's options and state, published for commands on its machine.

The server's environment may differ: systemd gives it ``/etc/semaphore/env``, which
commands do not see. The server writes its options to ``DIR/running.json``, with secrets
masked, together with the state of the VPN companion.

Root reads the file and the server's user can write it: it is data to compare and to
display, and never decides what root permits.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec
from twisted.application.service import Service
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.common import atomic_file
from semaphore_twisted.config.parsing import PREFIX, LoadedConfig
from semaphore_twisted.config.values import MASK
from semaphore_twisted.start import state
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.operator_files import content_of

NAME = "running.json"

_LIMIT = 256 * 1024

#: How an option without a value is displayed.
_UNSET = "-"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A running server: *options* by path, as ``config show`` prints them.

    *trouble* states why the companion does not do its work; empty if it does, and
    before the first attempt.
    """

    options: dict[str, str]
    trouble: str = ""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An option whose value differs between a command and the running server."""

    path: str
    variable: str
    here: str
    there: str

    @property
    def sentence(self) -> str:
        """A sentence with the difference and the remedy."""
        return (
            f"{self.path}: the running server has {_told(self.there)}, this command "
            f"{_told(self.here)}; set {self.variable} as the server has it "
            "(/etc/semaphore/env with systemd), or give the same --config"
        )


def _plain(shown: str) -> str:
    """Return a value in canonical form: a port may have a colon before it."""
    return shown.removeprefix(":").rstrip("/")


def _told(shown: str) -> str:
    return "no value" if shown == _UNSET else shown[:200]


def read(path: Path) -> Running | None:
    """Return the published state of the server that uses the state directory *path*.

    ``None`` if no server runs, or it has not published its state.
    """
    try:
        if state.holder(path) is None:
            return None
        content = content_of(path / NAME, _LIMIT, links=False)
        return msgspec.json.decode(content, type=Running)
    except (OSError, msgspec.DecodeError):
        return None


def differences(
    settings: LoadedConfig, running: Running, paths: frozenset[str]
) -> list[Difference]:
    """Return the options among *paths* that differ from *settings*."""
    result = []
    for each in settings.effective:
        there = running.options.get(each.option.path)
        name = each.option.variable
        if (
            each.option.path in paths
            and not each.option.secret
            and name is not None
            and there not in {None, MASK}
            and _plain(str(there)) != _plain(each.shown)
        ):
            result.append(
                Difference(
                    path=each.option.path,
                    variable=PREFIX + name,
                    here=each.shown,
                    there=str(there),
                )
            )
    return result


def overlaid(
    environ: Mapping[str, str], differences: list[Difference]
) -> dict[str, str]:
    """Return *environ* with the server's values of the options that differ."""
    result = dict(environ)
    for each in differences:
        result.pop(f"{each.variable}_FILE", None)
        result[each.variable] = "" if each.there == _UNSET else each.there
    return result


def report(installation: Installation) -> "RunningReport":
    """Return the service that publishes the state of *installation*."""
    return RunningReport(installation.state.path, installation.settings)


class RunningReport(Service):
    """Publishes the server's state at its start and after each change."""

    name = "report"
    _log: ClassVar[Logger] = Logger()

    def __init__(self, folder: Path, settings: LoadedConfig) -> None:
        """Write the options of *settings* to the state directory *folder*."""
        self._path = folder / NAME
        self._options = {each.option.path: each.shown for each in settings.effective}
        self._trouble = ""

    @override
    def startService(self) -> None:
        """Publish the state."""
        super().startService()
        self._write()

    @override
    def stopService(self) -> None:
        """Delete the file: the server does not run any more."""
        super().stopService()
        self._path.unlink(missing_ok=True)

    def companion(self, trouble: str) -> None:
        """Publish the companion's *trouble*; an empty text means none."""
        if trouble != self._trouble:
            self._trouble = trouble
            if self.running:
                self._write()

    def _write(self) -> None:
        running = Running(options=self._options, trouble=self._trouble)
        try:
            atomic_file.write(self._path, msgspec.json.encode(running))
        except OSError as error:
            self._log.warn(
                "{path}: {error}: commands on this machine cannot read the options of "
                "this server",
                path=str(self._path),
                error=error.strerror,
            )
