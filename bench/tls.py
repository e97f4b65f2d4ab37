"""TLS beside nginx, idle websockets, and reloads under load: ``python -m bench.tls``.

One server, as users run it, is asked over its own TLS and, in the same rounds, through
nginx (Debian's, with the file in ``etc/``) that ends TLS in front of the same server's
plain HTTP on the loopback. Server, nginx and clients share the machine's cores, so the
processor time of the serving side is told as well: for nginx its own and the server's.
"""

import argparse
import asyncio
import resource
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import field, frozen

from bench.bench import Row, _cpu, _load, memory, percentile
from semaphore_twisted.vpn import wake_socket
from tests.support.product import TIMEOUT, Product
from tests.support.proxies import Proxy, certificate
from tests.support.proxy_files import nginx_shipped
from tests.support.websocket import WebSocket

ROUNDS, SECONDS = 5, 3
CLIENTS = 4
SOCKETS, RELOADS = 1000, 100
PING = "/api/ping"


@frozen
class Side:
    """One way to the server: a port, whom to trust, and the processes behind it."""

    port: int
    trust: ssl.SSLContext
    root: Path
    processes: Callable[[], Sequence[int]]
    rates: list[float] = field(factory=list)
    costs: list[float] = field(factory=list)

    def measure(self, work: Callable[["Side"], int]) -> None:
        """Do *work* for a while, and note its rate and its cost."""
        before = sum(map(_cpu, self.processes()))
        began = time.monotonic()
        count = work(self)
        seconds = time.monotonic() - began
        used = sum(map(_cpu, self.processes())) - before
        self.rates.append(count / seconds)
        self.costs.append(used / count * 1e3)

    def said(self) -> tuple[float, float]:
        """Return the medians: a second, and milliseconds of the processor for one."""
        return statistics.median(self.rates), statistics.median(self.costs)


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def new_connections(side: Side) -> int:
    """Have several of ``openssl s_time`` make connections; return how many."""
    command = [
        *("openssl", "s_time", "-connect", f"localhost:{side.port}", "-new"),
        *("-time", str(SECONDS), "-CAfile", str(side.root), "-verify", "3"),
    ]
    running = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(CLIENTS)
    ]
    count = 0
    for each in running:
        said, _ = each.communicate(timeout=TIMEOUT)
        # "N connections in S real seconds, B bytes read per connection"
        lines = [line for line in said.splitlines() if "real seconds" in line]
        if not lines:
            raise AssertionError(f"openssl s_time:\n{said}")
        count += int(lines[0].split()[0])
    return count


def kept_alive(side: Side) -> int:
    """Make requests over connections that stay open; return how many."""
    request = f"GET {PING} HTTP/1.1\r\nHost: localhost:{side.port}\r\n\r\n".encode()
    until = time.monotonic() + SECONDS
    loading = _load(side.port, side.trust, request, connections=16, until=until)
    return len(asyncio.run(loading))


def beside_nginx(product: Product, folder: Path) -> list[Row]:
    """Compare our own TLS with nginx's in front of our plain listener."""
    assert product.process is not None
    server = product.process.pid
    proxy = Proxy(folder / "nginx", product.port)
    proxy.start(nginx_shipped)
    assert proxy.process is not None
    number = proxy.process.pid
    rows = []
    try:
        for name, work in (
            ("new TLS connections", new_connections),
            ("GET /api/ping, TLS, keep-alive, 16 connections", kept_alive),
        ):
            own = Side(product.port, product.context, product.root, lambda: [server])
            other = Side(
                proxy.place.port,
                proxy.context(),
                proxy.root,
                lambda: [server, *_children(number)],
            )
            for _ in range(ROUNDS):
                own.measure(work)
                other.measure(work)
            ours, theirs = own.said(), other.said()
            measured = (
                f"{ours[0]:,.0f}/s at {ours[1]:.2f} ms of the server each; nginx "
                f"{theirs[0]:,.0f}/s at {theirs[1]:.2f} ms, the server's included; "
                f"ratio of the rates {ours[0] / theirs[0]:.2f}"
            )
            rows.append((name, measured, "—"))
    finally:
        proxy.stop()
    return rows


def idle_sockets(product: Product, folder: Path) -> list[Row]:
    """Open many websockets over TLS that nobody speaks on."""
    del folder
    assert product.process is not None
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    product.websocket().close()  # what is loaded once is not one's share
    before = memory(product.process.pid)
    opened: list[WebSocket] = []
    began = time.monotonic()
    try:
        while len(opened) < SOCKETS:
            opened.append(product.websocket())
        seconds = time.monotonic() - began
        time.sleep(2)
        each = (memory(product.process.pid) - before) * 1024 / SOCKETS
        task = product.api("GET", "/user")["username"]
    finally:
        for one in opened:
            one.close()
    measured = f"{each:.0f} kB each; opened in {seconds:.1f} s, still serving {task}"
    return [(f"{SOCKETS:,} idle websockets over TLS", measured, "< 60 kB each")]


