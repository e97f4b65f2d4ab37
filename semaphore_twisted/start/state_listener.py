"""Listens on the local socket through which jobs reach the states of Terraform."""

import contextlib
from pathlib import Path
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorUNIX,
)
from twisted.logger import Logger
from typing_extensions import override

#: The socket's name in the state directory.
NAME = "states.sock"


class StateListener(Service):
    """Accepts connections on a socket in the state directory (mode 0600).

    Without the socket, jobs wait for it; a failure to create it is an error of the log.
    """

    name = "states"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, path: Path, factory: IProtocolFactory, *, reactor: IReactorUNIX
    ) -> None:
        """Pass connections to the socket at *path* to *factory*."""
        self._path = path
        self._factory = factory
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
                str(self._path), self._factory, mode=0o600
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
