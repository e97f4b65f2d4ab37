"""Asynchronous work that runs in the background."""

from typing import ClassVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.runtime.coalescer import Coalescer
from semaphore_twisted.runtime.deferreds import log_errors


class Fault(Exception):
    """The error of a failing run."""


class ForgetTests(SynchronousTestCase):
    """A Deferred that no caller waits for."""

    _log: ClassVar[Logger] = Logger()

    def test_failure(self) -> None:
        """A failure is logged."""
        log_errors(fail(Fault()), log=self._log, sentence="It failed")
        self.assertEqual(len(self.flushLoggedErrors(Fault)), 1)

    def test_cancelled(self) -> None:
        """A cancelled one ends silently."""
        work: Deferred[None] = Deferred()
        log_errors(work, log=self._log, sentence="It failed")
        work.cancel()
        self.assertEqual(self.flushLoggedErrors(), [])


class CoalescerTests(SynchronousTestCase):
    """One run at a time, and one more for the calls during a run."""

    _log: ClassVar[Logger] = Logger()

    @override
    def setUp(self) -> None:
        #: the runs, in their order; each lasts until its Deferred fires
        self.runs: list[Deferred[None]] = []
        self.coalescer = Coalescer(self.action, log=self._log, sentence="A run failed")

    def action(self) -> "Deferred[None]":
        """Begin a run."""
        run: Deferred[None] = Deferred()
        self.runs.append(run)
        return run

    def test_call(self) -> None:
        """A call runs the action at once."""
        self.coalescer.call()
        self.assertEqual(len(self.runs), 1)
        self.assertTrue(self.coalescer.is_running)
        self.runs[0].callback(None)
        self.assertFalse(self.coalescer.is_running)
        self.assertEqual(len(self.runs), 1)

    def test_after_a_run(self) -> None:
        """A call after a run begins another one."""
        for count in (1, 2):
            self.coalescer.call()
            self.assertEqual(len(self.runs), count)
            self.runs[-1].callback(None)

    def test_during_a_run(self) -> None:
        """Calls during a run make one more follow, and no second beside it."""
        for _ in range(4):
            self.coalescer.call()
        self.assertEqual(len(self.runs), 1)
        self.runs[0].callback(None)
        self.assertEqual(len(self.runs), 2)
        self.runs[1].callback(None)
        self.assertEqual(len(self.runs), 2)
        self.assertFalse(self.coalescer.is_running)

    def test_called_by_the_run(self) -> None:
        """A run that calls is followed by another one, without recursion."""
        left = 5000

        async def action() -> None:
            nonlocal left
            left -= 1
            if left:
                coalescer.call()

        coalescer = Coalescer(action, log=self._log, sentence="A run failed")
        coalescer.call()
        self.assertEqual(left, 0)
        self.assertFalse(coalescer.is_running)

    def test_failure(self) -> None:
        """A run that fails is logged, and a later call runs the action again."""
        self.coalescer.call()
        self.runs[0].errback(Fault())
        self.assertEqual(len(self.flushLoggedErrors(Fault)), 1)
        self.assertEqual(len(self.runs), 1)
        self.coalescer.call()
        self.assertEqual(len(self.runs), 2)

    def test_failure_with_a_call(self) -> None:
        """The run that was asked for follows also on one that fails."""
        self.coalescer.call()
        self.coalescer.call()
        self.runs[0].errback(Fault())
        self.assertEqual(len(self.runs), 2)
        self.assertEqual(len(self.flushLoggedErrors(Fault)), 1)

    def test_raises_at_once(self) -> None:
        """An action that raises instead of failing later is logged as well."""

        def action() -> "Deferred[None]":
            raise Fault

        coalescer = Coalescer(action, log=self._log, sentence="A run failed")
        coalescer.call()
        self.assertEqual(len(self.flushLoggedErrors(Fault)), 1)
        self.assertFalse(coalescer.is_running)

    def test_cancelled_run(self) -> None:
        """A run that is cancelled ends without a log line, and another follows."""
        self.coalescer.call()
        self.coalescer.call()
        self.runs[0].cancel()
        self.assertEqual(len(self.runs), 2)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_stop(self) -> None:
        """A stop without a run fires at once, and no call has an effect any more."""
        self.successResultOf(self.coalescer.stop())
        self.coalescer.call()
        self.assertEqual(self.runs, [])

    def test_stop_during_a_run(self) -> None:
        """A stop waits for the run; neither an earlier nor a later call counts."""
        self.coalescer.call()
        self.coalescer.call()
        stopped = [self.coalescer.stop(), self.coalescer.stop()]
        self.coalescer.call()
        for each in stopped:
            self.assertNoResult(each)
        self.runs[0].callback(None)
        for each in stopped:
            self.successResultOf(each)
        self.assertEqual(len(self.runs), 1)

    def test_stop_and_failure(self) -> None:
        """A stop fires also if the run fails."""
        self.coalescer.call()
        stopped = self.coalescer.stop()
        self.runs[0].errback(Fault())
        self.successResultOf(stopped)
        self.assertEqual(len(self.flushLoggedErrors(Fault)), 1)

    def test_stop_by_cancelling(self) -> None:
        """A stop can cancel the run, and waits for its cleanup."""
        cleaning: Deferred[None] = Deferred()

        async def action() -> None:
            try:
                await self.action()
            finally:
                await cleaning

        coalescer = Coalescer(action, log=self._log, sentence="A run failed")
        coalescer.call()
        stopped = coalescer.stop(cancel=True)
        self.assertNoResult(stopped)
        cleaning.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_runs_at_once(self) -> None:
        """An action that is done at once leaves nothing under way."""
        coalescer = Coalescer(
            lambda: succeed(None), log=self._log, sentence="A run failed"
        )
        coalescer.call()
        self.assertFalse(coalescer.is_running)
        self.successResultOf(coalescer.stop())
