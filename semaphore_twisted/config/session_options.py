"""Options of logins and sessions, and their checks."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import msgspec

from semaphore_twisted.config.option import option
from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.model.users import SessionLimits

_USUAL = SessionLimits()

#: Minimum seconds, below which people would be logged out while they read, and the
#: maximum, for which browsers keep a cookie (RFC 6265bis, section 5.6.2).
_LEAST, _MOST = 60, 400 * 86_400

#: Maximum of the configurable minimum length of passwords.
_LONGEST_LEAST = 128


class SessionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds after which a session expires: without activity, and in any case."""

    idle_sec: Annotated[
        int,
        option(
            "SESSION_IDLE_SEC",
            help="seconds without use after which a login ends",
            own=True,
        ),
    ] = round(_USUAL.idle.total_seconds())
    lifetime_sec: Annotated[
        int,
        option(
            "SESSION_LIFETIME_SEC",
            help="seconds after which a login ends in any case; the cookie's age",
            own=True,
        ),
    ] = round(_USUAL.lifetime.total_seconds())

    @property
    def limits(self) -> SessionLimits:
        """The limits as durations; the idle time never exceeds the lifetime."""
        lifetime = timedelta(seconds=self.lifetime_sec)
        idle = min(timedelta(seconds=self.idle_sec), lifetime)
        return SessionLimits(idle=idle, lifetime=lifetime)


def check(session: SessionOptions, wrong: Callable[..., WrongOption]) -> None:
    """Refuse limits that would lock people out or that browsers do not support."""
    for name in ("idle_sec", "lifetime_sec"):
        found = getattr(session, name)
        if not _LEAST <= found <= _MOST:
            expected = f"{_LEAST} to {_MOST} seconds (400 days)"
            raise wrong(f"session.{name}", found, expected)


def check_password(least: int, wrong: Callable[..., WrongOption]) -> None:
    """Refuse a minimum password length that would accept or refuse every password."""
    if not 1 <= least <= _LONGEST_LEAST:
        expected = f"1 to {_LONGEST_LEAST} characters"
        raise wrong("password_min_length", least, expected)
