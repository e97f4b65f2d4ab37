"""What looking at the first bytes costs: ``python -m bench.port``.

One process serves the same small site directly over TLS, directly in plain, and through
that port. The rounds are interleaved; the figures are microseconds of the server's
processor time for each connection or request, and the ratios of their medians.
"""

import contextlib
import socket
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.support.product import clean_environment

ROUNDS, CONNECTIONS, REQUESTS = 15, 150, 2000

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _context() -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


CONTEXT = _context()


@contextlib.contextmanager
def _connected(port: int, *, tls: bool) -> Any:
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not tls:
            yield plain
            return
        with CONTEXT.wrap_socket(plain, server_hostname="localhost") as wrapped:
            yield wrapped


def new_connections(port: int, *, tls: bool) -> int:
    """Open connections, make one request on each; return how many."""
    for _ in range(CONNECTIONS):
        with _connected(port, tls=tls) as connection:
            connection.sendall(GET)
            connection.recv(65_536)
    return CONNECTIONS


def kept_alive(port: int, *, tls: bool) -> int:
    """Make requests on one connection; return how many."""
    with _connected(port, tls=tls) as connection:
        for _ in range(REQUESTS):
            connection.sendall(GET)
            connection.recv(65_536)
    return REQUESTS


def _cpu(pid: int) -> float:
    """Return a process's processor time, to the nanosecond."""
    with open(f"/proc/{pid}/schedstat") as file:  # noqa: PTH123
        return int(file.read().split()[0]) / 1e9


def _compare(
    work: Callable[..., int], direct: int, through: int, pid: int, *, tls: bool
) -> str:
    costs: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for port, found in zip((direct, through), costs, strict=True):
            before = _cpu(pid)
            count = work(port, tls=tls)
            time.sleep(0.05)  # the last connection's end
            found.append((_cpu(pid) - before) / count * 1e6)
    alone, looked = map(statistics.median, costs)
    return f"{alone:.0f} µs directly, {looked:.0f} µs through it, {looked / alone:.3f}"


def main() -> None:
    """Print the table."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.port", "serve"],
        stdout=subprocess.PIPE,
        env=clean_environment(),
    ) as process:
        assert process.stdout is not None
        tls, tls_port, plain = map(int, process.stdout.readline().split())
        pid = process.pid
        try:
            for name, work, direct, encrypted in (
                ("new connections, TLS", new_connections, tls, True),
                ("new connections, plain", new_connections, plain, False),
                ("kept alive, TLS", kept_alive, tls, True),
                ("kept alive, plain", kept_alive, plain, False),
            ):
                found = _compare(work, direct, tls_port, pid, tls=encrypted)
                print(f"{name}: {found}", flush=True)
        finally:
            process.terminate()


def _serve() -> None:
    from twisted.internet import reactor as running  # noqa: PLC0415
    from twisted.web.resource import Resource  # noqa: PLC0415

    from semaphore_twisted.web.http.site import Site  # noqa: PLC0415
    from semaphore_twisted.web.listener.pending_connections import PendingConnections  # noqa: PLC0415
    from semaphore_twisted.web.listener.plain_http import RedirectPolicy  # noqa: PLC0415
    from semaphore_twisted.web.listener.port import PortFactory  # noqa: PLC0415
    from semaphore_twisted.web.listener.tls import PemCertificates, over_tls  # noqa: PLC0415
    from semaphore_twisted.web.proxies.client_address import PublicUrl  # noqa: PLC0415
    from semaphore_twisted.web.proxies.trusted_proxies import NO_PROXIES  # noqa: PLC0415
    from tests.web.test_tls import pair  # noqa: PLC0415

    class Small(Resource):
        isLeaf = True

        def render(self, request: object) -> bytes:  # noqa: ARG002
            return b"pong"

    reactor: Any = running
    chain, key = pair()
    source = PemCertificates(chain=chain, key=key)
    site = Site(Small(), clock=reactor)
    port = PortFactory(
        site,
        source=source,
        clock=reactor,
        pending=PendingConnections(reactor),
        refusals=RedirectPolicy(public_url=PublicUrl(""), port=0, names=frozenset()),
        trust=NO_PROXIES,
    )
    factories = (over_tls(site, source.context, clock=reactor), port, site)
    ports = [reactor.listenTCP(0, each, interface="127.0.0.1") for each in factories]
    print(*(each.getHost().port for each in ports), flush=True)
    reactor.run()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        _serve()
    else:
        main()
