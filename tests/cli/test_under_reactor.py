"""Commands that wait on the reactor end with any exception at any time."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli import under_reactor
from semaphore_twisted.cli.under_reactor import Interrupted
from semaphore_twisted.common.command_error import CommandError


class _Reactor(MemoryReactorClock):
    """Calls what was given to it, and knows whether it was stopped."""

    def stop(self) -> None:
        """Record the stop."""
        super().stop()
        self.running = False


class RunTests(SynchronousTestCase):
    """A reactor that runs until it is stopped."""

    def setUp(self) -> None:
        """Create the reactor."""
        self.reactor: Any = _Reactor()

    def run_work(self, work: Any) -> Any:
        """Run *work*, after which the reactor has stopped."""
        try:
            return under_reactor.run(self.reactor, work)
        finally:
            self.assertFalse(self.reactor.running)
            self.assertTrue(self.reactor.hasStopped)

    def test_result(self) -> None:
        """The result of the work is returned, also ``None``."""

        async def one() -> int:
            return 1

        async def nothing() -> None:
            return None

        self.assertEqual(self.run_work(one), 1)
        self.assertIsNone(self.run_work(nothing))

    def test_error_before_the_first_wait(self) -> None:
        """An error of the first step ends the reactor, and is raised."""

        async def work() -> None:
            raise CommandError("no file")

        self.assertRaises(CommandError, self.run_work, work)

    def test_error_of_the_call(self) -> None:
        """An error of a function that returns no coroutine is raised too."""

        def work() -> Any:
            raise SystemExit(3)

        self.assertRaises(SystemExit, self.run_work, work)

    def test_interrupted(self) -> None:
        """A signal that ends the reactor leaves no result."""

        async def work() -> None:
            self.reactor.stop()
            await Deferred[None]()

        self.assertRaises(Interrupted, self.run_work, work)
