"""Warnings about a certificate that is about to expire."""

from datetime import datetime, timedelta
from typing import Any

from attrs import define
from cryptography import x509
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from semaphore_twisted.crypto import certificates
from semaphore_twisted.start.certificates.expiry_warning import ExpiryWarning, late
from tests.support.memory import BEGINNING, Entropy, FixedClock


@define
class Source:
    """Presents a certificate."""

    leaf: x509.Certificate


def issue(days: float = 0) -> x509.Certificate:
    """Return a certificate of ninety days that was made some *days* ago."""
    now = BEGINNING - timedelta(days=days)
    root = certificates.new_root(
        host="box", names=["box"], addresses=[], now=now, entropy=Entropy()
    )
    leaf = certificates.new_leaf(
        root, names=["box"], addresses=[], now=now, entropy=Entropy()
    )
    return leaf.certificate


class ExpiryTests(SynchronousTestCase):
    """From a third of its life on, once a day."""

    def watch(
        self, source: Any, reason: str = "", planned: datetime | None = None
    ) -> tuple[Clock, FixedClock]:
        """Watch *source*, and collect what is logged."""
        clock, now = Clock(), FixedClock()
        self.said: list[str] = []

        @implementer(ILogObserver)
        def observe(event: Any) -> None:
            if "was not renewed" in (event.get("log_format") or ""):
                self.said.append(event["log_format"].format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        service = ExpiryWarning(
            source,
            reason=lambda: reason,
            grace=timedelta(days=1),
            clock=clock,
            now=now,
            planned=lambda leaf: planned,
        )
        service.startService()
        self.addCleanup(service.stopService)
        return clock, now

    def test_late(self) -> None:
        """It is late when less than a third is left."""
        self.assertFalse(late(issue(59), BEGINNING))
        self.assertTrue(late(issue(61), BEGINNING))

    def test_quiet(self) -> None:
        """Without a fault, and during the day of a renewal, nothing is logged."""
        clock, now = self.watch(Source(issue(58)))
        for _ in range(48):
            now.advance(3600)
            clock.advance(3600)
        self.assertEqual(self.said, [])

    def test_planned(self) -> None:
        """A certificate whose renewal a CA advised for later is not overdue."""
        when = BEGINNING + timedelta(days=5)
        clock, now = self.watch(Source(issue(70)), planned=when)
        for _ in range(5 * 24):
            clock.advance(3600)
            now.time += timedelta(hours=1)
        self.assertEqual(self.said, [])
        for _ in range(25):
            clock.advance(3600)
            now.time += timedelta(hours=1)
        self.assertEqual(len(self.said), 1)

    def test_daily(self) -> None:
        """The warning is repeated daily, with the reason, until there is a new one."""
        source = Source(issue(70))
        clock, now = self.watch(source, "the CA is unavailable")
        for _ in range(47):
            now.advance(3600)
            clock.advance(3600)
        self.assertEqual(len(self.said), 2)
        self.assertIn("the CA is unavailable", self.said[0])
        self.assertIn("expires at 2026-01-2", self.said[0])
        source.leaf = issue()
        now.advance(90_000)
        clock.advance(3600)
        self.assertEqual(len(self.said), 2)

    def test_over(self) -> None:
        """An expired certificate is logged too."""
        self.watch(Source(issue(200)))
        self.assertIn("expired at 2025-", self.said[0])
        self.assertIn("semaphore tls show", self.said[0])
