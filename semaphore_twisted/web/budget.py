"""Bytes that requests and answers may hold in memory: of one client, and of all."""

from collections import Counter

from attrs import define, field


@define(eq=False)
class Budget:
    """Counts bytes that are held, by owner and together.

    An owner is any name, such as an account or a source; without one (a proxy speaks
    for many) bytes count with all only.
    """

    of_one: int
    of_all: int
    held: int = field(default=0, init=False)
    _owners: Counter[str] = field(factory=Counter, init=False)

    def take(self, owner: str | None, size: int) -> bool:
        """Hold *size* more bytes for *owner*; false if that is too much."""
        if self.held + size > self.of_all:
            return False
        if owner is not None:
            if self._owners[owner] + size > self.of_one:
                return False
            self._owners[owner] += size
        self.held += size
        return True

    def give(self, owner: str | None, size: int) -> None:
        """Hold *size* bytes less."""
        self.held -= size
        if owner is not None:
            self._owners[owner] -= size
            if not self._owners[owner]:
                del self._owners[owner]


@define(eq=False)
class Share:
    """What one request holds of a budget; it moves to another one as it is known."""

    budget: Budget
    owner: str | None
    size: int = field(default=0, init=False)

    def grow(self, size: int) -> bool:
        """Hold *size* bytes more; false if that is too much."""
        if not self.budget.take(self.owner, size):
            return False
        self.size += size
        return True

    def move(self, budget: Budget, owner: str | None) -> bool:
        """Hold the same bytes of another *budget*; false if they are too many there."""
        if not budget.take(owner, self.size):
            return False
        self.budget.give(self.owner, self.size)
        self.budget, self.owner = budget, owner
        return True

    def release(self) -> None:
        """Hold nothing any more."""
        self.budget.give(self.owner, self.size)
        self.size = 0
