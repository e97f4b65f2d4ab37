"""Pebble, a real ACME authority for tests, and the name server that it queries.

Both are in Debian's ``pebble`` package, and listen on loopback unless they run
elsewhere. Every name resolves to the machine under test.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL

from semaphore_twisted.crypto import certificates
from semaphore_twisted.persistence.engine import utc_now
from tests.support.product import TIMEOUT, free_port
from tests.support.programs import require


class Pebble:
    """One authority, whose data is lost at its end."""

    def __init__(
        self,
        folder: Path,
        *,
        http_port: int,
        tls_port: int,
        inside: Sequence[str] = (),
        address: str = "127.0.0.1",
        server: str = "127.0.0.1",
    ) -> None:
        """Keep files in *folder*; challenges are read from the ports of *server*.

        The words *inside* precede each command, and it listens on *address* there.
        """
        self.folder = folder
        self._inside = inside
        self._address, self._server = address, server
        self.port, self.management = free_port(), free_port()
        self._http, self._tls = http_port, tls_port
        self._running: list[subprocess.Popen[bytes]] = []
        self.external: dict[str, str] = {}

    @property
    def directory(self) -> str:
        """The URL of the CA's directory."""
        host = "localhost" if self._address == "127.0.0.1" else self._address
        return f"https://{host}:{self.port}/dir"

    @property
    def bundle(self) -> Path:
        """The path of the CA certificate for its own URL."""
        return self.folder / "pebble-root.pem"

    @property
    def log(self) -> str:
        """Its output so far."""
        return (self.folder / "pebble.log").read_text(errors="replace")

    def start(self, **environ: str) -> None:
        """Start, and wait until it answers."""
        require("pebble")
        self._issue_own()
        settings = {
            "listenAddress": f"{self._address}:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.folder / "pebble.pem"),
            "privateKey": str(self.folder / "pebble.key"),
            "httpPort": self._http,
            "tlsPort": self._tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": bool(self.external),
            "externalAccountMACKeys": self.external,
        }
        path = self.folder / "pebble.json"
        path.write_text(json.dumps({"pebble": settings}))
        names, management = free_port(), free_port()
        self._run(
            "pebble-challtestsrv",
            *("-defaultIPv4", self._server, "-defaultIPv6", ""),
            *("-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{management}"),
            *("-http01", "", "-https01", "", "-tlsalpn01", ""),
        )
        self._run(
            "pebble",
            *("-config", str(path), "-dnsserver", f"127.0.0.1:{names}", "-strict"),
            PEBBLE_VA_NOSLEEP="1",
            PEBBLE_WFE_NONCEREJECT="10",
            **environ,
        )
        deadline = time.monotonic() + TIMEOUT
        while "Listening on" not in self.log:
            if time.monotonic() > deadline:
                raise AssertionError(self.log)
            time.sleep(0.05)

    def stop(self) -> None:
        """End both processes."""
        while self._running:
            process = self._running.pop()
            process.kill()
            process.wait()

    def _run(self, *words: str, **environ: str) -> None:
        with (self.folder / "pebble.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    [*self._inside, *words],
                    env={**os.environ, **environ},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def _issue_own(self) -> None:
        root = certificates.new_root(
            host="pebble",
            names=["localhost"],
            addresses=[self._address],
            now=utc_now(),
            entropy=os.urandom,
        )
        leaf = certificates.new_leaf(
            root,
            names=["localhost"],
            addresses=[self._address],
            now=utc_now(),
            entropy=os.urandom,
        )
        self.bundle.write_bytes(root.certificate_pem)
        (self.folder / "pebble.pem").write_bytes(leaf.certificate_pem)
        (self.folder / "pebble.key").write_bytes(leaf.key_pem)


def presented(
    port: int, name: str | None, protocols: tuple[bytes, ...] = ()
) -> tuple[x509.Certificate, bytes]:
    """Return the certificate and chain shown for *name* and *protocols*, unchecked."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if protocols:
        context.set_alpn_protos(list(protocols))
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as plain:
        plain.settimeout(None)
        connection = SSL.Connection(context, plain)
        if name is not None:
            connection.set_tlsext_host_name(name.encode())
        connection.set_connect_state()
        connection.do_handshake()
        found = connection.get_peer_certificate(as_cryptography=True)
        assert found is not None
        return found, connection.get_alpn_proto_negotiated()
