"""Log lines about a state that lasts."""

from pathlib import Path

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from zope.interface import implementer

from semaphore_twisted.common.log_on_change import LogOnChange


@implementer(ILogObserver)
class Kept(list[LogEvent]):
    """The events that were logged."""

    def __call__(self, event: LogEvent) -> None:
        """Keep *event*."""
        self.append(event)


class LogOnChangeTests(SynchronousTestCase):
    """One log line for each change of the state."""

    @override
    def setUp(self) -> None:
        self.events = Kept()
        self.logger = Logger(observer=self.events)
        self.trouble = LogOnChange()

    def log(self, reason: str) -> bool:
        """Log that the disk has failed for *reason*."""
        return self.trouble.log(
            reason, self.logger.error, "The disk failed: {why}", why=reason
        )

    def lines(self) -> list[str | None]:
        """Return the lines that were logged."""
        return [formatEvent(event) for event in self.events]

    def test_once(self) -> None:
        """A state that lasts is logged once, in the log level that was asked for."""
        self.assertEqual([self.log("full"), self.log("full")], [True, False])
        self.assertEqual(self.lines(), ["The disk failed: full"])
        self.assertEqual(self.events[0]["log_level"], LogLevel.error)

    def test_change(self) -> None:
        """Another state is logged, also one that was there before the last."""
        for reason in ("full", "slow", "full"):
            self.assertTrue(self.log(reason))
        self.assertEqual(len(self.events), 3)
        self.assertEqual(self.trouble.state, "full")

    def test_normal(self) -> None:
        """The normal state is remembered and not logged."""
        self.assertFalse(self.log(""))
        self.log("full")
        self.assertTrue(self.log(""))
        self.assertEqual(self.lines(), ["The disk failed: full"])

    def test_clear(self) -> None:
        """After the normal state the same reason is logged again."""
        self.assertFalse(self.trouble.clear())
        self.log("full")
        self.assertTrue(self.trouble.clear())
        self.assertTrue(self.log("full"))
        self.assertEqual(len(self.events), 2)

    def test_first(self) -> None:
        """A state that it began with counts as logged."""
        self.trouble = LogOnChange("starting")
        self.assertFalse(self.log("starting"))
        self.assertTrue(self.log("full"))
        self.assertEqual(self.lines(), ["The disk failed: full"])

    def test_failure(self) -> None:
        """A line may carry the failure that is handled at the moment."""
        for _ in range(2):
            try:
                Path("/nothing/here").stat()
            except OSError as error:
                self.trouble.log(str(error), self.logger.failure, "The disk failed")
        self.assertEqual(len(self.events), 1)
        self.assertEqual(self.events[0]["log_failure"].type, FileNotFoundError)

    def test_write_fails(self) -> None:
        """A log that raises is not asked again for the same state."""

        def write(sentence: str) -> None:
            raise RuntimeError(sentence)

        self.assertRaises(RuntimeError, self.trouble.log, "full", write, "line")
        self.assertFalse(self.log("full"))
