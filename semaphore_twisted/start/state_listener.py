"""Listens on the local socket through which jobs reach the states of Terraform."""

import contextlib
from pathlib import Path
from typing import ClassVar, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from typing_extensions import override

from semaphore_twisted.web.http.site import Site

#: The socket's name in the state directory.
NAME = "states.sock"


class UnixReactor(Protocol):
    """The part of the reactor that is used."""

    def listenUNIX(  # noqa: N802 - Twisted's name
        self, address: str, factory: Site, *, mode: int
    ) -> IListeningPort:
        """Listen on a socket at *address* with the permissions *mode*."""


class StateListener(Service):
    """Accepts connections on a socket in the state directory (mode 0600).

    Without the socket, jobs wait for it; a failure to create it is an error of the log.
    """

    name = "states"
    _log: ClassVar[Logger] = Logger()

    def __init__(self, path: Path, site: Site, *, reactor: UnixReactor) -> None:
        """Pass connections to the socket at *path* to *site*."""
        self._path = path
        self._site = site
        self._reactor = reactor
        self._port: IListeningPort | None = None

    @override
    def startService(self) -> None:
        """Replace a socket that an earlier server left, and listen."""
        super().startService()
        try:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            self._port = self._reactor.listenUNIX(
                str(self._path), self._site, mode=0o600
            )
        except (OSError, CannotListenError) as error:
            self._log.error(
                "{path}: {error}; tasks of Terraform cannot reach their states",
                path=str(self._path),
                error=error,
            )

    @override
    def stopService(self) -> "Deferred[object]":
        """Stop accepting; open connections end with the process."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return maybeDeferred(lambda: None)
        return maybeDeferred(port.stopListening)
