"""Loads renewed certificates from disk, from the operator or the local CA.

A pair of chain and key is checked before it is used; if it is unusable, the former pair
stays. Changed files may be incomplete for ten seconds, since chain and key are two
files.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from cryptography import x509
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.common.log_on_change import LogOnChange
from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto import pairs
from semaphore_twisted.crypto.certificates import covers, fingerprint
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.runtime.coalescer import Coalescer
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.start.certificates import status
from semaphore_twisted.start.certificates.authority import AuthorityLost, Certificates
from semaphore_twisted.start.certificates.status import CertificateStatus
from semaphore_twisted.start.file_watch import FileWatch
from semaphore_twisted.start.installation import InstallationRefused
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.web.listener.tls import (
    PemCertificates,
    context,
    digest_of,
    shake_hands,
)

#: Seconds between two checks whether a reload is due: the clock may have been set.
TICK = 60.0

#: How often the operator's files and the local CA are checked without notifications.
FILES, AUTHORITY = timedelta(seconds=TICK / 2), timedelta(hours=1)

#: Seconds between retries of an incomplete pair, and how long it is not an error.
RETRY, TIMEOUT = 2.0, 10.0

#: Returns chain and key, both PEM; raises :class:`InstallationRefused` if they are
#: unusable.
Newest = Callable[[], Awaitable[tuple[bytes, bytes]]]


def read_pair(config: Config) -> tuple[bytes, bytes]:
    """Read ``tls.cert_file`` and ``tls.key_file`` and check that they can be served.

    :raises InstallationRefused: with the option and the reason
    """
    contents = []
    for name, path in (
        ("cert_file", config.tls.cert_file),
        ("key_file", config.tls.key_file),
    ):
        try:
            contents.append(content_of(path))
        except OSError as error:
            raise InstallationRefused(f"tls.{name}: {path}: {error.strerror}") from None
    chain, key = contents
    where = f"tls.cert_file {config.tls.cert_file}, tls.key_file {config.tls.key_file}"
    try:
        pairs.check_pair(chain, key, utc_now())
        shake_hands(context(chain=chain, key=key))
    except pairs.UnusablePair as error:
        raise InstallationRefused(f"{where}: {error.message}") from None
    except ValueError as error:
        raise InstallationRefused(f"{where}: {error}") from None
    return chain, key


def of_files(config: Config) -> Newest:
    """Return a function that reads the operator's pair."""

    async def newest() -> tuple[bytes, bytes]:
        return read_pair(config)

    return newest


def of_authority(renew: Callable[[], "Deferred[Certificates]"]) -> Newest:
    """Return a function that runs *renew* and reads the local CA's pair."""

    async def newest() -> tuple[bytes, bytes]:
        try:
            made = await renew()
            return made.chain.read_bytes(), made.key.read_bytes()
        except AuthorityLost as error:
            raise InstallationRefused(str(error)) from None
        except OSError as error:
            raise InstallationRefused(f"{error.filename}: {error.strerror}") from None

    return newest


class CertificateReload(Service):
    """Reloads the pair periodically, when files change, and on request."""

    name = "renewal"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        source: PemCertificates,
        newest: Newest,
        *,
        every: timedelta,
        host: str,
        folder: Path,
        presented: Callable[[], x509.Certificate],
        files: Sequence[str],
        reactor: IReactorTime,
        now: Callable[[], datetime],
    ) -> None:
        """Load the pairs of *newest* into *source*; *files* are watched for changes.

        A pair for *host*, the site's own name, is not replaced by one that lacks it.
        Results are written to *folder*, with the certificate that clients are
        *presented*.
        """
        self._source = source
        self._newest = newest
        self._every = every
        self._host = host
        self._folder = folder
        self._presented = presented
        self._clock = reactor
        self._now = now
        self._checked = now()
        self._first_try: float | None = None
        self._again: IDelayedCall | None = None
        self._checks = Coalescer(
            self._check, log=self._log, sentence="The certificate could not be checked"
        )
        #: whether to store the next result even if nothing changed
        self._is_asked = False
        self._since: datetime | None = None
        self._reason = LogOnChange()
        self._watch = FileWatch(map(Path, files), self._changed, reactor=reactor)
        self._timer = LoopingCall(self._tick)
        self._timer.clock = reactor

    @override
    def startService(self) -> None:
        """Start the periodic check and the file watch."""
        super().startService()
        self._watch.arm()
        self._remember()
        ticking = self._timer.start(TICK, now=False)
        log_errors(
            ticking, log=self._log, sentence="The periodic check of certificates ended"
        )

    @override
    def stopService(self) -> None:
        """Stop the periodic check and the file watch."""
        super().stopService()
        self._watch.stop()
        if self._timer.running:
            self._timer.stop()
        if self._again is not None and self._again.active():
            self._again.cancel()

    @property
    def why(self) -> str:
        """The reason why the newest pair is not used; empty if it is."""
        return self._reason.state

    def check(self) -> None:
        """Check now, and store the result in any case."""
        self._first_try = None
        self._is_asked = True
        self._begin()

    def _changed(self) -> None:
        self._first_try = None
        self._begin()

    def _tick(self) -> None:
        passed = self._now() - self._checked
        if self.why or passed >= self._every or passed < timedelta(0):
            self._begin()

    def _begin(self) -> None:
        if self.running:
            self._checks.call()

    async def _check(self) -> None:
        asked, self._is_asked = self._is_asked, False
        self._checked = self._now()
        try:
            changed = self._take(*await self._newest())
        except InstallationRefused as error:
            self._not_used(error.sentence, asked=asked)
        except Exception as error:  # noqa: BLE001 - the former pair stays in use
            self._log.failure("The certificate could not be renewed")
            self._not_used(f"it failed ({type(error).__name__})", asked=True)
        else:
            recovered, self._since = self._reason.clear(), None
            self._first_try = None
            if changed or recovered or asked:
                self._remember()

    def _take(self, chain: bytes, key: bytes) -> bool:
        """Use the pair; return whether it differs from the former one.

        :raises InstallationRefused: if it cannot be used
        """
        leaf = x509.load_pem_x509_certificate(chain)
        if digest_of(chain, key) == self._source.digest:
            return False
        if covers(self._source.leaf, self._host) and not covers(leaf, self._host):
            names = ", ".join(pairs.names_of(leaf))
            raise InstallationRefused(
                f"the new certificate is for {names}; expected {self._host} "
                "(web_host), "
                "which the former certificate has"
            )
        try:
            self._source.reload(chain=chain, key=key)
        except ValueError as error:
            raise InstallationRefused(str(error)) from None
        self._log.info(
            "A new certificate is served; it is valid until {end}",
            end=f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M}Z",
        )
        return True

    def _not_used(self, why: str, *, asked: bool) -> None:
        """Log and store the reason, unless the pair may be incomplete yet."""
        now = self._clock.seconds()
        if self._first_try is None:
            self._first_try = now
        young = now - self._first_try < TIMEOUT
        if young and not asked and not self.why:
            if self._again is None or not self._again.active():
                self._again = self._clock.callLater(RETRY, self._begin)
            return
        changed = self._reason.log(
            why,
            self._log.error,
            "The new certificate is not used: {reason}",
            reason=why,
        )
        self._since = self._since or self._now()
        if changed or asked:
            self._remember()

    def _remember(self) -> None:
        check = CertificateStatus(
            checked=self._now(),
            sha256=fingerprint(self._presented()),
            why=self.why,
            failing_since=self._since,
        )
        try:
            status.keep(self._folder, check)
        except OSError as error:
            self._log.warn("{file}: {why}", file=error.filename, why=error.strerror)
