"""Listens on the local socket through which jobs reach the states of Terraform."""

import contextlib
import os
import socket
from pathlib import Path
from typing import ClassVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorSocket,
)
from twisted.logger import Logger
from typing_extensions import override

#: The socket's name in the state directory.
NAME = "states.sock"

_BACKLOG = 50


class StateListener(Service):
    """Accepts connections on a socket in the state directory (mode 0600).

    Without the socket, jobs wait for it; a failure to create it is an error of the log.
    """

    name = "states"
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, path: Path, factory: IProtocolFactory, *, reactor: IReactorSocket
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
            listener = self._bound()
        except OSError as error:
            self._log.error(
                "{path}: {error}; tasks of Terraform cannot reach their states",
                path=str(self._path),
                error=error.strerror,
            )
            return
        with listener:
            self._port = self._reactor.adoptStreamPort(
                listener.fileno(), socket.AF_UNIX, self._factory
            )

    @override
    def stopService(self) -> "Deferred[object]":
        """Stop accepting; open connections end with the process."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return maybeDeferred(lambda: None)
        return maybeDeferred(port.stopListening)

    def _bound(self) -> socket.socket:
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # a name that fits into the 107 bytes of a socket's address
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        before = os.umask(0o177)
        try:
            listener.bind(f"/proc/self/fd/{folder}/{self._path.name}")
            listener.listen(_BACKLOG)
            listener.setblocking(False)  # noqa: FBT003 - no keyword
        except BaseException:
            listener.close()
            raise
        finally:
            os.umask(before)
            os.close(folder)
        return listener
