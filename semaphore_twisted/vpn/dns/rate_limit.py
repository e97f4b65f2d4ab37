"""Limits for DNS queries, of each source and in total; pure."""

from collections import OrderedDict
from collections.abc import Callable

import msgspec
from attrs import define, field

from semaphore_twisted.common.token_bucket import TokenBucket
from semaphore_twisted.model import limits

#: Sources that are remembered; the one with the oldest query is forgotten first.
SOURCES = limits.SOURCES


class RateBounds(msgspec.Struct, frozen=True, kw_only=True):
    """The limits: queries per second after a burst, and outstanding at a time."""

    rate: float = limits.QUESTIONS_PER_SECOND
    burst: float = limits.QUESTIONS_AT_ONCE
    outstanding: int = limits.QUESTIONS_WAITING
    outstanding_of_one: int = limits.QUESTIONS_WAITING_OF_SOURCE


@define
class _Source:
    bucket: TokenBucket
    outstanding: int = 0


@define(eq=False)
class RateLimit:
    """Counts the queries of each source, by a token bucket and by those outstanding."""

    _seconds: Callable[[], float]
    _bounds: RateBounds = field(factory=RateBounds)
    _sources: "OrderedDict[str, _Source]" = field(factory=OrderedDict)
    outstanding: int = 0

    def may_ask(self, name: str) -> bool:
        """Take a token from the source's bucket; return whether there was one."""
        bucket = self._source(name).bucket
        bucket.fill(self._seconds())
        if not bucket.has_token:
            return False
        bucket.take()
        return True

    def begin(self, name: str) -> bool:
        """Count an outstanding query; return ``False`` if a limit is reached."""
        source = self._source(name)
        if (
            self.outstanding >= self._bounds.outstanding
            or source.outstanding >= self._bounds.outstanding_of_one
        ):
            return False
        self.outstanding += 1
        source.outstanding += 1
        return True

    def end(self, name: str) -> None:
        """Uncount an outstanding query."""
        self.outstanding -= 1
        source = self._sources.get(name)
        if source is not None and source.outstanding:
            source.outstanding -= 1

    def _source(self, name: str) -> _Source:
        source = self._sources.get(name)
        if source is None:
            bounds = self._bounds
            bucket = TokenBucket(bounds.burst, bounds.rate, self._seconds())
            source = _Source(bucket)
            self._sources[name] = source
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(name)
        return source
