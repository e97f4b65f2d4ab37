"""Passes requests of a job to the server's socket for states of Terraform.

Started by ``jobs/state_relay.py PORT SERVER READY JOB``, by the server's user: the
job's user can reach neither the socket SERVER nor this process. It listens on PORT of
127.0.0.1 until it is ended with the job. READY is a socket that appears once the port
is taken, JOB the file of the spool that names the job's user. The standard input is the
value of the header ``Authorization`` that the job sends.

Every local program can connect to the port, so a request is passed on only if its head
has that value. A connection has one request, and each wait in it has a time limit.
Connections without such a head are few, and give way to newer ones: first those of
other users, then the oldest. Only authenticated requests hold a place.

While the server restarts, a request waits for it. If the server ends before it answers,
the answer is 503, so Terraform sends the request again: no state is lost. After SIGTERM
the requests that have begun are finished. There is one thread, and a connection has at
most :data:`HEAD` and four times :data:`_PART` bytes here.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time

from semaphore_twisted.jobs.supervision.state_requests import (
    HEAD,
    RequestRefused,
    end_of,
    read_head,
    users_at,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Authenticated requests at a time; Terraform has one or two.
PLACES = 32
#: Other connections: heads that arrive, and refusals that are sent.
STRANGERS = 64
#: Connections that are accepted before the others are looked at again, that wait for
#: this, and bytes that are read at a time.
_ACCEPTED = 16
_BACKLOG = 1024
_PART = 64 * 1024


class Seconds:
    """How long a relay waits."""

    #: For a head.
    head = 10.0
    #: Until a client has read a refusal, or the end of an answer.
    end = 5.0
    #: For the server, and between two attempts to reach it.
    server = 900.0
    pause = 0.25
    #: For a byte in any direction, during a request and its answer.
    stalled = 120.0
    #: For the answer to a client that has ended, and after SIGTERM for all.
    finish = 30.0


class Exchange:
    """One connection of a client: its request, and the server's answer."""

    def __init__(self, client: socket.socket, end: bytes, deadline: float) -> None:
        self.client = client
        #: The address of the client, by :func:`end_of`.
        self.end = end
        self.server: socket.socket | None = None
        self.deadline = deadline
        #: Whether the request is authenticated, and needs its place.
        self.authentic = False
        self.waiting = False
        self.answered = False
        #: The whole answer is in *to_client*; what the client still sends is dropped.
        self.concluded = False
        #: The client sends nothing more; it may still read, unless it has gone.
        self.client_ended = False
        self.gone = False
        self.finished = False
        self.head = bytearray()
        #: Bytes of the body that have not arrived.
        self.missing = 0
        self.to_server = bytearray()
        self.to_client = bytearray()

    @property
    def complete(self) -> bool:
        """Whether the whole request has arrived."""
        return self.authentic and not self.missing


