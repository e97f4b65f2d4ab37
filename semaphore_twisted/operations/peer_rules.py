"""What may be said of a peer, an invite and a network; refusals name the field."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.wireguard.names import parse_name

T = TypeVar("T")

#: Tags of one peer, and networks of one invite.
MOST = 20

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says: the site inside the tunnel, and limits.

    *port* and *scheme* are the site's inside. *devices_per_user* counts a user's
    devices that are not revoked; what administrators give him is beyond it.
    """

    dns: bool = True
    domain: str = "semaphore.internal"
    port: int = 443
    scheme: str = "https"
    devices_per_user: int = 5
    quarantine_days: int = 30

    def url(self, server: str) -> str:
        """Return the site's address in the tunnel, where *server* is the server's."""
        host = self.domain if self.dns else f"[{server}]" if ":" in server else server
        usual = {"https": 443, "http": 80}.get(self.scheme)
        port = "" if self.port == usual else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


#: What holds where no configuration is at hand.
USUAL = Options()


def in_field(name: str, read: Callable[[T], str], value: T) -> str:
    """Return ``read(value)``; a refusal begins with the field's *name*.

    :raises Invalid: as *read* does.
    """
    try:
        return read(value)
    except Invalid as error:
        raise Invalid(f"{name}: {error.message}") from None


def name_of(text: str) -> str:
    """Return the name in *text*, normalized.

    :raises Invalid: if it could not be shown in a line, or be taken for an option.
    """
    name = in_field("name", parse_name, text)
    if name.startswith("-"):
        raise Invalid("name: it may not begin with “-”")
    return name


def tags_of(tags: Sequence[str]) -> tuple[str, ...]:
    """Return *tags*, each once, in their order.

    :raises Invalid: naming the first that cannot be one.
    """
    found = tuple(dict.fromkeys(tags))
    if len(found) > MOST:
        raise Invalid(f"tags: {len(found)} given, {MOST} wanted at most")
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise Invalid(
                f"tags: {tag[:40]!a} is not a tag: 1 to 32 letters, digits, “_”, “-” "
                "and “.” are wanted"
            )
    return found


def moment_of(name: str, moment: datetime | None, now: datetime) -> datetime | None:
    """Return when something shall end; ``None`` for never.

    :raises Invalid: if that is over, or has no time zone.
    """
    moment = check_zone(name, moment)
    if moment is not None and moment <= now:
        raise Invalid(f"{name}: {told(moment)} is over; a later time is wanted")
    return moment


def check_zone(name: str, moment: datetime | None) -> datetime | None:
    """Return *moment* in UTC.

    :raises Invalid: if it has no time zone, or lies at an end of time.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Invalid(f"{name}: a time zone is wanted, such as in 2026-12-31T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{name}: this year is out of range") from None


def told(moment: datetime) -> str:
    """Return *moment* for a sentence."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
