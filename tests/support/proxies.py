"""A real proxy in front of the product, and a client that uses it."""

import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.product import TIMEOUT, Answer, clean_environment, free_port
from tests.support.programs import program
from tests.support.websocket import WebSocket

#: The client's address in its connection to the proxy.
CLIENT = "127.0.0.2"


def certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Create a certificate for localhost; return its file, its key, and both in one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths = folder / "fullchain.pem", folder / "privkey.pem", folder / "both.pem"
    for path, content in zip(paths, (made, secret, made + secret), strict=True):
        path.write_bytes(content)
    return paths


@frozen
class Place:
    """The directory and the ports of a proxy, and the product's port."""

    folder: Path
    port: int
    plain: int
    upstream: int

    def fit(self, text: str, *more: tuple[str, str]) -> str:
        """Replace names, ports and paths in a file of ``etc/`` by those of this place.

        *more* are replaced first. Each text to replace must occur.
        """
        for old, new in (
            *more,
            ("127.0.0.1:3000", f"127.0.0.1:{self.upstream}"),
            ("/etc/ssl/semaphore/", f"{self.folder}/"),
        ):
            if old not in text:
                raise AssertionError(f"the configuration has no {old!r}")
            text = text.replace(old, new)
        return text.replace("ci.example.org", "localhost")


class Proxy:
    """A proxy in front of a server at the port *upstream* of this machine."""

    def __init__(self, folder: Path, upstream: int, base: str = "") -> None:
        """Use *folder*; the site is below the path *base*."""
        folder.mkdir()
        # an unprivileged worker reads files in it
        folder.chmod(0o755)
        self.place = Place(folder, free_port(), free_port(), upstream)
        self.root, _, _ = certificate(folder)
        self.base = base
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        #: the client's address, and the headers of all its requests
        self.client = CLIENT
        self.headers: dict[str, str] = {}

    @property
    def origin(self) -> str:
        """The origin of the site's pages."""
        return f"https://localhost:{self.place.port}"

    def context(self) -> ssl.SSLContext:
        """Return TLS that trusts this proxy only."""
        return ssl.create_default_context(cafile=str(self.root))

    def start(self, kind: Callable[[Place], list[str]]) -> None:
        """Start a proxy of *kind* and wait until the product answers through it."""
        command = kind(self.place)
        folder = str(self.place.folder)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=clean_environment(
                    HOME=folder, XDG_DATA_HOME=folder, XDG_CONFIG_HOME=folder
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + TIMEOUT
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"{command[0]} ended:\n{self.log.read_text()}")
            try:
                if self.call("GET", "/api/ping").content == b"pong":
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"{command[0]}:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the proxy, with its workers."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(TIMEOUT)
            self.process = None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Make one request as the client; ``_`` stands for ``-``."""
        connection = http.client.HTTPSConnection(
            "localhost",
            self.place.port,
            context=self.context(),
            timeout=20,
            source_address=(self.client, 0),
        )
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(
                method, self.base + path, content, {**self.headers, **sent}
            )
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def websocket(self, **headers: str) -> WebSocket:
        """Open the websocket with the cookie, as a page of the site would."""
        sent = {**self.headers, **headers}
        path = f"{self.base}/api/ws"
        return WebSocket(
            "localhost",
            self.place.port,
            path,
            self.context(),
            sent,
            source=self.client,
        )

    def log_in_by_http_2(self) -> str:
        """Log in with a wrong password; return the version of HTTP and the status."""
        done = subprocess.run(
            [
                *(program("curl"), "--silent", "--http2", "--max-time", "20"),
                *("--cacert", str(self.root), "--output", "/dev/null"),
                *("--header", f"Origin: {self.origin}"),
                *("--data", '{"auth": "nobody", "password": "wrong"}'),
                *("--write-out", "%{http_version} %{http_code}"),
                f"{self.origin}{self.base}/api/auth/login",
            ],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return done.stdout

    def redirect(self) -> tuple[int, str]:
        """Send a plain HTTP request; return the status and the redirect's target."""
        connection = http.client.HTTPConnection("localhost", self.place.plain)
        try:
            connection.request("GET", "/project/1?x=y", headers={"Host": "localhost"})
            response = connection.getresponse()
            return response.status, response.getheader("Location") or ""
        finally:
            connection.close()
