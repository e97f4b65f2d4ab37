"""Limits failed attempts to redeem invites.

Only failures count: many devices behind one address can enroll without delay. A token
has 256 bits, so guesses are hopeless anyway; the limit keeps attackers from causing
load and filling the event log.
"""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field

from semaphore_twisted.common.token_bucket import TokenBucket
from semaphore_twisted.model import ip, limits
from semaphore_twisted.model.errors import TooManyAttempts

#: Attempts of a source without delay, and seconds for each further failure.
BURST, SECONDS = 100, 6.0

#: The same for all sources together.
BURST_OF_ALL, SECONDS_OF_ALL = 300, 0.2

#: Maximum number of remembered sources; the least recent one is forgotten first.
SOURCES = limits.SOURCES


@define(eq=False)
class RedeemLimit:
    """Takes a token for each attempt, and returns it after a success."""

    _seconds: Callable[[], float]
    failed: int = 0
    _all: TokenBucket = field(init=False)
    _sources: "OrderedDict[str, TokenBucket]" = field(factory=OrderedDict)

    def __attrs_post_init__(self) -> None:
        """Start with full buckets."""
        self._all = self._full(BURST_OF_ALL, SECONDS_OF_ALL)

    def begin(self, address: str) -> None:
        """Admit an attempt from *address*.

        :raises TooManyAttempts: if a bucket is empty
        """
        buckets = self._all, self._source(ip.source(address))
        now = self._seconds()
        for each in buckets:
            each.fill(now)
            if not each.has_token:
                raise TooManyAttempts(retry_after=int(each.wait) + 1)
        for each in buckets:
            each.take()

    def success(self, address: str) -> None:
        """Return the tokens of a successful attempt from *address*."""
        for each in (self._all, self._source(ip.source(address))):
            each.give_back()

    def failure(self) -> None:
        """Count an attempt with an unusable token."""
        self.failed += 1

    def _full(self, size: int, seconds: float) -> TokenBucket:
        return TokenBucket(size, 1.0 / seconds, self._seconds())

    def _source(self, name: str) -> TokenBucket:
        token_bucket = self._sources.get(name)
        if token_bucket is None:
            token_bucket = self._sources[name] = self._full(BURST, SECONDS)
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(name)
        return token_bucket
