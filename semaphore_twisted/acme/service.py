"""Obtains a certificate from a CA and renews it; HTTPS is served meanwhile.

The service wakes at least once an hour and compares the wall clock, so a clock that
jumps causes no long delay. Invariants, each with a test:

- an attempt is stored as failed before the first request is sent to the CA;
- for any response of the CA there is one account and at most twenty orders a week;
- the served certificate changes only after the new one was checked and stored.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

import msgspec
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.acme import schedule
from semaphore_twisted.acme.certificate_files import StoredCertificate
from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.acme.client import AcmeClient, Binding
from semaphore_twisted.acme.exchange import AcmeTransport
from semaphore_twisted.acme.ordering import Ledger, Ordering
from semaphore_twisted.acme.responses import AcmeError
from semaphore_twisted.crypto.challenges import renewal_id
from semaphore_twisted.crypto.jws import AccountKey
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.runtime.coalescer import Coalescer

#: Maximum seconds between two checks of the schedule.
CHECK_INTERVAL = 3600.0

#: Time limit of one attempt in seconds.
TRY = 1800.0

#: Interval after which renewal information is fetched again: default, minimum, maximum.
_ADVICE, _SOONEST, _LATEST = (timedelta(hours=hours) for hours in (6, 1, 24))

#: Seconds from an attempt to the next check.
_AFTER = 1.0


class AcmeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's settings for the certificate."""

    directory: str
    names: tuple[str, ...]
    challenge: str
    email: str = ""
    binding: Binding | None = None


class StateStore(Ledger, Protocol):
    """The storage that the service needs, in the database and on disk."""

    async def load(self) -> AccountKey:
        """Read the record; return the account key, which the first call generates."""

    async def asked(self) -> bool:
        """Return whether a new certificate was requested by command."""

    async def begin(self, record: AcmeRecord) -> None:
        """Store *record*, and mark the requested renewal as attempted."""

    async def stored(self) -> StoredCertificate | None:
        """Return the newest stored certificate that is valid now."""

    async def take(self, chain: bytes, key: bytes, record: AcmeRecord) -> None:
        """Write a new certificate to disk, then store *record*."""


