"""The parts of the server's process that are not anybody else's: as services."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from cryptography import x509
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.config import Config
from semaphore_twisted.crypto import pairs
from semaphore_twisted.deferreds import forget
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start.authority import Certificates
from semaphore_twisted.start.first_start import Complete
from semaphore_twisted.start.installation import Refused
from semaphore_twisted.start.listening import adopt
from semaphore_twisted.web.tls import PemCertificates, context

#: Seconds between two looks at whether a certificate is due or was replaced.
LOOK_SECONDS = 3600.0


class Part(Service):
    """Something with ``startService`` and ``stopService`` of its own, as a service."""

    def __init__(self, name: str, start: Callable[[], Any], stop: Callable[[], Any]):
        """Call *start* and *stop*; both may return a Deferred."""
        self.name = name
        self._start = start
        self._stop = stop

    @override
    def startService(self) -> "Deferred[Any]":
        """Start, and wait for it."""
        super().startService()
        return maybeDeferred(self._start)

    @override
    def stopService(self) -> "Deferred[Any]":
        """Stop, and wait for it."""
        super().stopService()
        return maybeDeferred(self._stop)


class Listener(Service):
    """Accepts connections on a socket that was bound before."""

    name = "listener"

    def __init__(
        self, listener: socket.socket, factory: IProtocolFactory, *, reactor: Any
    ) -> None:
        """Hand connections on *listener* to *factory*."""
        self._listener = listener
        self._factory = factory
        self._reactor = reactor
        self._port: IListeningPort | None = None

    @override
    def startService(self) -> None:
        """Begin to accept."""
        super().startService()
        self._port = self._reactor.adoptStreamPort(
            adopt(self._listener), self._listener.family, self._factory
        )
        self._listener.close()

    @override
    def stopService(self) -> "Deferred[Any]":
        """Accept no more; open connections end with the process."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return maybeDeferred(lambda: None)
        return maybeDeferred(port.stopListening)


def read_pair(config: Config) -> tuple[bytes, bytes]:
    """Read ``tls.cert_file`` and ``tls.key_file`` and check that they can serve.

    :raises Refused: with the option and the reason.
    """
    contents = []
    for name, path in (
        ("cert_file", config.tls.cert_file),
        ("key_file", config.tls.key_file),
    ):
        try:
            contents.append(Path(path).read_bytes())
        except OSError as error:
            raise Refused(f"tls.{name}: {path}: {error.strerror}") from None
    chain, key = contents
    try:
        pairs.check_pair(chain, key, utc_now())
        context(chain=chain, key=key)
    except pairs.UnusablePair as error:
        raise Refused(f"tls.cert_file: {error.message}") from None
    except ValueError as error:
        raise Refused(f"tls.cert_file: {error}") from None
    return chain, key


def own_pair(config: Config) -> PemCertificates:
    """Return the operator's certificate and key.

    :raises Refused: with the option and the reason.
    """
    chain, key = read_pair(config)
    return PemCertificates(chain=chain, key=key, fingerprint="")


def local_pair(made: Certificates) -> PemCertificates:
    """Return the local authority's chain and key."""
    return PemCertificates(
        chain=made.chain.read_bytes(),
        key=made.key.read_bytes(),
        fingerprint=made.fingerprint,
    )


class Renewal(Service):
    """Takes in certificates that were renewed, by us or on the disk."""

    name = "renewal"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        *,
        source: PemCertificates,
        config: Config,
        renew: Callable[[], "Deferred[Certificates]"] | None,
        clock: IReactorTime,
    ) -> None:
        """Use *renew* for the local authority's; files are read again without it."""
        self._source = source
        self._config = config
        self._renew = renew
        self._seen = self._stamp()
        self._timer = LoopingCall(self._look)
        self._timer.clock = clock

    @override
    def startService(self) -> None:
        """Look from time to time."""
        super().startService()
        looking = self._timer.start(LOOK_SECONDS, now=False)
        forget(looking, log=self._log, sentence="Certificates are not looked at")

    @override
    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._timer.running:
            self._timer.stop()

    def look(self) -> None:
        """Look now: somebody asked for it."""
        if self._timer.running:
            self._timer.reset()
            forget(self._look(), log=self._log, sentence="The certificate is not read")

    def _look(self) -> "Deferred[None]":
        looking = Deferred.fromCoroutine(self._take())

        def failed(failure: Any) -> None:
            self._log.failure("The certificate could not be renewed", failure)

        return looking.addErrback(failed)

    async def _take(self) -> None:
        if self._renew is not None:
            made = await self._renew()
            chain = made.chain.read_bytes()
            # the command line may have renewed it as well
            if x509.load_pem_x509_certificate(chain) != self._source.leaf:
                self._source.reload(chain=chain, key=made.key.read_bytes())
                self._log.info("The certificate was renewed")
            return
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            chain, key = read_pair(self._config)
        except Refused as error:
            self._log.error(
                "The new certificate is not used: {reason}", reason=error.sentence
            )
            return
        self._source.reload(chain=chain, key=key)
        self._log.info("The certificate was replaced")

    def _stamp(self) -> tuple[object, ...]:
        if self._renew is not None:
            return ()
        stamps: list[object] = []
        for path in (self._config.tls.cert_file, self._config.tls.key_file):
            try:
                found = Path(path).stat()
                stamps.append((found.st_mtime_ns, found.st_ino, found.st_size))
            except OSError as error:
                stamps.append(error.errno)
        return tuple(stamps)


class Warnings(Service):
    """Says at each start what is odd about the installation, into the log."""

    name = "warnings"
    _log: ClassVar[Logger] = Logger()

    def __init__(self, made: Complete, sentences: tuple[str, ...]) -> None:
        """Say what *made* and *sentences* have to say."""
        self._made = made
        self._sentences = sentences

    @override
    def startService(self) -> None:
        """Say it; the lock gets this process's number, which a fork has changed."""
        super().startService()
        self._made.lock.sign()
        for sentence in (*self._made.warnings, *self._sentences):
            self._log.warn("{sentence}", sentence=sentence)
