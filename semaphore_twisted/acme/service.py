"""Has a certificate from an authority, and renews it in time; HTTPS never waits for it.

The service wakes at least once an hour and looks at the wall clock, so a clock that
jumps delays nothing for long. Invariants, each with a test:

- a try is in the store as a failed one before the authority is asked for anything;
- whatever the authority does, there is one account, and twenty orders in a week;
- what is served changes only after the new certificate was checked and is on the disk.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

import msgspec
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.acme import pacing
from semaphore_twisted.acme.answers import Trouble
from semaphore_twisted.acme.challenges import Challenges
from semaphore_twisted.acme.client import Binding, Client
from semaphore_twisted.acme.exchange import Exchange
from semaphore_twisted.acme.folder import Held
from semaphore_twisted.acme.ordering import Ledger, Ordering
from semaphore_twisted.crypto.challenges import renewal_id
from semaphore_twisted.crypto.jws import AccountKey
from semaphore_twisted.deferreds import forget
from semaphore_twisted.model.acme import Record

#: Seconds between two looks at the clock, at most.
LOOK = 3600.0

#: Seconds that one try may take.
TRY = 1800.0

#: How long after advice it is asked for again: by itself, at least and at most.
_ADVICE, _SOONEST, _LATEST = (timedelta(hours=hours) for hours in (6, 1, 24))

#: Seconds from a try to the next look.
_AFTER = 1.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants."""

    directory: str
    names: tuple[str, ...]
    challenge: str
    email: str = ""
    binding: Binding | None = None


class Book(Ledger, Protocol):
    """What the service needs of the store and the disk."""

    async def load(self) -> AccountKey:
        """Read the record; return the account's key, drawn at the first call."""

    async def asked(self) -> bool:
        """Tell whether a new certificate was asked for."""

    async def begin(self, record: Record) -> None:
        """Store *record*, and that what was asked for is tried."""

    async def held(self) -> Held | None:
        """Return the newest certificate that can serve."""

    async def take(self, chain: bytes, key: bytes, record: Record) -> None:
        """Put a new certificate on the disk, then *record* into the store."""


