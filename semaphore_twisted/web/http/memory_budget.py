"""Memory budgets in bytes for requests and responses: per client and in total."""

from collections import Counter

from attrs import define, field


@define(eq=False)
class MemoryBudget:
    """Counts held bytes, by owner and in total.

    An owner is any name, such as an account or a source address. Bytes without an owner
    (a proxy relays many clients) count only towards the total.
    """

    of_one: int
    of_all: int
    held: int = field(default=0, init=False)
    _owners: Counter[str] = field(factory=Counter, init=False)

    def take(self, owner: str | None, size: int) -> bool:
        """Reserve *size* bytes for *owner*.

        Return false if a limit would be exceeded.
        """
        if self.held + size > self.of_all:
            return False
        if owner is not None:
            if self._owners[owner] + size > self.of_one:
                return False
            self._owners[owner] += size
        self.held += size
        return True

    def give(self, owner: str | None, size: int) -> None:
        """Release *size* bytes of *owner*."""
        self.held -= size
        if owner is not None:
            self._owners[owner] -= size
            if not self._owners[owner]:
                del self._owners[owner]


@define(eq=False)
class BudgetShare:
    """The bytes of a budget that one request holds; they can move to another budget."""

    budget: MemoryBudget
    owner: str | None
    size: int = field(default=0, init=False)

    def grow(self, size: int) -> bool:
        """Reserve *size* more bytes; return false if a limit would be exceeded."""
        if not self.budget.take(self.owner, size):
            return False
        self.size += size
        return True

    def move(self, budget: MemoryBudget, owner: str | None) -> bool:
        """Move all bytes to *budget* and *owner*.

        Return false if they do not fit there.
        """
        if not budget.take(owner, self.size):
            return False
        self.budget.give(self.owner, self.size)
        self.budget, self.owner = budget, owner
        return True

    def release(self) -> None:
        """Release all bytes."""
        self.budget.give(self.owner, self.size)
        self.size = 0