class Relay:
    """Accepts connections of *listener*, and passes their requests on to *server*.

    *password* is the value of ``Authorization``, *uid* the user of the job, ``None`` if
    it is not known.
    """

    def __init__(
        self,
        listener: socket.socket,
        server: str,
        *,
        password: bytes,
        uid: int | None,
        seconds: Seconds,
    ) -> None:
        self._listener = listener
        self._server = server
        self._password = password
        self._uid = uid
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        listener.settimeout(0)
        self._selector.register(listener, selectors.EVENT_READ)
        #: The oldest first.
        self._exchanges: dict[Exchange, None] = {}
        self._stop_at: float | None = None

    def stop(self) -> None:
        """Accept no more connections, and finish the requests that have begun."""
        if self._stop_at is None:
            self._stop_at = time.monotonic() + self._seconds.finish

    def run(self, woken: socket.socket) -> None:
        """Pass requests on until :meth:`stop`; *woken* is readable after a signal."""
        self._selector.register(woken, selectors.EVENT_READ)
        stopped = False
        while not stopped or self._exchanges:
            now = time.monotonic()
            events = self._selector.select(self._pause(now))
            accepting = False
            # Heads that have arrived come before new connections, which take places.
            for key, _ in events:
                if key.fileobj is woken:
                    woken.recv(_PART)
                elif key.fileobj is self._listener:
                    accepting = True
                else:
                    self._advance(key.data)
            if accepting:
                self._accept()
            self._look_at_times()
            if self._stop_at is not None:
                if not stopped:
                    stopped = True
                    self._selector.unregister(self._listener)
                    self._listener.close()
                overdue = time.monotonic() > self._stop_at
                for each in list(self._exchanges):
                    if overdue or not (each.authentic or each.to_client):
                        self._close(each)

    def _pause(self, now: float) -> float | None:
        """Return how long nothing has to be done, ``None`` without a limit."""
        times = [each.deadline for each in self._exchanges]
        if any(each.waiting for each in self._exchanges):
            times.append(now + self._seconds.pause)
        if self._stop_at is not None:
            times.append(self._stop_at)
        return max(0.0, min(times) - now) + 0.001 if times else None

    def _look_at_times(self) -> None:
        """Try to reach the server, and end what has waited for too long."""
        now = time.monotonic()
        for each in list(self._exchanges):
            if each.waiting:
                self._connect(each)
            if each.finished or now < each.deadline:
                continue
            if each.authentic and not (each.answered or each.concluded):
                self._conclude(each, _lost())
            else:
                self._close(each)

    # Places.

    def _accept(self) -> None:
        for _ in range(_ACCEPTED):
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                time.sleep(0.01)  # the system has no more descriptors
                return
            client.settimeout(0)
            self._make_room()
            limit = time.monotonic() + self._seconds.head
            exchange = Exchange(client, end_of(address), limit)
            self._exchanges[exchange] = None
            self._selector.register(client, selectors.EVENT_READ, exchange)
            self._advance(exchange)

    def _make_room(self) -> None:
        """Close connections without an authenticated request if there are many."""
        strangers = [each for each in self._exchanges if not each.authentic]
        if len(strangers) < STRANGERS:
            return
        others = [] if self._uid is None else self._others(strangers, self._uid)
        for each in others or strangers[:1]:
            self._close(each)

    def _others(self, strangers: list[Exchange], uid: int) -> list[Exchange]:
        """Return those of *strangers* that belong to another user than *uid*."""
        port = self._listener.getsockname()[1]
        users = users_at(port)
        return [each for each in strangers if users.get(each.end, uid) != uid]

    # A connection.

    def _advance(self, each: Exchange) -> None:
        """Read and write what is possible now."""
        if each.finished:
            return
        try:
            self._from_client(each)
            if each.server is not None:
                self._with_server(each, each.server)
            if each.to_client:
                self._moved(each, _send(each.client, each.to_client))
        except OSError:
            # The client has gone; what it has sent whole still reaches the server.
            if each.concluded or not each.complete:
                self._close(each)
                return
            each.gone = True
            each.to_client.clear()
            self._end_client(each)
        if each.concluded and not each.to_client:
            if each.client_ended:
                self._close(each)
                return
            each.authentic = False
            with contextlib.suppress(OSError):
                each.client.shutdown(socket.SHUT_WR)
        self._watch(each)

    def _from_client(self, each: Exchange) -> None:
        if each.client_ended or len(each.to_server) >= _PART:
            return
        data = _receive(each.client)
        if data is None:
            return
        if not data:
            if not (each.complete or each.concluded):
                raise ConnectionAbortedError
            self._end_client(each)
        elif each.concluded:
            pass
        elif each.authentic:
            self._body(each, data)
        else:
            each.head += data
            self._try_head(each)

    def _end_client(self, each: Exchange) -> None:
        """Limit the time of an exchange whose client sends nothing more."""
        if not each.client_ended:
            each.client_ended = True
            each.deadline = min(each.deadline, time.monotonic() + self._seconds.finish)

    def _body(self, each: Exchange, data: bytes) -> None:
        """Pass on what belongs to the body; more than that is dropped."""
        part = data[: each.missing]
        each.missing -= len(part)
        each.to_server += part
        self._moved(each, len(part))

    def _try_head(self, each: Exchange) -> None:
        """Pass the request on once its head has arrived, or refuse it."""
        end = each.head.find(b"\r\n\r\n")
        if end < 0 and len(each.head) < HEAD:
            return
        try:
            head, length = self._admitted(each.head, end + 4 if end >= 0 else HEAD + 1)
        except RequestRefused as refused:
            self._conclude(each, refused)
            return
        rest = bytes(each.head[end + 4 :])
        each.head.clear()
        each.authentic = each.waiting = True
        each.missing = length
        each.to_server += head
        self._body(each, rest)
        each.deadline = time.monotonic() + self._seconds.server
        self._connect(each)

    def _admitted(self, data: bytearray, length: int) -> tuple[bytes, int]:
        """Return what :func:`read_head` does for the head of *length* bytes.

        :raises RequestRefused: also if the head is too large, or no place is free
        """
        if length > HEAD:
            raise RequestRefused(431, f"The head of a request may have {HEAD} bytes")
        admitted = read_head(bytes(data[:length]), self._password)
        if sum(each.authentic for each in self._exchanges) >= PLACES:
            raise RequestRefused(
                503, f"{PLACES} requests are in progress; send it again"
            )
        return admitted

    def _connect(self, each: Exchange) -> None:
        """Connect to the server, if it listens."""
        server = socket.socket(socket.AF_UNIX)
        server.settimeout(0)
        try:
            server.connect(self._server)
        except OSError:
            server.close()
            return
        each.server, each.waiting = server, False
        limit = self._seconds.finish if each.client_ended else self._seconds.stalled
        each.deadline = time.monotonic() + limit
        self._selector.register(server, selectors.EVENT_WRITE, each)

    def _with_server(self, each: Exchange, server: socket.socket) -> None:
        """Exchange bytes with the server; its end is that of the connection."""
        try:
            if each.to_server:
                self._moved(each, _send(server, each.to_server))
        except OSError:
            each.to_server.clear()  # an answer may be there all the same
            each.missing = 0
        if len(each.to_client) >= _PART:
            return
        try:
            data = _receive(server)
        except OSError:
            data = b""
        if data:
            each.answered = True
            if not each.gone:
                each.to_client += data
            self._moved(each, len(data))
        elif data is not None:
            self._conclude(each, None if each.answered else _lost())

    def _conclude(self, each: Exchange, refused: RequestRefused | None) -> None:
        """Send the rest of the answer, or *refused*; then the place is free."""
        if each.server is not None:
            self._unregister(each.server)
            each.server.close()
            each.server = None
        each.waiting = False
        each.concluded = True
        each.head.clear()
        each.to_server.clear()
        if refused is not None and not each.gone:
            each.to_client += refused.answer()
        each.deadline = time.monotonic() + self._seconds.end
        if each.gone:
            self._close(each)
        else:
            self._watch(each)

    def _moved(self, each: Exchange, number: int) -> None:
        """Extend the time, since *number* bytes have moved."""
        if number and not (each.waiting or each.concluded or each.client_ended):
            each.deadline = time.monotonic() + self._seconds.stalled

    def _watch(self, each: Exchange) -> None:
        """Wait for what the exchange can do next."""
        if each.finished:
            return
        reads = not each.client_ended and len(each.to_server) < _PART
        self._register(each.client, each, reads=reads, writes=bool(each.to_client))
        if each.server is not None:
            self._register(
                each.server,
                each,
                reads=len(each.to_client) < _PART,
                writes=bool(each.to_server),
            )

    def _register(
        self, end: socket.socket, each: Exchange, *, reads: bool, writes: bool
    ) -> None:
        events = selectors.EVENT_READ * reads | selectors.EVENT_WRITE * writes
        self._unregister(end)
        if events:
            self._selector.register(end, events, each)

    def _unregister(self, end: socket.socket) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(end)

    def _close(self, each: Exchange) -> None:
        """End both directions, unless that is done."""
        if each.finished:
            return
        each.finished = True
        self._exchanges.pop(each, None)
        for end in filter(None, (each.client, each.server)):
            self._unregister(end)
            end.close()


