"""Git repositories for tests, and an HTTPS server for them with its own CA."""

import base64
import contextlib
import datetime
import http.server
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from tests.support.product import free_port

_AUTHOR = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "file",
}


def git(*arguments: str, cwd: Path) -> str:
    """Run git in *cwd* and return what it prints."""
    return subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **_AUTHOR},
        capture_output=True,
        text=True,
    ).stdout.strip()


class Repository:
    """A work tree with commits; git clones from its directory."""

    def __init__(self, folder: Path, *, branch: str = "main") -> None:
        """Create an empty repository in *folder*."""
        self.folder = folder
        folder.mkdir(parents=True)
        git("init", "--quiet", f"--initial-branch={branch}", cwd=folder)

    def commit(self, files: Mapping[str, str], message: str = "A change") -> str:
        """Write *files*, commit them and return the commit's hash."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        git("add", "--all", cwd=self.folder)
        git("commit", "--quiet", "--allow-empty", "-m", message, cwd=self.folder)
        return git("rev-parse", "HEAD", cwd=self.folder)


class Authority:
    """A certificate authority that no system trusts."""

    def __init__(self) -> None:
        """Create a key and a root certificate."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"Test CA {id(self)}")]
        )
        self.certificate = self._build(self._name, self._key, ca=True)

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
        )
        if not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        return builder.sign(self._key, hashes.SHA256())

    def client(self, *, passphrase: bytes | None = None) -> tuple[str, str]:
        """Return a client certificate and its key, both as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a client")])
        pem = serialization.Encoding.PEM
        locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            locked = serialization.BestAvailableEncryption(passphrase)
        secret = key.private_bytes(
            pem, serialization.PrivateFormat.TraditionalOpenSSL, locked
        )
        certificate = self._build(subject, key, ca=False).public_bytes(pem)
        return certificate.decode(), secret.decode()

    @property
    def pem(self) -> bytes:
        """The root as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, folder: Path) -> ssl.SSLContext:
        """Return a context for a server on the loopback, with its files in *folder*."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = self._build(subject, key, ca=False)
        (folder / "server.pem").write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context


class GitServer:
    """Serves the repositories of a directory by ``git http-backend`` over TLS.

    *login* and *password* are required unless *password* is ``None``, a client
    certificate if *clients* is a CA. A path that begins with a key of
    *redirects* is redirected to its value.
    """

    def __init__(
        self,
        *,
        login: str = "",
        password: str | None = None,
        clients: Authority | None = None,
    ) -> None:
        """Create the directory; nothing listens yet."""
        self.clients = clients
        self.folder = Path(tempfile.mkdtemp(prefix="gitserver-"))
        self.root = self.folder / "root"
        self.root.mkdir()
        self.authority = Authority()
        self.login, self.password = login, password
        self.redirects: dict[str, str] = {}
        #: The ``Authorization`` header of each request, ``None`` if it is missing.
        self.seen: list[str | None] = []
        #: Answer each request with this status instead.
        self.status: int | None = None
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", free_port()), _handler(self)
        )
        self._server.daemon_threads = True
        # a refused client is not an error of the test
        setattr(self._server, "handle_error", lambda *_: None)  # noqa: B010
        self.port = self._server.server_address[1]
        self.ca_bundle = self.folder / "ca.pem"
        self.ca_bundle.write_bytes(self.authority.pem)

    def url(self, name: str) -> str:
        """Return the URL of the repository *name* below the root."""
        return f"https://localhost:{self.port}/{name}"

    def repository(self, name: str, *, branch: str = "main") -> Repository:
        """Create a repository below the root."""
        return Repository(self.root / name, branch=branch)

    def allows(self, header: str | None) -> bool:
        """Whether the ``Authorization`` *header* lets a request in."""
        if self.password is None:
            return True
        pair = f"{self.login}:{self.password}".encode()
        return header == f"Basic {base64.b64encode(pair).decode()}"

    def __enter__(self) -> Self:
        """Serve in a thread."""
        context = self.authority.server(self.folder)
        if self.clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.clients.pem.decode())
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and remove everything."""
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _handler(server: GitServer) -> type[http.server.BaseHTTPRequestHandler]:
    """Return the handler class for requests to *server*."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Checks the login and runs git's own CGI program."""

        def do_GET(self) -> None:
            """Answer a GET."""
            self._answer(b"")

        def do_POST(self) -> None:
            """Answer a POST."""
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(body)

        def _answer(self, body: bytes) -> None:
            header = self.headers.get("Authorization")
            server.seen.append(header)
            for prefix, target in server.redirects.items():
                if self.path.startswith(prefix):
                    self.send_response(302)
                    self.send_header("Location", target + self.path[len(prefix) :])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            if server.status is not None:
                self.send_error(server.status)
                return
            if not server.allows(header):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._run(body)

        def _run(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            environ = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                "REMOTE_ADDR": "127.0.0.1",
            }
            ran = subprocess.run(
                ["git", "http-backend"],
                input=body,
                env=environ,
                capture_output=True,
                check=False,
            )
            head, _, content = ran.stdout.partition(b"\r\n\r\n")
            status, fields = 200, []
            for line in head.decode().splitlines():
                name, _, value = line.partition(":")
                if name.lower() == "status":
                    status = int(value.split()[0])
                else:
                    fields.append((name, value.strip()))
            self.send_response(status)
            for name, value in fields:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    return Handler