class AcmeService(Service):
    """Orders and renews the certificate that *settings* describe."""

    name = "acme"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        settings: AcmeSettings,
        exchange: AcmeTransport,
        store: StateStore,
        challenges: Challenges,
        present: Callable[[StoredCertificate], None],
        clock: IReactorTime,
        now: Callable[[], datetime],
        chance: schedule.Chance,
    ) -> None:
        """Pass each new certificate to *present*; *chance* draws from 0 to 1."""
        self._settings = settings
        self._exchange = exchange
        self._store = store
        self._challenges = challenges
        self._present = present
        self._clock = clock
        self._now = now
        self._chance = chance
        self._key: AccountKey | None = None
        self._call: IDelayedCall | None = None
        self._checks = Coalescer(
            self._work, log=self._log, sentence="The ACME service failed"
        )
        #: the last error of the service itself; empty after a successful check
        self.broken = ""

    @override
    def startService(self) -> None:
        """Start the schedule; startup does not wait for a certificate."""
        super().startService()
        self._set_next(0)

    @override
    def stopService(self) -> "Deferred[None]":
        """Cancel a running attempt; the next start resumes it."""
        super().stopService()
        self._set_next(None)
        return self._checks.stop(cancel=True)

    def wake(self) -> None:
        """Check the schedule now; a renewal may have been requested."""
        if self.running:
            self._checks.call()

    def _set_next(self, seconds: float | None) -> None:
        """Check the schedule after *seconds*; never for ``None``."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        if seconds is not None and self.running:
            self._call = self._clock.callLater(seconds, self._checks.call)

    async def _work(self) -> None:
        self._set_next(None)
        pause = CHECK_INTERVAL
        try:
            pause = await self._check()
            self.broken = ""
        except CancelledError:  # by the stop
            raise
        except Exception as error:  # noqa: BLE001 - it is looked at again in an hour
            self._log.failure("The check of the certificate failed")
            self.broken = f"the check failed ({type(error).__name__})"
        finally:
            self._set_next(pause)

    async def _check(self) -> float:
        """Run the attempt that is due; return the seconds until the next check."""
        if self._key is None:
            self._key = await self._store.load()
        stored = await self._store.stored()
        asked = await self._store.asked()
        if stored is not None:
            await self._take_advice(stored, self._key)
        now = self._now()
        record = self._store.record
        moment = max(
            self._due(stored, now, asked=asked),
            schedule.may_try(record, now, asked=asked),
        )
        if moment > now:
            return min(CHECK_INTERVAL, (moment - now).total_seconds())
        await self._try(stored, self._key)
        return _AFTER

    def _due(
        self, stored: StoredCertificate | None, now: datetime, *, asked: bool
    ) -> datetime:
        """Return when the next certificate is due, *now* if it is at once."""
        record = self._store.record
        if stored is None or asked or set(stored.names) != set(self._settings.names):
            return now
        if record.issued is None:  # it was issued by another CA
            return now
        return schedule.renewal(stored.leaf, record)

    # the certificate

    async def _try(self, stored: StoredCertificate | None, key: AccountKey) -> None:
        """Make one attempt to obtain a certificate."""
        now = self._now()
        await self._store.begin(schedule.began(self._store.record, now, self._chance))
        settings = self._settings
        ordering = Ordering(
            client=self._client(key),
            ledger=self._store,
            challenges=self._challenges,
            key=key,
            clock=self._clock,
            now=self._now,
            names=settings.names,
            kind=settings.challenge,
            email=settings.email,
            binding=settings.binding,
            replaces=self._replaced(stored),
        )
        try:
            working = Deferred.fromCoroutine(ordering.run())
            chain, key_pem = await working.addTimeout(TRY, self._clock)
            record = schedule.succeeded(self._store.record, self._now())
            await self._store.take(chain, key_pem, record)
        except AcmeError as error:
            await self._failed(error.sentence, error.wait)
        except Late:
            await self._failed(f"the CA took longer than {TRY / 60:.0f} min")
        except CancelledError:  # by the stop
            raise
        except Exception as error:  # noqa: BLE001 - a full disk's, or a fault of ours
            self._log.failure("A new certificate could not be stored")
            await self._failed(str(error) or type(error).__name__)
        else:
            await self._show()

    def _replaced(self, stored: StoredCertificate | None) -> str:
        """Return the ARI identifier of the current certificate.

        It is empty if another CA issued the certificate.
        """
        if stored is None or self._store.record.issued is None:
            return ""
        return renewal_id(stored.leaf) or ""

    async def _show(self) -> None:
        stored = await self._store.stored()
        if stored is not None:
            self._present(stored)
            self._log.info(
                "A certificate for {names} was issued; it is valid until {end}",
                names=", ".join(stored.names),
                end=stored.ends.isoformat(),
            )

    async def _failed(self, sentence: str, wait: timedelta | None = None) -> None:
        if not self.running:
            return  # cancelled by the stop
        now = self._now()
        record = schedule.failed(self._store.record, now, sentence, wait=wait)
        await self._store.keep(record)
        moment = schedule.may_try(record, now, asked=False)
        self._log.warn(
            "No certificate: {reason}; next try at {moment} (failure {count} in a row)",
            reason=sentence,
            moment=f"{moment:%Y-%m-%d %H:%M:%S}Z",
            count=record.failures,
        )

    # renewal information

    async def _take_advice(self, stored: StoredCertificate, key: AccountKey) -> None:
        """Fetch renewal information for *stored* if it is due; failures are logged."""
        leaf_id, now, record = renewal_id(stored.leaf), self._now(), self._store.record
        if leaf_id is None or record.issued is None:
            return
        look_at = record.look_at
        if look_at is not None and now < look_at <= now + _LATEST:
            return
        if schedule.may_try(record, now, asked=True) > now:
            return  # the CA requested a delay
        await self._store.keep(replace(record, look_at=now + _ADVICE))
        try:
            advice = await self._client(key).renewal_info(leaf_id)
        except AcmeError as error:
            self._log.info(
                "The CA gave no renewal information: {reason}", reason=error.sentence
            )
            if error.wait is not None:
                record = self._store.record
                waiting = schedule.asked_to_wait(record, self._now(), error.wait)
                await self._store.keep(waiting)
            return
        if advice is None:
            return
        answer, info = advice
        window = info.suggested_window
        record = schedule.advised(
            self._store.record, leaf_id, window.start, window.end, self._chance
        )
        wait = answer.wait(now) or _ADVICE
        look_at = now + min(max(wait, _SOONEST), _LATEST)
        await self._store.keep(replace(record, look_at=look_at))

    def _client(self, key: AccountKey) -> AcmeClient:
        return AcmeClient(self._exchange, self._settings.directory, key, self._now)