def _lost() -> RequestRefused:
    return RequestRefused(
        503, "The server ended before it answered; send the request again"
    )


def _receive(source: socket.socket) -> bytes | None:
    """Return bytes of *source*: empty at its end, ``None`` if there are none now."""
    try:
        return source.recv(_PART)
    except BlockingIOError:
        return None


def _send(target: socket.socket, content: bytearray) -> int:
    """Send what is possible of *content*, remove it there, and return its length."""
    try:
        number = target.send(content)
    except BlockingIOError:
        return 0
    del content[:number]
    return number


def _stop_on(relay: Callable[[], None]) -> socket.socket:
    """Call *relay* at SIGTERM; return a socket that is readable then."""
    woken, wakes = socket.socketpair()
    wakes.settimeout(0)
    signal.set_wakeup_fd(wakes.detach())
    signal.signal(signal.SIGTERM, lambda *_: relay())
    return woken


def main(argv: list[str]) -> None:
    """Listen, and pass requests on, until SIGTERM."""
    port, server, ready, job = int(argv[1]), argv[2], argv[3], argv[4]
    with open(job, "rb") as file:
        uid = json.load(file)["uid"]
    if uid == os.geteuid():
        uid = None  # nothing tells the job from others then
    password = sys.stdin.buffer.read()
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    relay = Relay(listener, server, password=password, uid=uid, seconds=Seconds())
    woken = _stop_on(relay.stop)
    announced = socket.socket(socket.AF_UNIX)
    announced.bind(ready)
    announced.listen()
    relay.run(woken)
