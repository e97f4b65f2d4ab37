"""Turns of expensive work."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.model.ids import UserId
from semaphore_twisted.web.http.turns import Turns
from tests.support.http import api_client, parse
from tests.support.memory import MemoryDatabase, make_user

ANN, BOB = UserId(1), UserId(2)


class TurnsTests(SynchronousTestCase):
    """Computations that the test ends."""

    def setUp(self) -> None:
        """Start without any."""
        self.turns = Turns()
        self.begun: list[Deferred[Any]] = []

    def ask(self, account: UserId) -> Deferred[Any]:
        """Ask for a computation."""

        def work() -> Deferred[Any]:
            self.begun.append(Deferred())
            return self.begun[-1]

        return self.turns.run(account, work)

    def test_order(self) -> None:
        """One account's wait for each other, another account's do not."""
        first, second, other = self.ask(ANN), self.ask(ANN), self.ask(BOB)
        self.assertEqual(len(self.begun), 2)
        self.begun[1].callback("other")
        self.assertEqual(self.successResultOf(other), "other")
        self.begun[0].errback(ValueError())
        self.failureResultOf(first, ValueError)
        self.begun[2].callback("second")
        self.assertEqual(self.successResultOf(second), "second")
        self.assertEqual(len(self.turns), 0)

    def test_cancelled(self) -> None:
        """A client that goes away gives up its place, and no computation that runs."""
        running, waiting, last = self.ask(ANN), self.ask(ANN), self.ask(ANN)
        waiting.cancel()
        running.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.failureResultOf(running, CancelledError)
        self.assertEqual(len(self.begun), 1)
        self.begun[0].callback("nobody waits for it")
        self.assertEqual(len(self.begun), 2)
        self.begun[1].callback("last")
        self.assertEqual(self.successResultOf(last), "last")
        self.assertEqual(len(self.turns), 0)

    def test_requests(self) -> None:
        """The requests of one account compute one after the other."""

        def compute(*_: Any, **__: Any) -> Deferred[Any]:
            self.begun.append(Deferred())
            return self.begun[-1]

        site = api_client(compute=compute)
        admin = make_user(site.database.conn, "root", admin=True)
        client = site.as_user(admin)
        answers = [client.open("GET", "/api/known_hosts") for _ in range(2)]
        self.assertEqual(len(self.begun), 1)
        for number in range(2):
            self.begun[number].callback([])
            self.assertEqual(parse(answers[number].value()).status, 200)

    def test_long_reads(self) -> None:
        """So do its long reads, and those of another account do not wait for them."""
        begun = self.begun

        class Database(MemoryDatabase):
            @override
            def long_read(self, *_: Any, **__: Any) -> Deferred[Any]:
                begun.append(Deferred())
                return begun[-1]

        site = api_client(database=Database())
        for name, count in (("ann", 1), ("bob", 2)):
            client = site.as_user(make_user(site.database.conn, name))
            for _ in range(2):
                client.open("GET", "/api/events?search=x")
            self.assertEqual(len(begun), count)
        begun[0].callback(([], None))
        self.assertGreater(len(begun), 2)
