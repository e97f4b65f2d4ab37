"""Limits how many connections may be unidentified, and for how long.

All have the same timeout, so the oldest is always the next to expire and one timer is
enough. When the limit is reached, the oldest connection is closed to admit the new one.
"""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from semaphore_twisted.model import limits

#: Seconds for the first bytes and the handshake, or for a refused request.
SECONDS = limits.PENDING_SECONDS

#: Maximum number of pending connections: of one source, and in total.
EACH, ALL = limits.PENDING_OF_SOURCE, limits.PENDING

#: Minimum seconds between two log lines about the limits.
_QUIET = 60.0


@define(eq=False)
class PendingConnection:
    """A pending connection; *key* is its source as in :mod:`.model.ip`."""

    key: str | None
    until: float
    close: Callable[[], object]


@define(eq=False)
class PendingConnections:
    """The pending connections."""

    _log: ClassVar[Logger] = Logger()

    _clock: IReactorTime
    seconds: float = SECONDS
    each: int = EACH
    all: int = ALL
    _connections: dict[PendingConnection, None] = field(factory=dict, init=False)
    _counts: Counter[str] = field(factory=Counter, init=False)
    _timer: object = field(default=None, init=False)
    _quiet_until: float = field(default=0.0, init=False)

    def __len__(self) -> int:
        """Return the number of pending connections."""
        return len(self._connections)

    def add(
        self, key: str | None, close: Callable[[], object]
    ) -> PendingConnection | None:
        """Register a connection that *close* ends; return ``None`` if it is refused.

        Without a *key* it counts only towards the total: a proxy relays many clients.
        """
        if not self._count(key):
            return None
        if len(self._connections) >= self.all:
            self._complain(
                "Too many connections are unidentified; the oldest are closed"
            )
            self._close(next(iter(self._connections)))
        connection = PendingConnection(key, self._clock.seconds() + self.seconds, close)
        self._connections[connection] = None
        if self._timer is None:
            self._timer = self._clock.callLater(self.seconds, self._sweep)
        return connection

    def rekey(self, connection: PendingConnection, key: str | None) -> bool:
        """Count *connection* towards source *key*; return false if that is full."""
        if not self._count(key):
            return False
        self._discount(connection.key)
        connection.key = key
        return True

    def discard(self, connection: PendingConnection) -> None:
        """Remove *connection*; does nothing if it was removed already."""
        if connection in self._connections:
            del self._connections[connection]
            self._discount(connection.key)

    def _count(self, key: str | None) -> bool:
        if key is None:
            return True
        if self._counts[key] >= self.each:
            self._complain(f"Too many connections of {key} are unidentified")
            return False
        self._counts[key] += 1
        return True

    def _discount(self, key: str | None) -> None:
        if key is not None:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

    def _close(self, connection: PendingConnection) -> None:
        self.discard(connection)
        connection.close()

    def _sweep(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._connections:
            oldest = next(iter(self._connections))
            if oldest.until > now:
                self._timer = self._clock.callLater(oldest.until - now, self._sweep)
                return
            self._close(oldest)

    def _complain(self, sentence: str) -> None:
        now = self._clock.seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self._log.warn("{sentence}", sentence=sentence)