class AcmeService(Service):
    """Orders and renews the certificate of *settings*."""

    name = "acme"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        settings: Settings,
        exchange: Exchange,
        book: Book,
        challenges: Challenges,
        present: Callable[[Held], None],
        clock: IReactorTime,
        now: Callable[[], datetime],
        chance: pacing.Chance,
    ) -> None:
        """Give each new certificate to *present*; *chance* draws from 0 to 1."""
        self._settings = settings
        self._exchange = exchange
        self._book = book
        self._challenges = challenges
        self._present = present
        self._clock = clock
        self._now = now
        self._chance = chance
        self._key: AccountKey | None = None
        self._call: IDelayedCall | None = None
        self._working: Deferred[None] | None = None
        self._again = False
        #: why nothing is known of the certificate, empty where something is
        self.broken = ""

    @override
    def startService(self) -> None:
        """Begin; nothing waits for the certificate."""
        super().startService()
        self._sleep(0)

    @override
    def stopService(self) -> "Deferred[None]":
        """End a try that is under way; it goes on after the next start."""
        super().stopService()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        if self._working is not None:
            self._working.cancel()
        return succeed(None)

    def wake(self) -> None:
        """Look now: something may have been asked for."""
        if self._working is not None:
            self._again = True
        elif self.running:
            self._sleep(0)

    def _sleep(self, seconds: float) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = self._clock.callLater(seconds, self._wake)

    def _wake(self) -> None:
        self._call = None
        working = Deferred.fromCoroutine(self._work())
        if not working.called:
            self._working = working
        forget(working, log=self._log, sentence="The certificate has no keeper")

    async def _work(self) -> None:
        pause = LOOK
        try:
            pause = await self._look()
            self.broken = ""
        except CancelledError:  # by the stop
            raise
        except Exception as error:  # noqa: BLE001 - it is looked at again in an hour
            self._log.failure("The certificate could not be looked at")
            self.broken = f"it could not be looked at ({type(error).__name__})"
        finally:
            self._working = None
            again, self._again = self._again, False
            if self.running:
                self._sleep(0 if again else pause)

    async def _look(self) -> float:
        """Do what is due; return the seconds until the next look."""
        if self._key is None:
            self._key = await self._book.load()
        held = await self._book.held()
        asked = await self._book.asked()
        if held is not None:
            await self._take_advice(held, self._key)
        now = self._now()
        record = self._book.record
        moment = max(
            self._due(held, asked=asked), pacing.may_try(record, now, asked=asked)
        )
        if moment > now:
            return min(LOOK, (moment - now).total_seconds())
        await self._try(held, self._key)
        return _AFTER

    def _due(self, held: Held | None, *, asked: bool) -> datetime:
        """Return when the next certificate is wanted."""
        record = self._book.record
        if held is None or asked or set(held.names) != set(self._settings.names):
            return self._now()
        if record.issued is None:  # it is another authority's
            return self._now()
        return pacing.renewal(held.leaf, record)

    # the certificate

    async def _try(self, held: Held | None, key: AccountKey) -> None:
        """Try to have a certificate."""
        now = self._now()
        await self._book.begin(pacing.began(self._book.record, now, self._chance))
        settings = self._settings
        ordering = Ordering(
            client=self._client(key),
            ledger=self._book,
            challenges=self._challenges,
            key=key,
            clock=self._clock,
            now=self._now,
            names=settings.names,
            kind=settings.challenge,
            email=settings.email,
            binding=settings.binding,
            replaces=self._replaced(held),
        )
        try:
            working = Deferred.fromCoroutine(ordering.run())
            chain, key_pem = await working.addTimeout(TRY, self._clock)
            record = pacing.succeeded(self._book.record, self._now())
            await self._book.take(chain, key_pem, record)
        except Trouble as trouble:
            await self._failed(trouble.sentence, trouble.wait)
        except Late:
            await self._failed(f"the authority took longer than {TRY / 60:.0f} min")
        except CancelledError:  # by the stop
            raise
        except Exception as error:  # noqa: BLE001 - a full disk's, or a fault of ours
            self._log.failure("A certificate could not be taken")
            await self._failed(str(error) or type(error).__name__)
        else:
            await self._show()

    def _replaced(self, held: Held | None) -> str:
        """Return how this authority knows the certificate of now; empty if not."""
        if held is None or self._book.record.issued is None:
            return ""
        return renewal_id(held.leaf) or ""

    async def _show(self) -> None:
        held = await self._book.held()
        if held is not None:
            self._present(held)
            self._log.info(
                "A certificate for {names} was issued, until {end}",
                names=", ".join(held.names),
                end=held.ends.isoformat(),
            )

    async def _failed(self, sentence: str, wait: timedelta | None = None) -> None:
        if not self.running:
            return  # the stop has ended it
        now = self._now()
        record = pacing.failed(self._book.record, now, sentence, wait=wait)
        await self._book.keep(record)
        moment = pacing.may_try(record, now, asked=False)
        self._log.warn(
            "No certificate: {reason}; next try at {moment} (failure {count} in a row)",
            reason=sentence,
            moment=f"{moment:%Y-%m-%d %H:%M:%S}Z",
            count=record.failures,
        )

    # advice

    async def _take_advice(self, held: Held, key: AccountKey) -> None:
        """Ask when *held* is to be renewed, now and then; a failure is no matter."""
        leaf_id, now, record = renewal_id(held.leaf), self._now(), self._book.record
        if leaf_id is None or record.issued is None:
            return
        look_at = record.look_at
        if look_at is not None and now < look_at <= now + _LATEST:
            return
        if pacing.may_try(record, now, asked=True) > now:
            return  # the authority wants to be left alone
        await self._book.keep(replace(record, look_at=now + _ADVICE))
        try:
            found = await self._client(key).renewal_info(leaf_id)
        except Trouble as trouble:
            self._log.info(
                "No advice on the renewal: {reason}", reason=trouble.sentence
            )
            if trouble.wait is not None:
                record = self._book.record
                waiting = pacing.asked_to_wait(record, self._now(), trouble.wait)
                await self._book.keep(waiting)
            return
        if found is None:
            return
        answer, info = found
        window = info.suggested_window
        record = pacing.advised(
            self._book.record, leaf_id, window.start, window.end, self._chance
        )
        wait = answer.wait(now) or _ADVICE
        look_at = now + min(max(wait, _SOONEST), _LATEST)
        await self._book.keep(replace(record, look_at=look_at))

    def _client(self, key: AccountKey) -> Client:
        return Client(self._exchange, self._settings.directory, key, self._now)
