"""Limits wrong secrets of webhooks, per client and alias.

A counter belongs to one client (``model.ip.source``) and one alias, so a stranger who
sends wrong secrets locks out no other client. Clients of one hosting service share its
addresses, so a client that has proven itself is not limited for a day. Only secrets
that are sent as they are can be guessed: signatures are always checked
(``operations.webhooks.evaluation``).
"""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field

from semaphore_twisted.common.token_bucket import TokenBucket
from semaphore_twisted.model import ip, limits

#: Wrong deliveries without delay, and seconds for each further one.
BURST, SECONDS = 20, 10.0

#: Seconds in which the secrets of a client that has proven itself are always checked.
TRUSTED = 86_400.0


@define(eq=False)
class HookLimit:
    """Takes a token for each failure; without a token, secrets are not checked."""

    _seconds: Callable[[], float]
    _proven: "OrderedDict[tuple[str, str], float]" = field(factory=OrderedDict)
    _buckets: "OrderedDict[tuple[str, str], TokenBucket]" = field(factory=OrderedDict)

    def permits(self, address: str, alias: str) -> bool:
        """Return whether secrets from *address* to *alias* are checked now."""
        name, now = (ip.source(address), alias), self._seconds()
        bucket = self._buckets.get(name)
        if bucket is None or now - self._proven.get(name, -TRUSTED) < TRUSTED:
            return True
        bucket.fill(now)
        return bucket.has_token

    def succeed(self, address: str, alias: str) -> None:
        """Remember that the client at *address* has shown a secret of *alias*."""
        name = ip.source(address), alias
        self._proven[name] = self._seconds()
        self._proven.move_to_end(name)
        if len(self._proven) > limits.SOURCES:
            self._proven.popitem(last=False)

    def fail(self, address: str, alias: str) -> bool:
        """Count a failure; return whether there was a token for it."""
        name = ip.source(address), alias
        now = self._seconds()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(BURST, 1.0 / SECONDS, now)
            if len(self._buckets) > limits.SOURCES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        bucket.fill(now)
        if not bucket.has_token:
            return False
        bucket.take()
        return True
