"""The options of logins and their sessions, and what is wrong with them."""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from semaphore_twisted.config_values import WrongOption
from semaphore_twisted.model.users import SessionLimits

_USUAL = SessionLimits()

#: Seconds below which people would be logged out while they read, and the days that
#: browsers keep a cookie at most (RFC 6265bis, section 5.6.2).
_LEAST, _MOST = 60, 400 * 86_400

#: Most characters that a new password may have to have.
_LONGEST_LEAST = 128


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """After how many seconds without use a session ends, and after how many at all."""

    idle_sec: int = round(_USUAL.idle.total_seconds())
    lifetime_sec: int = round(_USUAL.lifetime.total_seconds())

    @property
    def limits(self) -> SessionLimits:
        """The same, as durations; idle is never longer than all."""
        lifetime = timedelta(seconds=self.lifetime_sec)
        idle = min(timedelta(seconds=self.idle_sec), lifetime)
        return SessionLimits(idle=idle, lifetime=lifetime)


def check(session: Session, wrong: Callable[..., WrongOption]) -> None:
    """Refuse what would keep people out, or what browsers do not do."""
    for name in ("idle_sec", "lifetime_sec"):
        found = getattr(session, name)
        if not _LEAST <= found <= _MOST:
            wanted = f"seconds from {_LEAST} to {_MOST} (400 days)"
            raise wrong(f"session.{name}", found, wanted)


def check_password(least: int, wrong: Callable[..., WrongOption]) -> None:
    """Refuse a least length of new passwords that would accept or refuse all."""
    if not 1 <= least <= _LONGEST_LEAST:
        wanted = f"characters from 1 to {_LONGEST_LEAST}"
        raise wrong("password_min_length", least, wanted)
