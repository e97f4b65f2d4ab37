"""A companion with scripted answers, on a real socket and in a thread."""

import shutil
import socket
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from attrs import define, field

from semaphore_twisted.wireguard import wire

#: Returns the answer to a request; bytes are sent raw, and end the connection.
Respond = Callable[[wire.Request], wire.Answer | bytes | None]


@define(eq=False)
class ScriptedCompanion:
    """Answers each request by calling *respond*; ``None`` closes the connection."""

    respond: Respond
    asked: list[wire.Request] = field(factory=list)
    #: the paths of sockets must be short
    folder: Path = field(factory=lambda: Path(tempfile.mkdtemp()))
    _socket: socket.socket = field(
        factory=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    )
    _thread: Thread | None = None

    @property
    def path(self) -> Path:
        """The path of its socket."""
        return self.folder / "vpn.sock"

    def start(self) -> None:
        """Listen."""
        self._socket.bind(str(self.path))
        self._socket.listen()
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and remove the directory."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        finally:
            self._socket.close()
            if self._thread is not None:
                self._thread.join(5)
            shutil.rmtree(self.folder)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(ConnectionError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while head := stream.read(4):
                (length,) = struct.unpack(">I", head)
                request = wire.decode_request(stream.read(length))
                self.asked.append(request)
                answer = self.respond(request)
                if answer is None:
                    return
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                    return
                content = wire.encode(answer)
                connection.sendall(struct.pack(">I", len(content)) + content)


def welcome(public_key: bytes = b"k" * 32, **changed: object) -> wire.Welcome:
    """Return a companion's answer to ``Hello``."""
    usual: dict[str, object] = {
        "version": wire.VERSION,
        "backend": "memory",
        "reason": "",
        "interface": "semaphore0",
        "index": 7,
        "public_key": public_key,
        "port": 51820,
        "mtu": 1420,
        "addresses": ("10.80.0.1",),
        "pools": ("10.80.0.0/16",),
        "sites": (),
        "tcp_ports": (53, 443),
        "udp_ports": (53,),
    }
    return wire.Welcome(**{**usual, **changed})  # type: ignore[arg-type]
