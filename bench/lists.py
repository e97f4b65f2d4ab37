"""What a list of 50 tasks costs the server: ``python -m bench.lists``.

Site, database and TLS run in this process, without a socket. Of each request only the
server's part is measured, in processor time, so that other work on the machine matters
little. The rounds are interleaved; the figures are the medians in microseconds.
"""

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.logger import globalLogBeginner
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import Site

from semaphore_twisted.model.users import Role
from semaphore_twisted.persistence.database import Database
from semaphore_twisted.persistence.engine import connect, utc_now
from semaphore_twisted.runtime.daemon import observer
from semaphore_twisted.web.listener.tls import ConnectionCreator, PemCertificates
from tests.support.http import TlsTransport, api_client
from tests.support.memory import make_member, make_project, make_token, make_user
from tests.support.store import migrated
from tests.support.tasks import make_task, make_template
from tests.support.threads import Inbox
from tests.web.test_tls import pair

ROUNDS, REQUESTS, TASKS = 9, 150, 51

ADDRESS = IPv4Address("TCP", "192.0.2.7", 40000)


@define(eq=False)
class Connection:
    """A kept connection to a server, with the client's side of TLS."""

    clock: Clock
    server: Any
    transport: Any
    client: SSL.Connection

    @classmethod
    def to(cls, site: Any, creator: Any) -> "Connection":
        """Connect to *site*, whose side of TLS *creator* makes."""
        clock, transport = Clock(), TlsTransport(peerAddress=ADDRESS)
        factory = TLSMemoryBIOFactory(creator, False, site, clock=clock)  # noqa: FBT003
        server: Any = factory.buildProtocol(transport.getPeer())
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
        client.set_connect_state()
        made = cls(clock, server, transport, client)
        server.makeConnection(transport)
        while not made._shaken():
            server.dataReceived(client.bio_read(1 << 16))
            clock.advance(0)
            client.bio_write(transport.value())
            transport.clear()
        server.dataReceived(client.bio_read(1 << 16))
        return made

    def _shaken(self) -> bool:
        try:
            self.client.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def ask(self, request: bytes) -> int:
        """Send *request*; return the nanoseconds that the server used."""
        self.client.send(request)
        data = self.client.bio_read(1 << 16)
        began = time.process_time_ns()
        self.server.dataReceived(data)
        self.clock.advance(0)
        return time.process_time_ns() - began

    def answer(self, request: bytes) -> bytes:
        """Return the answer to *request*."""
        self.ask(request)
        self.client.bio_write(self.transport.value())
        self.transport.clear()
        parts = []
        while True:
            try:
                parts.append(self.client.recv(1 << 20))
            except SSL.WantReadError:
                return b"".join(parts)


class Bare(Resource):
    """The limit: a resource that answers the same bytes."""

    isLeaf = True

    def __init__(self, content: bytes) -> None:
        """Answer *content*."""
        super().__init__()
        self._content = content

    def render_GET(self, request: object) -> bytes:
        """Return the content."""
        del request
        return self._content


def median(connection: Connection, request: bytes, before: Callable[[], None]) -> float:
    """Return the microseconds of a request, with *before* called before each."""
    used = []
    for _ in range(REQUESTS):
        before()
        used.append(connection.ask(request))
        connection.transport.clear()
    return statistics.median(used) / 1000


class Store(Database):
    """The database of a server, with a connection for the preparation."""

    def __init__(self, path: Path) -> None:
        """Use the migrated database *path*."""
        super().__init__(path, reactor=Inbox(), now=utc_now, entropy=os.urandom)
        self.conn = connect(path, now=utc_now, entropy=os.urandom)


def prepared(store: Store) -> tuple[str, str]:
    """Store a project with ended tasks; return the path of their list and a token."""
    user = make_user(store.conn, "bob")
    project = make_project(store.conn)
    make_member(store.conn, project, user, Role.TASK_RUNNER)
    template = make_template(store.conn, project)
    now = datetime.now(UTC)
    for _ in range(TASKS):
        make_task(
            store.conn,
            project,
            template,
            user_id=user.id,
            start=now,
            end=now,
            commit_hash="0" * 40,
            commit_message="Initial commit",
            playbook="true.sh",
        )
    token, _ = make_token(store.conn, user)
    return f"/api/project/{project.id}/tasks/last?limit=50", token


def main(folder: Path) -> None:
    """Print a table."""
    path = folder / "semaphore.db"
    migrated(path)
    store = Store(path)
    url, token = prepared(store)
    store.startService()
    chain, key = pair()
    creator = ConnectionCreator(PemCertificates(chain=chain, key=key).context)
    site: Any = api_client(database=store)  # type: ignore[arg-type]
    ours = Connection.to(site.site, creator)
    head = f"GET {url} HTTP/1.1\r\nHost: localhost\r\n"
    request = f"{head}Authorization: Bearer {token}\r\n\r\n".encode()
    content = ours.answer(request).partition(b"\r\n\r\n")[2]
    bare = Site(Bare(content), reactor=Clock())
    setattr(bare, "log", lambda _: None)  # noqa: B010 - no access log
    limit = Connection.to(bare, creator)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA synchronous=OFF")
    count = 0

    def nothing() -> None:
        pass

    def change() -> None:
        nonlocal count
        count += 1
        other.execute(
            "UPDATE task SET message = ? WHERE id = ?", (str(count), 1 + count % TASKS)
        )

    rounds = [
        (
            median(limit, request, nothing),
            median(ours, request, nothing),
            median(ours, request, change),
        )
        for _ in range(ROUNDS)
    ]
    least, same, changed = (
        statistics.median(each) for each in zip(*rounds, strict=True)
    )
    print(
        f"| the bare resource of the same {len(content):,} bytes | {least:.0f} µs | |"
    )
    for label, used in (("unchanged", same), ("changed between requests", changed)):
        print(f"| 50 tasks, {label} | {used:.0f} µs | {least / used:.2f} |")


if __name__ == "__main__":
    with Path(os.devnull).open("w") as log, tempfile.TemporaryDirectory() as made:
        written = observer(log, format="text", level="info", environ={})
        globalLogBeginner.beginLoggingTo([written], redirectStandardIO=False)
        main(Path(made))
