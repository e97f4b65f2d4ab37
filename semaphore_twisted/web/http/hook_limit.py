"""Limits wrong secrets of webhooks, per client and alias.

A counter belongs to one client (``model.ip.source``) and one alias, so a stranger who
sends wrong secrets locks out no other client. Clients of one hosting service share its
addresses, so a client that has proven itself is not limited for a day. Only secrets
that are sent as they are can be guessed. Signatures cannot, but checking one costs time
for each byte of the body, so wrong ones have a limit of their own, by that cost.

The number of counters is limited. When there are too many, those go from which the
fewest tokens are missing: a client that has to wait is not forgotten because it, or
another one, fails at many aliases.
"""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field

from semaphore_twisted.common.token_bucket import TokenBucket
from semaphore_twisted.model import ip, limits

#: Wrong deliveries without delay, and seconds for each further one.
BURST, SECONDS = 20, 10.0

#: Bytes hashed for wrong signatures without delay, and for each second.
HASHED, HASHED_PER_SECOND = 256 << 20, 4 << 20

#: Seconds in which the secrets of a client that has proven itself are always checked.
TRUSTED = 86_400.0

#: A client and an alias; no alias for those that do not exist.
_Name = tuple[str, str]

#: The part of the counters that is forgotten at once when there are too many.
_FORGOTTEN = 4


@define(eq=False)
class HookLimit:
    """Takes a token for each failure; without a token, secrets are not checked.

    Wrong signatures take tokens of a second kind: bytes.
    """

    _seconds: Callable[[], float]
    _proven: "OrderedDict[_Name, float]" = field(factory=OrderedDict)
    _buckets: dict[_Name, TokenBucket] = field(factory=dict)
    _bytes: dict[_Name, TokenBucket] = field(factory=dict)
    _unknown: dict[_Name, TokenBucket] = field(factory=dict)

    def permits(self, address: str, alias: str) -> bool:
        """Return whether secrets from *address* to *alias* are checked now."""
        return self._permits(self._buckets, address, alias)

    def permits_signature(self, address: str, alias: str) -> bool:
        """Return whether signatures from *address* to *alias* are checked now."""
        return self._permits(self._bytes, address, alias)

    def _permits(
        self,
        buckets: dict[_Name, TokenBucket],
        address: str,
        alias: str,
    ) -> bool:
        name, now = (ip.source(address), alias), self._seconds()
        bucket = buckets.get(name)
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

    def fail(self, address: str, alias: str, *, hashed: int = 0) -> bool:
        """Count a failure; return whether there was a token for it.

        *alias* is one that exists: the caller has looked it up.
        *hashed* is the number of bytes that were hashed for wrong signatures.
        """
        name = ip.source(address), alias
        if hashed:
            spent = self._bucket(self._bytes, name, HASHED, HASHED_PER_SECOND)
            spent.take(hashed)
        return _taken(self._bucket(self._buckets, name, BURST, 1.0 / SECONDS))

    def fail_unknown(self, address: str) -> bool:
        """Count an alias that does not exist; return whether there was a token for it.

        Such aliases are counted together for their sender.
        """
        name = ip.source(address), ""
        return _taken(self._bucket(self._unknown, name, BURST, 1.0 / SECONDS))

    def _bucket(
        self,
        buckets: dict[_Name, TokenBucket],
        name: _Name,
        size: float,
        rate: float,
    ) -> TokenBucket:
        """Return the filled bucket of a client and alias."""
        now = self._seconds()
        bucket = buckets.get(name)
        if bucket is None:
            if len(buckets) >= limits.SOURCES:
                _forget(buckets, now)
            bucket = buckets[name] = TokenBucket(size, rate, now)
        bucket.fill(now)
        return bucket


def _taken(bucket: TokenBucket) -> bool:
    """Take a token; return whether there was one."""
    if not bucket.has_token:
        return False
    bucket.take()
    return True


def _forget(buckets: dict[_Name, TokenBucket], now: float) -> None:
    """Remove the fullest buckets; many at once, so that this is done seldom."""
    for each in buckets.values():
        each.fill(now)
    fullest = sorted(buckets, key=lambda name: buckets[name].tokens, reverse=True)
    for name in fullest[: max(1, len(buckets) // _FORGOTTEN)]:
        del buckets[name]
