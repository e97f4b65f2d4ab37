"""Requests to the relay of a state: their heads, refusals, and senders."""

from __future__ import annotations

import contextlib
import hmac
import json
import re
import socket
import sys

#: Bytes of a head, the limit of the server.
HEAD = 16 * 1024

#: Characters of an address of IPv4 with its port, as they are in ``/proc/net/tcp``.
_END_LENGTH = 13
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    411: "Length Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class RequestRefused(Exception):
    """A request is not passed on; the answer has *status* and *sentence*."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    def answer(self) -> bytes:
        """Return the answer, after which the connection ends."""
        body = json.dumps({"error": str(self)}).encode()
        again = "Retry-After: 1\r\n" if self.status == 503 else ""
        ask = 'WWW-Authenticate: Basic realm="state"\r\n' if self.status == 401 else ""
        head = (
            f"HTTP/1.1 {self.status} {_PHRASES[self.status]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{again}{ask}Connection: close\r\n\r\n"
        )
        return head.encode() + body


def read_head(head: bytes, password: bytes) -> tuple[bytes, int]:
    """Return the *head* to pass on, and the bytes of the body that follows it.

    The *head* ends with an empty line; *password* is the value of ``Authorization``.
    The returned one asks the server to end the connection after its answer.

    :raises RequestRefused: if the password is wrong, or the request cannot be read
    """
    first, *lines = head[:-4].split(b"\r\n")
    fields: dict[bytes, list[bytes]] = {}
    kept = [first]
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.match(name) or b"\n" in value or b"\r" in value:
            raise RequestRefused(
                400, "The head of the request cannot be read (RFC 9112)"
            )
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
        if name.lower() not in {b"connection", b"keep-alive", b"proxy-connection"}:
            kept.append(line)
    sent = fields.get(b"authorization", [])
    if len(sent) != 1 or not hmac.compare_digest(sent[0], password):
        raise RequestRefused(401, "Login or password of the state is wrong")
    if b"transfer-encoding" in fields:
        raise RequestRefused(
            411, "A request to the state needs the header Content-Length"
        )
    lengths = fields.get(b"content-length", [b"0"])
    if len(lengths) != 1 or not _LENGTH.match(lengths[0]):
        raise RequestRefused(400, "Content-Length: invalid value; expected one number")
    return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n", int(lengths[0])


def users_at(port: int) -> dict[bytes, int]:
    """Return the users of all programs that are connected to the local *port*.

    Keys are the addresses of their ends as in ``/proc/net/tcp`` (``proc(5)``). Programs
    may use sockets of IPv6 for addresses of IPv4, which are in another file.
    """
    users = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, "rb") as lines:
            for line in lines:
                fields = line.split()
                if fields[2].endswith(b":%04X" % port):
                    users[fields[1][-_END_LENGTH:]] = int(fields[7])
    return users


def end_of(address: tuple[str, int]) -> bytes:
    """Return an *address* of IPv4 with its port as a key of :func:`users_at`."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return b"%08X:%04X" % (number, address[1])
