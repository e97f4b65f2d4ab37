"""Order of starting and stopping."""

import subprocess
import sys
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.lifecycle import SequentialService

#: A clock that is set back an hour while a timer runs.
SET_BACK = """\
import time
real, back = time.time, [0]
time.time = lambda: real() - back[0]
from twisted.internet import reactor
from semaphore_twisted.runtime.reactor_setup import steady
steady(reactor)
reactor.callLater(0.2, reactor.stop)
reactor.callWhenRunning(back.__setitem__, 0, 3600)
reactor.run()
print("on time")
"""


#: A stop that waits for a word, and signals that come meanwhile.
SIGNALS = """\
import os, signal, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner, textFileLogObserver
from semaphore_twisted.runtime.reactor_setup import end_once
signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored by a shell
end_once(reactor)
globalLogBeginner.beginLoggingTo(
    [textFileLogObserver(sys.stderr)], redirectStandardIO=False
)
stopping = Deferred()
def stop():
    print("stopping")
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), each)
    reactor.callLater(0.01, stopping.callback, None)
    return stopping
reactor.addSystemEventTrigger("before", "shutdown", stop)
reactor.callWhenRunning(os.kill, os.getpid(), signal.SIGTERM)
reactor.callWhenRunning(os.kill, os.getpid(), signal.SIGINT)
reactor.run()
print("stopped", reactor._exitSignal)
"""


class SignalTests(SynchronousTestCase):
    """A real reactor, in a process of its own."""

    def test_second_signal(self) -> None:
        """Signals that come while a process stops change nothing, and are told."""
        done = subprocess.run(
            [sys.executable, "-c", SIGNALS],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.stdout, "stopping\nstopped 15\n", done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn("SIGINT: the server is already stopping", done.stderr)


class SteadyTests(SynchronousTestCase):
    """A real reactor, in a process of its own."""

    def test_set_back(self) -> None:
        """A clock that is set back stalls no timer."""
        done = subprocess.run(
            [sys.executable, "-c", SET_BACK],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.stdout, "on time\n", done.stderr)


class Child(Service):
    """Notes what it is asked, and waits if it is told to."""

    def __init__(self, name: str, notes: list[str]) -> None:
        """Write to *notes*."""
        self.label = name
        self.notes = notes
        self.starting: Deferred[None] | None = None
        self.stopping: Deferred[None] | None = None
        self.error: Exception | None = None

    def startService(self) -> Any:
        """Note it."""
        self.notes.append(f"+{self.label}")
        if self.error is not None:
            raise self.error
        return self.starting

    def stopService(self) -> Any:
        """Note it."""
        self.notes.append(f"-{self.label}")
        if self.error is not None:
            raise self.error
        return self.stopping


class SequentialServiceTests(SynchronousTestCase):
    """One after another."""

    def setUp(self) -> None:
        """Make three children."""
        self.notes: list[str] = []
        self.a, self.b, self.c = (Child(name, self.notes) for name in "abc")

    def test_order(self) -> None:
        """Children start in their order and stop in reverse."""
        service = SequentialService([self.a, self.b])
        service.add(self.c)
        self.successResultOf(service.startService())
        self.successResultOf(service.stopService())
        self.assertEqual(self.notes, ["+a", "+b", "+c", "-c", "-b", "-a"])

    def test_each_is_awaited(self) -> None:
        """The next one is asked only when the one before has finished."""
        service = SequentialService([self.a, self.b])
        self.a.starting = Deferred()
        self.b.stopping = Deferred()
        started = service.startService()
        self.assertEqual(self.notes, ["+a"])
        self.a.starting.callback(None)
        self.successResultOf(started)
        self.assertEqual(self.notes, ["+a", "+b"])
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.assertEqual(self.notes, ["+a", "+b", "-b"])
        self.b.stopping.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.notes[-1], "-a")

    def test_failing_start(self) -> None:
        """If one cannot start, those before it are stopped and the owner is told."""
        failures: list[Any] = []
        service = SequentialService([self.a, self.b, self.c], failed=failures.append)
        self.b.error = RuntimeError("b")
        self.successResultOf(service.startService())
        self.assertEqual(self.notes, ["+a", "+b", "-a"])
        self.assertEqual([str(failure.value) for failure in failures], ["b"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.successResultOf(service.stopService())

    def test_failing_stop(self) -> None:
        """A service that fails to stop does not prevent the stop of the other ones."""
        service = SequentialService([self.a, self.b])
        self.successResultOf(service.startService())
        self.b.error = RuntimeError("b")
        self.successResultOf(service.stopService())
        self.assertEqual(self.notes[-2:], ["-b", "-a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_stop_while_starting(self) -> None:
        """A stop waits for the child that is starting and starts no further one."""
        service = SequentialService([self.a, self.b])
        self.a.starting = Deferred()
        _ = service.startService()
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.a.starting.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.notes, ["+a", "-a"])

    def test_no_late_child(self) -> None:
        """A running service takes no further child."""
        service = SequentialService([self.a])
        self.successResultOf(service.startService())
        self.assertRaises(RuntimeError, service.add, self.b)
