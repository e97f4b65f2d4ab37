"""Small services that belong to no other package."""

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.config.options import Config
from semaphore_twisted.start.certificates.authority import Certificates
from semaphore_twisted.start.certificates.reload import read_pair
from semaphore_twisted.start.first_start import ReadyInstallation
from semaphore_twisted.start.listening import adopt
from semaphore_twisted.web.listener.tls import PemCertificates


class PartService(Service):
    """Wraps an object with ``startService`` and ``stopService`` as a service."""

    def __init__(
        self, name: str, start: Callable[[], object], stop: Callable[[], object]
    ):
        """Call *start* and *stop*; both may return a Deferred."""
        self.name = name
        self._start = start
        self._stop = stop

    @override
    def startService(self) -> "Deferred[object]":
        """Call *start*; fires when it is done."""
        super().startService()
        return maybeDeferred(self._start)

    @override
    def stopService(self) -> "Deferred[object]":
        """Call *stop*; fires when it is done."""
        super().stopService()
        return maybeDeferred(self._stop)


class ListenerService(Service):
    """Accepts connections on a socket that is already bound."""

    name = "listener"

    def __init__(
        self,
        listener: socket.socket,
        factory: IProtocolFactory,
        *,
        reactor: Any,
    ) -> None:
        """Pass connections on *listener* to *factory*."""
        self._listener = listener
        self._factory = factory
        self._reactor = reactor
        self._port: IListeningPort | None = None

    @override
    def startService(self) -> None:
        """Start to accept connections."""
        super().startService()
        self._port = self._reactor.adoptStreamPort(
            adopt(self._listener), self._listener.family, self._factory
        )
        self._listener.close()

    @override
    def stopService(self) -> "Deferred[object]":
        """Stop accepting; open connections end with the process."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return maybeDeferred(lambda: None)
        return maybeDeferred(port.stopListening)


def own_pair(config: Config) -> PemCertificates:
    """Return the operator's certificate and key.

    :raises Refused: with the option and the reason
    """
    chain, key = read_pair(config)
    return PemCertificates(chain=chain, key=key)


def local_pair(made: Certificates) -> PemCertificates:
    """Return the local CA's chain and key."""
    return PemCertificates(
        chain=made.chain.read_bytes(),
        key=made.key.read_bytes(),
    )


class Warnings(Service):
    """Logs warnings about the installation at each start."""

    name = "warnings"
    _log: ClassVar[Logger] = Logger()

    def __init__(self, ready: ReadyInstallation, sentences: tuple[str, ...]) -> None:
        """Log the warnings of *ready* and *sentences*."""
        self._made = ready
        self._sentences = sentences

    @override
    def startService(self) -> None:
        """Log the warnings; write the current process number into the lock."""
        super().startService()
        self._made.lock.sign()
        for sentence in (*self._made.warnings, *self._sentences):
            self._log.warn("{sentence}", sentence=sentence)
