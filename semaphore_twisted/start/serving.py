"""The parts of the server's process that are not anybody else's: as services."""

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.config import Config
from semaphore_twisted.start.authority import Certificates
from semaphore_twisted.start.first_start import Complete
from semaphore_twisted.start.listening import adopt
from semaphore_twisted.start.renewal import read_pair
from semaphore_twisted.web.tls import PemCertificates


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


def own_pair(config: Config) -> PemCertificates:
    """Return the operator's certificate and key.

    :raises Refused: with the option and the reason.
    """
    chain, key = read_pair(config)
    return PemCertificates(chain=chain, key=key)


def local_pair(made: Certificates) -> PemCertificates:
    """Return the local authority's chain and key."""
    return PemCertificates(
        chain=made.chain.read_bytes(),
        key=made.key.read_bytes(),
    )


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
