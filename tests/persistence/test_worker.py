"""One thread, one piece of work after another."""

import threading

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.persistence.worker import Compute, Stopped
from tests.support.threads import Inbox


class ComputeTests(SynchronousTestCase):
    """The thread for CPU-intensive work."""

    def setUp(self) -> None:
        """Start one."""
        self.inbox = Inbox()
        self.compute = Compute(reactor=self.inbox)
        self.compute.startService()
        self.addCleanup(lambda: self.inbox.wait(self.compute.stopService()))

    def test_another_thread(self) -> None:
        """The work is done in a thread of its own, always the same."""
        here = threading.get_ident()
        first = self.inbox.wait(self.compute(threading.get_ident))
        second = self.inbox.wait(self.compute(threading.get_ident))
        self.assertNotEqual(first, here)
        self.assertEqual(first, second)

    def test_arguments(self) -> None:
        """Arguments are passed on."""
        self.assertEqual(self.inbox.wait(self.compute(int, "11", base=2)), 3)

    def test_failure(self) -> None:
        """An error of the work arrives, and the thread goes on."""
        with self.assertRaises(ValueError):
            self.inbox.wait(self.compute(int, "x"))
        self.assertEqual(self.inbox.wait(self.compute(int, "7")), 7)

    def test_stopped(self) -> None:
        """After the stop nothing is done any more."""
        compute = Compute(reactor=self.inbox)
        compute.startService()
        asked: Deferred[int] = compute(int, "7")
        self.inbox.wait(compute.stopService())
        self.assertEqual(self.successResultOf(asked), 7)
        self.failureResultOf(compute(int, "7"), Stopped)
