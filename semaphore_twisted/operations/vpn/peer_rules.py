"""Validation of values of peers, invites and networks; errors name the field."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.wireguard.names import parse_name

T = TypeVar("T")

#: Maximum number of tags of one peer, and of networks of one invite.
MOST = 20

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class PeerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Settings from the configuration: the site inside the tunnel, and limits.

    *port* and *scheme* are those of the site inside the tunnel. *devices_per_user*
    limits a user's devices that are not revoked; administrators may exceed it.
    """

    dns: bool = True
    domain: str = "semaphore.internal"
    port: int = 443
    scheme: str = "https"
    devices_per_user: int = 5
    quarantine_days: int = 30

    def url(self, server: str) -> str:
        """Return the site's URL inside the tunnel; *server* is the server's address."""
        host = self.domain if self.dns else f"[{server}]" if ":" in server else server
        usual = {"https": 443, "http": 80}.get(self.scheme)
        port = "" if self.port == usual else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


#: The defaults, for callers without a configuration.
USUAL = PeerLimits()


def in_field(name: str, read: Callable[[T], str], value: T) -> str:
    """Return ``read(value)``; an error begins with the field's *name*.

    :raises Invalid: as *read* does.
    """
    try:
        return read(value)
    except Invalid as error:
        raise Invalid(f"{name}: {error.message}") from None


def name_of(text: str) -> str:
    """Return the normalized name in *text*.

    :raises Invalid: if it is not a single printable line, or looks like an option.
    """
    name = in_field("name", parse_name, text)
    if name.startswith("-"):
        raise Invalid("name: it may not begin with -")
    return name


def tags_of(tags: Sequence[str]) -> tuple[str, ...]:
    """Return *tags* without duplicates, in their order.

    :raises Invalid: naming the first invalid tag.
    """
    found = tuple(dict.fromkeys(tags))
    if len(found) > MOST:
        raise Invalid(f"tags: {len(found)} tags; expected at most {MOST}")
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise Invalid(invalid("tags", tag, "1 to 32 letters, digits, _, - and ."))
    return found


def moment_of(name: str, moment: datetime | None, now: datetime) -> datetime | None:
    """Return an expiry time in UTC; ``None`` for no expiry.

    :raises Invalid: if it is in the past, or has no time zone.
    """
    moment = check_zone(name, moment)
    if moment is not None and moment <= now:
        raise Invalid(
            f"{name}: {format_time(moment)} is in the past; expected a later time"
        )
    return moment


def check_zone(name: str, moment: datetime | None) -> datetime | None:
    """Return *moment* in UTC.

    :raises Invalid: if it has no time zone, or is out of range.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Invalid(
            f"{name}: no time zone; expected a time such as 2026-12-31T12:00:00Z"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{name}: this year is out of range") from None


def format_time(moment: datetime) -> str:
    """Format *moment* for a sentence."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
