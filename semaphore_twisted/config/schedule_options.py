"""Options of schedules."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
from semaphore_twisted.model import cron
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid

#: The value that stands for the time zone of the machine, as in Go.
LOCAL = "Local"

_UTC = "UTC"
_NAMES = "a name of the time zone database such as Europe/Berlin, UTC or Local"

#: The link to the file of the machine's time zone.
_LOCALTIME = Path("/etc/localtime")

#: The directory of the time zone database; below it, two have the same names again.
_DATABASE = "/zoneinfo/"
_VARIANTS = ("posix/", "right/")


class ScheduleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The time zone of schedules that have none of their own."""

    timezone: Annotated[
        str,
        option(
            "SCHEDULE_TIMEZONE",
            help="time zone of schedules that have none of their own; `Local`: that of "
            "the machine at the start, by `TZ` or `/etc/localtime`",
        ),
    ] = _UTC


def usable(
    found: ScheduleOptions,
    origin: str,
    environ: Mapping[str, str],
    warnings: list[str],
    localtime: Path = _LOCALTIME,
) -> ScheduleOptions:
    """Return *found* with the name of a time zone that exists.

    ``Local`` becomes the name of the machine's zone. A zone that does not exist becomes
    UTC with a warning, while a wrong value of another option is refused: releases up to
    0.3.0 ignored this option, and an update of the machine may remove a zone's name. A
    server that does not start runs nothing; with UTC, users see the zone at each
    schedule, and administrators see the warning at each start.
    """
    if found.timezone == LOCAL:
        name = machine_zone(environ, localtime)
        if name is None:
            warnings.append(
                f"schedule.timezone: the time zone of this machine has no known name; "
                f"{_UTC} is used instead of {LOCAL}"
            )
    else:
        name = found.timezone if _exists(found.timezone) else None
        if name is None:
            sentence = invalid(
                "schedule.timezone", found.timezone, _NAMES, origin=origin
            )
            warnings.append(f"{sentence}; {_UTC} is used")
    return ScheduleOptions(timezone=name or _UTC)


def machine_zone(environ: Mapping[str, str], localtime: Path) -> str | None:
    """Return the name of the machine's time zone; ``None`` if it is not known.

    It is that of the variable ``TZ``, where an empty text is UTC; without the variable
    it is the file in the time zone database that the link *localtime* leads to.
    """
    if "TZ" in environ:
        named = environ["TZ"].removeprefix(":")
        if not named:
            return _UTC
        places = _places(Path(named)) if named.startswith("/") else iter((named,))
    else:
        places = _places(localtime)
    return next(filter(_exists, places), None)


def _places(file: Path) -> Iterator[str]:
    """Return what may be the name of the zone of *file*, which may be a link."""
    try:
        paths = [str(file), str(file.readlink())] if file.is_symlink() else [str(file)]
        paths.append(os.path.realpath(file))
    except (OSError, ValueError):
        return
    for path in paths:
        _, found, name = path.rpartition(_DATABASE)
        if found:
            for variant in _VARIANTS:
                name = name.removeprefix(variant)
            yield name


def _exists(name: str) -> bool:
    try:
        _ = cron.zone_of(name)
    except Invalid:
        return False
    return True
