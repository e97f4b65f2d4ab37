"""A small blocking websocket client (RFC 6455), independent of the product's own."""

import base64
import json
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any

from twisted.internet import reactor


def drop_timers() -> None:
    """Cancel the timers that autobahn started in the global reactor for websockets.

    A later test would be blamed for them.
    """
    for call in reactor.getDelayedCalls():
        if "_BatchedTimer" in str(call):
            call.cancel()


class Refused(Exception):
    """The handshake was answered with a status other than 101."""

    def __init__(self, status: int) -> None:
        """Keep the status."""
        super().__init__(status)
        self.status = status


class WebSocket:
    """One open websocket."""

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        context: ssl.SSLContext | None,
        headers: dict[str, str],
        *,
        source: str = "",
    ) -> None:
        """Connect and do the handshake, without TLS if there is no *context*.

        *source* is the source address, if given.

        :raises Refused: if the server does not upgrade.
        """
        plain = socket.create_connection(
            (host, port), timeout=60, source_address=(source, 0) if source else None
        )
        self._socket: socket.socket = plain
        if context is not None:
            self._socket = context.wrap_socket(plain, server_hostname=host)
        self._data = b""
        self._at = 0
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        if status != 101:
            self._socket.close()
            raise Refused(status)
        self.closed: int | None = None

    def _more(self) -> None:
        received = self._socket.recv(1 << 20)
        if not received:
            raise ConnectionError("the websocket ended")
        self._data += received

    def _take(self, size: int) -> bytes:
        while len(self._data) - self._at < size:
            self._data = self._data[self._at :]
            self._at = 0
            self._more()
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def settimeout(self, seconds: float) -> None:
        """Let a read fail after *seconds*, with :class:`TimeoutError`."""
        self._socket.settimeout(seconds)

    def payloads(self) -> Iterator[bytes]:
        """Yield each text message until the websocket is closed (see ``closed``)."""
        while True:
            first, second = self._take(2)
            size = second & 127
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8))
            payload = self._take(size)
            kind = first & 15
            if kind == 1:
                yield payload
            elif kind == 8:
                self.closed = struct.unpack("!H", payload[:2])[0] if payload else 1005
                return
            elif kind == 9:
                self._send(10, payload)

    def pinged(self) -> bool:
        """Wait for one frame, and return whether it is a ping."""
        first, second = self._take(2)
        self._take(second & 127)
        return first & 15 == 9

    def read(self) -> dict[str, Any] | None:
        """Return the next message, or ``None`` once it was closed (see ``closed``)."""
        for payload in self.payloads():
            message: dict[str, Any] = json.loads(payload)
            return message
        return None

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        assert len(payload) < 126, "longer ones have another head"
        self._socket.sendall(bytes([128 | kind, 128 | len(payload)]) + mask + masked)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._send(1, json.dumps(message).encode())

    def send_raw(self, data: bytes) -> None:
        """Send raw bytes, whether they are frames or not."""
        self._socket.sendall(data)

    def until_final(self, task: int) -> list[dict[str, Any]]:
        """Read the messages of *task* up to its final update."""
        messages = []
        while (message := self.read()) is not None:
            if message.get("task_id") == task:
                messages.append(message)
                if message.get("status") in {"success", "error", "stopped"}:
                    break
        return messages

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
