"""A cache that is limited in bytes."""

from collections.abc import Hashable
from sys import getsizeof
from typing import Generic, TypeVar

from attrs import define, field

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Upper limit of the bytes that an entry uses besides its key and its value, together
#: with the elements of a key that is a tuple of a few numbers.
_ENTRY = 400


@define(eq=False)
class ByteCache(Generic[K, V]):
    """Holds values by key, and at most *limit* bytes including keys and entries.

    A value that exceeds the rest of the limit replaces all other values; a value that
    exceeds the limit is not held. A key is a text, or a tuple of a few numbers.
    """

    limit: int
    #: bytes in use
    held: int = field(default=0, init=False)
    _values: dict[K, V] = field(factory=dict, init=False)

    def get(self, key: K) -> V | None:
        """Return the value of *key*, or ``None``."""
        return self._values.get(key)

    def put(self, key: K, value: V, size: int) -> None:
        """Hold *value*, which uses *size* bytes, for *key*, which has no value."""
        size += getsizeof(key) + _ENTRY
        if self.held + size > self.limit:
            self.clear()
        if size <= self.limit:
            self._values[key] = value
            self.held += size

    def clear(self) -> None:
        """Drop all values."""
        self._values.clear()
        self.held = 0
