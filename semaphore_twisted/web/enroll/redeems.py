"""How often invites may be tried, and how often that failed.

What is counted are attempts that fail: a fleet behind one address enrolls as fast as
it can. A token has 256 bits, so this is not what keeps guesses out; it keeps whoever
tries from making the server work and the record of events grow.
"""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field

from semaphore_twisted.common.token_bucket import TokenBucket
from semaphore_twisted.model import ip, limits
from semaphore_twisted.model.errors import TooManyAttempts

#: What a source may do at once, and how many seconds each further failure costs.
BURST, SECONDS = 100, 6.0

#: The same for all sources together.
BURST_OF_ALL, SECONDS_OF_ALL = 300, 0.2

#: Sources that are remembered; who has been quiet longest is forgotten first.
SOURCES = limits.SOURCES


@define(eq=False)
class Redeems:
    """Takes a token for each attempt, and gives it back for one that succeeded."""

    _seconds: Callable[[], float]
    failed: int = 0
    _all: TokenBucket = field(init=False)
    _sources: "OrderedDict[str, TokenBucket]" = field(factory=OrderedDict)

    def __attrs_post_init__(self) -> None:
        """Begin with all that is allowed."""
        self._all = self._full(BURST_OF_ALL, SECONDS_OF_ALL)

    def begin(self, address: str) -> None:
        """Take an attempt from *address* in.

        :raises TooManyAttempts: if it is too early for it.
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
        """Give back what a right attempt had cost."""
        for each in (self._all, self._source(ip.source(address))):
            each.give_back()

    def failure(self) -> None:
        """Count an attempt with a token that cannot be used."""
        self.failed += 1

    def _full(self, size: int, seconds: float) -> TokenBucket:
        return TokenBucket(size, 1.0 / seconds, self._seconds())

    def _source(self, name: str) -> TokenBucket:
        found = self._sources.get(name)
        if found is None:
            found = self._sources[name] = self._full(BURST, SECONDS)
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(name)
        return found
