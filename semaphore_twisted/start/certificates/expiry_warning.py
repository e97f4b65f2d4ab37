"""Warns of a certificate that is not renewed in time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography import x509
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.interfaces import ICertificateSource
from semaphore_twisted.runtime.deferreds import log_errors

#: Share of its validity period after which a certificate should have been renewed.
LATE = 2 / 3

#: Tolerated delay of a planned renewal.
GRACE = timedelta(days=1)

#: Seconds between two checks, and the interval between warnings.
_INTERVAL, _AGAIN = 3600.0, timedelta(days=1)


def late(leaf: x509.Certificate, now: datetime) -> bool:
    """Return whether less than a third of the validity period of *leaf* is left."""
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return now > start + (end - start) * LATE


def _unplanned(leaf: x509.Certificate) -> None:
    """Return ``None``: no renewal is planned."""
    del leaf


class ExpiryWarning(Service):
    """Warns once a day in the last third of the certificate's validity period.

    A certificate that the server renews itself has a grace period after the *planned*
    time; *reason* states why the renewal failed, if that is known.
    """

    name = "expiry"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        source: ICertificateSource,
        *,
        reason: Callable[[], str],
        grace: timedelta,
        clock: IReactorTime,
        now: Callable[[], datetime],
        planned: Callable[[x509.Certificate], datetime | None] = _unplanned,
    ) -> None:
        """Check the certificate that *source* presents."""
        self._source = source
        self._reason = reason
        self._grace = grace
        self._now = now
        self._planned = planned
        self._said: datetime | None = None
        self._timer = LoopingCall(self._check)
        self._timer.clock = clock

    @override
    def startService(self) -> None:
        """Start the periodic check."""
        super().startService()
        checking = self._timer.start(_INTERVAL)
        log_errors(
            checking,
            log=self._log,
            sentence="The check of the certificate's expiry ended",
        )

    @override
    def stopService(self) -> None:
        """Stop the periodic check."""
        super().stopService()
        if self._timer.running:
            self._timer.stop()

    def _check(self) -> None:
        now, leaf = self._now(), self._source.leaf
        planned = self._planned(leaf)
        in_time = planned is not None and now < planned + self._grace
        if in_time or not late(leaf, now - self._grace):
            self._said = None
            return
        if self._said is not None and timedelta(0) <= now - self._said < _AGAIN:
            return
        self._said = now
        end = leaf.not_valid_after_utc
        self._log.warn(
            "The certificate {verb} at {end} and was not renewed: {reason}",
            verb="expired" if end <= now else "expires",
            end=f"{end:%Y-%m-%d %H:%M}Z",
            reason=self._reason() or "no reason is known; see: semaphore tls show",
        )
