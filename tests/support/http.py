"""A client for the whole site in memory: bytes in, bytes out, without a port."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

import msgspec
from attrs import define, field, frozen
from sqlalchemy import select
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.interfaces import ComputeFunction, IScheduleControl, ITaskControl
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.model.users import TokenScope, User
from semaphore_twisted.operations.events import changes
from semaphore_twisted.operations.projects.demo import DemoFiles
from semaphore_twisted.operations.visibility import audiences
from semaphore_twisted.persistence import schema
from semaphore_twisted.tasks.previews import previewed
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.http.root import build_site
from semaphore_twisted.web.http.routing import Route
from semaphore_twisted.web.http.site import Site
from semaphore_twisted.web.page.files import BuiltPage
from semaphore_twisted.web.websocket.endpoint import framing, server_factory
from semaphore_twisted.web.websocket.hub import Hub
from tests.support.contract import mismatches
from tests.support.memory import (
    PASSWORD,
    Entropy,
    MemoryDatabase,
    make_session,
    make_token,
    make_user,
)
from tests.support.orders import options as job_options

_ANYBODY = select(schema.user.c.id)

_ABSENT: Any = object()


@implementer(ISSLTransport)
class TlsTransport(StringTransport):
    """A transport that claims to be encrypted."""

    def getPeerCertificate(self) -> None:
        """Return ``None``: clients have no certificate here."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Ignore the option, which Twisted sets on every TCP connection."""

    def getTcpNoDelay(self) -> bool:
        """Report the option as not set."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Ignore the option."""

    def getTcpKeepAlive(self) -> bool:
        """Report the option as not set."""
        return False

    def loseWriteConnection(self) -> None:
        """Close the whole connection; half of it cannot be closed."""
        self.loseConnection()


#: A site that checks no inventories and repositories.
NO_CHECKS: Any = None

#: The repository of demo projects.
DEMO = DemoFiles(url="file:///srv/semaphore/demo", python="/usr/bin/python3")

#: The operation that shows what a task would receive.
preview = partial(previewed, job_options("/srv/semaphore"))


@implementer(ITaskControl)
@define(eq=False)
class RecordingTasks:
    """A task service that only records calls."""

    woken: int = 0
    stopped: list[tuple[TaskId, bool]] = field(factory=list)
    changes: list[Task] = field(factory=list)
    flushed: list[TaskId] = field(factory=list)

    def wake(self) -> None:
        """Count the call."""
        self.woken += 1

    def changed(self, task: Task) -> None:
        """Record *task*, and count the call."""
        self.changes.append(task)
        self.woken += 1

    def stop(self, task_id: TaskId, *, force: bool) -> Deferred[None]:
        """Record *task_id*."""
        self.stopped.append((task_id, force))
        return succeed(None)

    def flush(self, task_id: TaskId) -> Deferred[None]:
        """Record *task_id*."""
        self.flushed.append(task_id)
        return succeed(None)


@implementer(IScheduleControl)
@define(eq=False)
class RecordingSchedules:
    """A service of schedules that only counts calls."""

    woken: int = 0

    def wake(self) -> None:
        """Count the call."""
        self.woken += 1


@frozen
class Answer:
    """An answer; unpacks into status, headers and JSON."""

    status: int
    #: lists of values by name in lower case
    headers: dict[str, list[str]]
    body: bytes

    def __iter__(self) -> Iterator[Any]:
        """Yield status, headers and JSON."""
        return iter((self.status, self.headers, self.json))

    @property
    def json(self) -> Any:
        """The decoded body; ``None`` if it is empty or not JSON."""
        if self.body and self.header("content-type") == "application/json":
            return msgspec.json.decode(self.body)
        return None

    def header(self, name: str) -> str | None:
        """Return the last value of a header."""
        values = self.headers.get(name.lower())
        return values[-1] if values else None


