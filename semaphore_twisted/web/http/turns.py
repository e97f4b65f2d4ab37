"""Lets the expensive work of one account wait for its own.

Computations share one thread with the passwords of all logins, and long reads share
another one: an account that asks for a lot of either delays itself, and others by one
piece of work at a time.
"""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredLock

from semaphore_twisted.model.ids import UserId
from semaphore_twisted.runtime.deferreds import shielded

T = TypeVar("T")


class Turns:
    """The accounts whose work in one thread runs or waits."""

    def __init__(self) -> None:
        self._locks: dict[UserId, DeferredLock] = {}

    def __len__(self) -> int:
        """Return the number of these accounts."""
        return len(self._locks)

    def run(self, account: UserId, work: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Call *work* after the account's earlier calls; fire with its result.

        A call that is cancelled while it waits is not made; *work* that has begun keeps
        its turn until it ends.
        """
        return Deferred.fromCoroutine(self._run(account, work))

    async def _run(self, account: UserId, work: Callable[[], Deferred[T]]) -> T:
        lock = self._locks.setdefault(account, DeferredLock())
        await lock.acquire()

        def over(result: T) -> T:
            lock.release()
            if not lock.locked and self._locks.get(account) is lock:
                del self._locks[account]
            return result

        return await shielded(work().addBoth(over))
