"""How many connections one address may have open."""

from collections import Counter
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from semaphore_twisted.model import ip, limits
from semaphore_twisted.web.trust import NOBODY, Trust

#: Connections of one address, websockets not counted: a large office behind one.
EACH = limits.CONNECTIONS_OF_SOURCE

#: Seconds between two lines of the log about too many.
_QUIET = 60.0


@define(eq=False)
class Visitors:
    """Counts connections by address; this machine and proxies have no limit."""

    _log: ClassVar[Logger] = Logger()

    _clock: IReactorTime
    _trust: Trust = NOBODY
    each: int = EACH
    _counts: Counter[str] = field(factory=Counter, init=False)
    _quiet_until: float = field(default=0.0, init=False)

    def enter(self, address: str | None) -> bool:
        """Count a connection from *address*; false if it is one too many.

        ``None`` is a UNIX socket.
        """
        key = self.key(address)
        if key is None:
            return True
        if self._counts[key] >= self.each:
            self._complain(key)
            return False
        self._counts[key] += 1
        return True

    def leave(self, address: str | None) -> None:
        """Count a connection less that was let in."""
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

    def _complain(self, key: str) -> None:
        now = self._clock.seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self._log.warn(
                "{key} has {each} connections open and gets no more (a proxy belongs "
                "into trusted_proxies)",
                key=key,
                each=self.each,
            )