def _chunks(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        whole += body[:length]
        body = body[length + 2 :]
        if length == 0:
            break
    return whole


def parse(data: bytes) -> Answer:
    """Return the single answer in *data*, the bytes from a server."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    if headers.get("transfer-encoding") == ["chunked"]:
        body = _chunks(body)
    return Answer(int(first.split()[1]), headers, body)


def _slow(transport: StringTransport) -> Callable[[Iterable[bytes]], None]:
    """Return a ``writeSequence`` that once reports that the buffer is full."""
    write = transport.writeSequence
    said = False

    def writing(data: Iterable[bytes]) -> None:
        nonlocal said
        write(data)
        if not said and b"\r\n\r\n" in transport.value():
            said = True
            producer: Any = transport.producer
            producer.pauseProducing()

    return writing


@define(eq=False, kw_only=True)
class ApiClient:
    """Sends requests to a site with the session's cookie or a token.

    *host* is the Host header, *peer* the client's address, *secure* says whether the
    connection uses TLS.
    """

    site: Site
    database: Any
    tasks: Any
    schedules: RecordingSchedules
    hub: Hub
    clock: Clock
    passwords_changed: list[None]
    repositories_changed: list[None]
    #: the projects whose copies of repositories were cleared, ``None`` for all
    copies_cleared: list[int | None]
    routes: Sequence[Route]
    host: str = "semaphore.example"
    peer: str = "192.0.2.7"
    secure: bool = True
    cookie: str | None = None
    token: str | None = None
    _protocols: dict[StringTransport, Any] = field(factory=dict)

    def transport(self) -> StringTransport:
        """Return the transport of a new connection."""
        address = IPv4Address("TCP", self.peer, 40000)
        kind = TlsTransport if self.secure else StringTransport
        return kind(peerAddress=address)

    def send(self, data: bytes, *, paused: bool = False) -> StringTransport:
        """Send raw bytes over a new connection; return its transport.

        With *paused* the transport reports at once that the client does not read.
        """
        transport = self.transport()
        if paused:
            transport.writeSequence = _slow(transport)  # type: ignore[method-assign]
        protocol: Any = self.site.buildProtocol(transport.getPeer())
        connection: Any = transport
        connection.protocol = protocol  # an upgrade to websocket replaces it
        protocol.makeConnection(transport)
        self._protocols[transport] = protocol
        protocol.dataReceived(data)
        return transport

    def open(self, method: str, path: str, *, paused: bool = False) -> StringTransport:
        """Send a request without waiting for its answer."""
        lines = self.head_of(method, path, {})
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n", paused=paused)

    def more(self, transport: StringTransport, data: bytes) -> None:
        """Send further bytes over a connection."""
        if not transport.disconnecting:
            self._protocols[transport].dataReceived(data)

    def hang_up(self, transport: StringTransport) -> None:
        """Close the connection from the client's side."""
        del self._protocols[transport]
        connection: Any = transport
        connection.protocol.connectionLost(Failure(ConnectionLost()))

    def head_of(self, method: str, path: str, headers: dict[str, str]) -> list[str]:
        """Return the first lines of a request."""
        sent = {"Host": self.host}
        if self.cookie is not None:
            sent["Cookie"] = self.cookie
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        sent |= headers
        lines = [f"{method} {path} HTTP/1.1"]
        return lines + [f"{name}: {value}" for name, value in sent.items()]

    def request(
        self,
        method: str,
        path: str,
        body: Any = _ABSENT,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request and return its answer; *body* is bytes or becomes JSON."""
        lines = self.head_of(method, path, headers or {})
        data = b""
        if body is not _ABSENT:
            data = body if isinstance(body, bytes) else msgspec.json.encode(body)
            lines.append(f"Content-Length: {len(data)}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        transport = self.send(head + data)
        got = transport.value()
        if not got:
            raise AssertionError(f"{method} {path}: no answer yet")
        self.hang_up(transport)
        answer = parse(got)
        self.check(method, path, answer)
        return answer

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Compare *answer* with the API document."""
        below = path.partition("?")[0]
        if self.routes is not ROUTES or not below.startswith("/api/"):
            return
        wrong = mismatches(
            method,
            below.removeprefix("/api"),
            answer.status,
            answer.header("content-type") or "",
            answer.body,
        )
        if wrong:
            raise AssertionError("; ".join(wrong))

    def get(self, path: str, **kw: Any) -> Answer:
        """Send a GET."""
        return self.request("GET", path, **kw)

    def head(self, path: str, **kw: Any) -> Answer:
        """Send a HEAD."""
        return self.request("HEAD", path, **kw)

    def post(self, path: str, body: Any = _ABSENT, **kw: Any) -> Answer:
        """Send a POST."""
        return self.request("POST", path, body, **kw)

    def put(self, path: str, body: Any = _ABSENT, **kw: Any) -> Answer:
        """Send a PUT."""
        return self.request("PUT", path, body, **kw)

    def delete(self, path: str, **kw: Any) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path, **kw)

    def login(self, name: str = "admin", password: str = PASSWORD) -> None:
        """Log in as a user would, and keep the cookie."""
        answer = self.post("/api/auth/login", {"auth": name, "password": password})
        assert answer.status == 204, answer
        self.cookie = answer.headers["set-cookie"][0].partition(";")[0]

    def as_user(self, user: User) -> "ApiClient":
        """Return a client with a session of *user*, without the work of a login."""
        value, _ = make_session(self.database.conn, user)
        client = self.anonymous()
        client.cookie = f"semaphore={value}"
        return client

    def with_token(self, user: User, scope: TokenScope | None = None) -> "ApiClient":
        """Return a client with a token of *user*, by default with the whole scope."""
        value, _ = make_token(self.database.conn, user, scope)
        client = self.anonymous()
        client.token = value
        return client

    def anonymous(self) -> "ApiClient":
        """Return a client of the same site without credentials."""
        return ApiClient(
            site=self.site,
            database=self.database,
            tasks=self.tasks,
            schedules=self.schedules,
            hub=self.hub,
            clock=self.clock,
            passwords_changed=self.passwords_changed,
            repositories_changed=self.repositories_changed,
            copies_cleared=self.copies_cleared,
            routes=self.routes,
            host=self.host,
            peer=self.peer,
            secure=self.secure,
        )


P = ParamSpec("P")
T = TypeVar("T")


def at_once(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """Run what a worker would run, here and now."""
    return maybeDeferred(function, *args, **kwargs)


def api_client(
    *,
    database: MemoryDatabase | None = None,
    tasks: Any = None,
    options: WebOptions | None = None,
    keyring: Any = None,
    peers: Any = None,
    expires: Callable[[], float] | None = None,
    compute: ComputeFunction = at_once,
    checks: Any = None,
    routes: Sequence[Route] = ROUTES,
    page: BuiltPage | None = None,
    **more: Any,
) -> ApiClient:
    """Return a client of a new site; the store has the administrator ``admin``.

    *peers* is the ``IPeerControl``, if there is a VPN, *checks* an ``ICheckControl``;
    *expires* tells how long the certificate lives; *page* is the web page, if it is
    built. *more* are fields of :class:`ApiClient`. ``client.login()`` logs the
    administrator in; ``client.database.conn`` is for ``make_user`` and its like.
    """
    store = MemoryDatabase() if database is None else database
    if store.conn.scalar(_ANYBODY) is None:
        make_user(store.conn, "admin", admin=True)
    clock = Clock()
    factory = server_factory()

    def audiences_now(credentials: Any) -> Any:
        return store.read(audiences, credentials)

    def lines(task_id: TaskId, above: int, limit: int) -> Any:
        raise AssertionError(f"nobody falls behind here: {task_id} {above} {limit}")

    hub = Hub(
        frame=framing(factory),
        read_lines=lines,
        read_audiences=audiences_now,
        read_changes=lambda after: store.read(changes, after),
        clock=clock,
        now=lambda: store.conn.now,
    )
    control = RecordingTasks() if tasks is None else tasks
    schedules = RecordingSchedules()
    changed: list[None] = []
    repositories: list[None] = []
    cleared: list[int | None] = []

    async def clear(project_id: int | None) -> None:
        cleared.append(project_id)

    services = Services(
        database=store,
        compute=compute,
        keyring=memory_keyring() if keyring is None else keyring,
        tasks=control,
        checks=checks,
        schedules=schedules,
        preview=preview,
        demo=lambda: DEMO,
        observer=hub,
        clock=clock,
        entropy=Entropy(10**9),  # differs from the store's entropy
        options=options or WebOptions(),
        password_changed=lambda: changed.append(None),
        repositories_changed=lambda: repositories.append(None),
        clear_copies=clear,
        peers=peers,
        expires=expires,
    )
    site = build_site(
        services,
        hub=hub,
        socket_factory=factory,
        routes=routes,
        read_page=lambda: page,
    )
    return ApiClient(
        site=site,
        database=store,
        tasks=control,
        schedules=schedules,
        hub=hub,
        clock=clock,
        passwords_changed=changed,
        repositories_changed=repositories,
        copies_cleared=cleared,
        routes=routes,
        **more,
    )


def memory_keyring() -> Keyring:
    """Return a keyring with a fixed key."""
    return Keyring(
        MasterKey.parse(b64encode(bytes(range(32))).decode()), entropy=Entropy()
    )
