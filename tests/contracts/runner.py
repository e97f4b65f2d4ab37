"""The contract of ``IJobRunner``, for the real one and for the double."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import IJob, IJobRunner
from semaphore_twisted.model.jobs import JobSpecification
from tests.support.jobs import RecordingReceiver


class RunnerContract:
    """Mixed into a test case that says how to make a runner and a job."""

    def runner(self) -> Any:
        """Return the runner under test."""
        raise NotImplementedError

    def specification(self, *lines: str, hold: bool = False) -> JobSpecification:
        """Return a job that prints *lines*, then ends, or runs on with *hold*."""
        raise NotImplementedError

    def drive(self, work: Coroutine[Any, Any, None]) -> Any:
        """Run a test's coroutine; return its result to the test runner."""
        raise NotImplementedError

    def settled(self) -> "Deferred[None]":
        """Return a Deferred that fires when nothing more is on its way."""
        raise NotImplementedError

    def test_interfaces(self) -> Any:
        """Runner and job provide what their ports ask for."""
        return self.drive(self._interfaces())

    async def _interfaces(self) -> None:
        runner = self.runner()
        verifyObject(IJobRunner, runner)
        receiver = RecordingReceiver()
        verifyObject(IJob, await runner.start(self.specification("x"), receiver))
        await receiver.done

    def test_lines_then_end(self) -> Any:
        """Every line comes in order, and the result after the last one."""
        return self.drive(self._lines_then_end())

    async def _lines_then_end(self) -> None:
        receiver = RecordingReceiver()
        lines = [f"line {number}" for number in range(50)]
        await self.runner().start(self.specification(*lines), receiver)
        result = await receiver.done
        self.assertEqual(result.status, "success")  # type: ignore[attr-defined]
        self.assertEqual(_of(receiver), lines)  # type: ignore[attr-defined]

    def test_waits_for_store(self) -> Any:
        """Nothing more, and no result, comes while lines are being stored."""
        return self.drive(self._waits_for_store())

    async def _waits_for_store(self) -> None:
        receiver = RecordingReceiver(held=True)
        await self.runner().start(self.specification("a", "b"), receiver)
        await receiver.begun
        await self.settled()
        self.assertIsNone(receiver.result)  # type: ignore[attr-defined]
        receiver.store()
        await receiver.done
        self.assertEqual(_of(receiver), ["a", "b"])  # type: ignore[attr-defined]

    def test_attach(self) -> Any:
        """An abandoned job goes on, and is followed again from any offset."""
        return self.drive(self._attach())

    async def _attach(self) -> None:
        first, second, third = (RecordingReceiver() for _ in range(3))
        runner = self.runner()
        specification = self.specification("a", "b", hold=True)
        job = await runner.start(specification, first)
        await first.begun
        await self.settled()
        job.abandon()
        again = runner.attach(specification.spool, 0, second)
        await second.begun
        await self.settled()
        self.assertEqual(_of(second), ["a", "b"])  # type: ignore[attr-defined]
        again.abandon()
        last = runner.attach(specification.spool, second.offset, third)
        last.stop()
        result = await third.done
        self.assertEqual(result.status, "stopped")  # type: ignore[attr-defined]
        self.assertEqual(_of(third), [])  # type: ignore[attr-defined]
        self.assertIsNone(first.result)  # type: ignore[attr-defined]

    def test_kill(self) -> Any:
        """A job that is killed ends as stopped."""
        return self.drive(self._kill())

    async def _kill(self) -> None:
        receiver = RecordingReceiver()
        job = await self.runner().start(self.specification("a", hold=True), receiver)
        await receiver.begun
        job.kill()
        result = await receiver.done
        self.assertEqual(result.status, "stopped")  # type: ignore[attr-defined]


def _of(receiver: RecordingReceiver) -> list[str]:
    """Return the job's own lines: the notes of a supervisor are not counted."""
    return [text for text in receiver.texts if text[:4] in {"a", "b", "x", "line"}]