class _Owned(Product):
    """A server with a certificate of its operator's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "current"
        self.folder.mkdir()
        self._chain, self._key = (self.folder / f"{each}.pem" for each in "ck")
        self.change()
        files = {"tls_cert_file": str(self._chain), "tls_key_file": str(self._key)}
        super().__init__(folder / "state", config=files)

    @property
    def root(self) -> Path:
        """The newest certificate, which signed itself."""
        return self._chain

    def change(self) -> None:
        """Put another certificate and its key in place."""
        for path, made in zip(
            (self._chain, self._key), certificate(self.folder), strict=False
        ):
            made.replace(path)

    def presents_newest(self) -> bool:
        """Tell whether a new connection is given the newest certificate."""
        try:
            return self.call("GET", PING).content == b"pong"
        except ssl.SSLCertVerificationError:
            return False


class _Load:
    """Threads that use the server all the while, and count what fails."""

    def __init__(self, product: Product) -> None:
        self._port = product.port
        self._done = threading.Event()
        self.requests, self.connections = 0, 0
        self.failures: list[str] = []
        self.times: list[float] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,))
            for work in (self._keep, self._keep, self._connect, self._connect)
        ]

    def __enter__(self) -> "_Load":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for each in self._threads:
            each.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self.failures.append(repr(error))

    def _open(self) -> ssl.SSLSocket:
        # which certificate is the newest is not known here
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self._port), 20)
        return trust.wrap_socket(plain, server_hostname="localhost")

    def _ask(self, connection: ssl.SSLSocket) -> None:
        began = time.monotonic()
        connection.sendall(
            f"GET {PING} HTTP/1.1\r\nHost: localhost:{self._port}\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"pong"):
            more = connection.recv(65_536)
            if not more:
                raise ConnectionError(f"cut off after {answer!r}")
            answer += more
        self.times.append(time.monotonic() - began)

    def _keep(self) -> None:
        with self._open() as connection:
            while not self._done.is_set():
                self._ask(connection)
                self.requests += 1

    def _connect(self) -> None:
        while not self._done.is_set():
            with self._open() as connection:
                self._ask(connection)
                self.connections += 1


def reloads(folder: Path) -> list[Row]:
    """Change the certificate again and again while clients use the server."""
    product = _Owned(folder)
    product.start()
    try:
        product.log_in()
        idle = product.websocket()
        with _Load(product) as load:
            began = time.monotonic()
            for _ in range(RELOADS):
                product.change()
                wake_socket.send(product.state / wake_socket.NAME)
                deadline = time.monotonic() + TIMEOUT
                while not product.presents_newest():
                    if time.monotonic() > deadline:
                        raise AssertionError("the certificate did not change")
            seconds = time.monotonic() - began
        task = product.run(*product.script(folder / "repository", "bash", "true\n"))
        lives = bool(idle.until_final(task))
    finally:
        product.stop()
    measured = (
        f"{len(load.failures)} failures in {load.requests:,} requests over 2 kept "
        f"connections and {load.connections:,} new ones, p99 "
        f"{percentile(load.times, 0.99) * 1e3:.0f} ms; the websocket "
        f"{'lives' if lives else 'IS GONE'}; {seconds / RELOADS * 1e3:.0f} ms a change"
    )
    return [
        (f"{RELOADS} changes of the certificate under load", measured, "0 failures")
    ]


def main() -> None:
    """Run what was asked for and print the table."""
    parts: dict[str, Callable[[Path], list[Row]]] = {
        "nginx": _with_product(beside_nginx),
        "idle": _with_product(idle_sockets),
        "reloads": reloads,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    wanted = parser.parse_args().parts or list(parts)
    print("| what | measured | wanted |\n|---|---|---|")
    for part in wanted:
        with tempfile.TemporaryDirectory() as name:
            for row in parts[part](Path(name)):
                print("| " + " | ".join(row) + " |", flush=True)


def _with_product(
    part: Callable[[Product, Path], list[Row]],
) -> Callable[[Path], list[Row]]:
    def run(folder: Path) -> list[Row]:
        product = Product(folder / "state")
        product.start()
        try:
            product.log_in()
            return part(product, folder)
        finally:
            product.stop()

    return run


if __name__ == "__main__":
    main()
