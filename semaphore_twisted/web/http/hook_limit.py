"""Limits wrong secrets of webhooks, per client and alias.

A counter belongs to one client (``model.ip.source``) and one alias, so a stranger who
sends wrong secrets locks out nobody else. Only secrets that are sent as they are can be
guessed; signatures are always checked (``operations.webhooks.evaluation``), since
clients of one hosting service share its addresses.
"""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field

from semaphore_twisted.common.token_bucket import TokenBucket
from semaphore_twisted.model import ip, limits

#: Wrong deliveries without delay, and seconds for each further one.
BURST, SECONDS = 20, 10.0


@define(eq=False)
class HookLimit:
    """Takes a token for each failure; without a token, secrets are not checked."""

    _seconds: Callable[[], float]
    _buckets: "OrderedDict[tuple[str, str], TokenBucket]" = field(factory=OrderedDict)

    def permits(self, address: str, alias: str) -> bool:
        """Return whether secrets from *address* to *alias* are checked now."""
        bucket = self._buckets.get((ip.source(address), alias))
        if bucket is None:
            return True
        bucket.fill(self._seconds())
        return bucket.has_token

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
