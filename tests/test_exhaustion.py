"""A process without memory ends, wherever it noticed that."""

import subprocess
import sys
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.runtime import exhaustion

#: Runs a reactor without an end; *WORK* may raise an exception.
PROGRAM = """
import gc, sys, threading
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, globalLogBeginner
from twisted.protocols.policies import ProtocolWrapper
from semaphore_twisted.runtime import exhaustion
from semaphore_twisted.persistence.worker import Worker

def broken(event):
    raise MemoryError

def raises(*args):
    raise MemoryError

async def coroutine():
    raise MemoryError

class Guard:
    def __del__(self):
        raise MemoryError

def chained():
    try:
        raise MemoryError
    except MemoryError:
        raise ValueError("of another kind")

exhaustion.install()
globalLogBeginner.beginLoggingTo(OBSERVERS, redirectStandardIO=False)
worker = Worker("test", reactor=reactor)
worker.start()
reactor.callLater(20, reactor.stop)
# a failed Deferred is logged when it is collected, which a busy server does often
LoopingCall(gc.collect).start(0.1)
reactor.callWhenRunning(lambda: WORK)
reactor.run()
"""


class EndTests(SynchronousTestCase):
    """Programs that run out of memory in different places."""

    WORKS: ClassVar[dict[str, str]] = {
        "a callback of the reactor": "raises()",
        "a timer": "reactor.callLater(0, raises)",
        "a callback of a Deferred": "succeed(1).addCallback(raises) and None",
        "a coroutine": "Deferred.fromCoroutine(coroutine()) and None",
        "an error in its wake": "chained()",
        "a destructor": "Guard() and None",
        "a thread": "threading.Thread(target=raises).start()",
        "a thread's word to the reactor": "reactor.callFromThread(raises)",
        "the reactor's pool": "reactor.callInThread(raises)",
        "a worker's work": "worker.run(raises) and None",
        "a worker that cannot answer": (
            "(setattr(reactor, 'callFromThread', raises), worker.run(int)) and None"
        ),
    }

    def start(self, work: str, observers: str = "[broken]") -> subprocess.Popen[bytes]:
        """Start the program with *work*, and with *observers* of its log."""
        text = PROGRAM.replace("WORK", work).replace("OBSERVERS", observers)
        started = subprocess.Popen(
            [sys.executable, "-c", text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        return started

    def test_everywhere(self) -> None:
        """The process ends with its status and one line."""
        started = {name: self.start(work) for name, work in self.WORKS.items()}
        for name, each in started.items():
            with self.subTest(name=name):
                _, said = each.communicate(timeout=120)
                self.assertEqual(each.returncode, exhaustion.STATUS, said)
                self.assertTrue(said.endswith(b"ends, to be started again\n"), said)
                self.assertNotIn(b"Traceback", said)

    def test_thread(self) -> None:
        """A thread that ends by another error ends the process too, with the error."""
        ended = self.start("threading.Thread(target=lambda: 1 / 0).start()")
        _, said = ended.communicate(timeout=120)
        self.assertEqual(ended.returncode, exhaustion.STATUS)
        self.assertIn(b"ZeroDivisionError", said)

    def test_others(self) -> None:
        """Another error ends nothing."""
        work = "(reactor.callLater(0.1, reactor.stop), worker.stop(), 1 / 0)"
        ended = self.start(work, "[]")
        _, said = ended.communicate(timeout=120)
        self.assertEqual(ended.returncode, 0, said)
