"""Limits the number of open connections, by source and in total.

When the total is reached, the connection that has been idle for longest is closed: its
client can connect again. A connection whose request is being answered stays.
"""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from semaphore_twisted.model import ip, limits
from semaphore_twisted.web.proxies.trusted_proxies import NO_PROXIES, TrustedProxies

#: Maximum connections of one source, without websockets; an office may share one.
EACH = limits.CONNECTIONS_OF_SOURCE

#: Minimum seconds between two log lines about the limits.
_QUIET = 60.0


@define(eq=False)
class ConnectionLimit:
    """Counts connections by source; this machine and proxies have no limit."""

    _log: ClassVar[Logger] = Logger()

    _clock: IReactorTime
    _trust: TrustedProxies = NO_PROXIES
    each: int = EACH
    all: int = limits.CONNECTIONS
    _counts: Counter[str] = field(factory=Counter, init=False)
    _open: int = field(default=0, init=False)
    #: closes each idle connection, the longest idle one first
    _idle: dict[object, Callable[[], object]] = field(factory=dict, init=False)
    _quiet_until: float = field(default=0.0, init=False)

    def admit(self, address: str | None) -> bool:
        """Count a connection from *address*; return false if it is refused.

        ``None`` is a UNIX socket.
        """
        key = self.key(address)
        if key is not None and self._counts[key] >= self.each:
            self._complain(
                f"{key} has {self.each} connections open and gets no more (a proxy "
                "must be listed in trusted_proxies)"
            )
            return False
        if self._open >= self.all and not self._close_idle():
            return False
        self._open += 1
        if key is not None:
            self._counts[key] += 1
        return True

    def release(self, address: str | None) -> None:
        """Stop counting a connection that was admitted."""
        self._open -= 1
        key = self.key(address)
        if key is not None:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

    def key(self, address: str | None) -> str | None:
        """Return the source that *address* counts as; ``None`` has no limit."""
        if not address or ip.is_loopback(address) or self._trust.names(address):
            return None
        return ip.source(address)

    def mark_idle(self, connection: object, close: Callable[[], object]) -> None:
        """Mark *connection*, which *close* ends, as idle."""
        self._idle.pop(connection, None)
        self._idle[connection] = close

    def mark_busy(self, connection: object) -> None:
        """Mark *connection* as busy, or forget it."""
        self._idle.pop(connection, None)

    def _close_idle(self) -> bool:
        """Close the connection that is idle for longest.

        Return false if all are busy.
        """
        self._complain(f"{self._open} connections are open; idle ones are closed")
        if not self._idle:
            return False
        connection = next(iter(self._idle))
        self._idle.pop(connection)()
        return True

    def _complain(self, sentence: str) -> None:
        now = self._clock.seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self._log.warn("{sentence}", sentence=sentence)
