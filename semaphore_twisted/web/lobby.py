"""Where connections wait until they have said what they are: not long, not too many.

All wait equally long, so the oldest is always the next to go and one timer is enough.
Where there are too many of all, the oldest goes too: who knocks and says nothing makes
room for who does.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from semaphore_twisted.model import limits

#: Seconds for first bytes and handshake, or for a refused request and its answer.
SECONDS = limits.LOBBY_SECONDS

#: Connections that may wait, from one address and from all.
EACH, ALL = limits.LOBBY_OF_SOURCE, limits.LOBBY

#: Seconds between two lines of the log about too many.
_QUIET = 60.0


@define(eq=False)
class Guest:
    """A connection that waits; *key* is its source, as :mod:`.model.ip` says."""

    key: str | None
    until: float
    close: Callable[[], Any]


@define(eq=False)
class Lobby:
    """The connections that wait."""

    _log: ClassVar[Logger] = Logger()

    _clock: IReactorTime
    seconds: float = SECONDS
    each: int = EACH
    all: int = ALL
    _guests: dict[Guest, None] = field(factory=dict, init=False)
    _counts: Counter[str] = field(factory=Counter, init=False)
    _timer: Any = field(default=None, init=False)
    _quiet_until: float = field(default=0.0, init=False)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._guests)

    def enter(self, key: str | None, close: Callable[[], Any]) -> Guest | None:
        """Let a connection wait, which *close* ends; ``None`` if it may not.

        Without a *key* it counts with all only: a proxy speaks for many.
        """
        if not self._count(key):
            return None
        if len(self._guests) >= self.all:
            self._complain("Too many connections say nothing; the oldest are closed")
            self._dismiss(next(iter(self._guests)))
        guest = Guest(key, self._clock.seconds() + self.seconds, close)
        self._guests[guest] = None
        if self._timer is None:
            self._timer = self._clock.callLater(self.seconds, self._sweep)
        return guest

    def rename(self, guest: Guest, key: str | None) -> bool:
        """Count *guest* as another address; false if it may not wait as that."""
        if not self._count(key):
            return False
        self._discount(guest.key)
        guest.key = key
        return True

    def leave(self, guest: Guest) -> None:
        """Count *guest* no more; it may have gone already."""
        if guest in self._guests:
            del self._guests[guest]
            self._discount(guest.key)

    def _count(self, key: str | None) -> bool:
        if key is None:
            return True
        if self._counts[key] >= self.each:
            self._complain(f"Too many connections of {key} say nothing")
            return False
        self._counts[key] += 1
        return True

    def _discount(self, key: str | None) -> None:
        if key is not None:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

    def _dismiss(self, guest: Guest) -> None:
        self.leave(guest)
        guest.close()

    def _sweep(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._guests:
            oldest = next(iter(self._guests))
            if oldest.until > now:
                self._timer = self._clock.callLater(oldest.until - now, self._sweep)
                return
            self._dismiss(oldest)

    def _complain(self, sentence: str) -> None:
        now = self._clock.seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self._log.warn("{sentence}", sentence=sentence)
