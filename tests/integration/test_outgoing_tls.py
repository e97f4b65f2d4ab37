"""Servers with untrusted certificates, and each of our programs that connects."""

import contextlib
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn.enrollment import Enrollment, EnrollmentRequest
from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.common.command_error import UNREACHABLE, CommandError
from semaphore_twisted.tls_client import blocking
from tests.support import warm
from tests.support.product import clean_environment

_PEM = serialization.Encoding.PEM
_NOW = datetime.now(UTC)
_DAY = timedelta(days=1)


class Authority:
    """A root certificate that signs other certificates."""

    def __init__(self, name: str = "A root", *, is_one: bool = True) -> None:
        """Create its key and certificate, which may declare that it is no CA."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.key, self.name, names=(), is_one=is_one)
        self.pem = self.certificate.public_bytes(_PEM)

    def sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        subject: x509.Name,
        *,
        names: tuple[x509.GeneralName, ...],
        is_one: bool = False,
        begins: datetime = _NOW - _DAY,
        ends: datetime = _NOW + _DAY,
    ) -> x509.Certificate:
        """Return a certificate for *key*."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(is_one, None), critical=True)
        )
        if names:
            names_found = x509.SubjectAlternativeName(names)
            builder = builder.add_extension(names_found, critical=False)
        return builder.sign(self.key, hashes.SHA256())


class Server:
    """Completes handshakes with all clients, and sends nothing."""

    def __init__(
        self,
        folder: Path,
        chain: list[x509.Certificate],
        key: ec.EllipticCurvePrivateKey,
        *,
        newest: ssl.TLSVersion | None = None,
    ) -> None:
        """Listen on the loopback."""
        path = folder / "server.pem"
        path.write_bytes(
            b"".join(each.public_bytes(_PEM) for each in chain)
            + key.private_bytes(
                _PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest is not None:
            self._context.set_ciphers("ALL:@SECLEVEL=0")
            self._context.minimum_version = ssl.TLSVersion.TLSv1
            self._context.maximum_version = newest
        self._context.load_cert_chain(path)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: data received in plain text: a request would be a fault
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with plain:
                plain.settimeout(5)
                try:
                    with self._context.wrap_socket(plain, server_side=True) as wrapped:
                        self.heard += wrapped.recv(65_536)
                except OSError:
                    continue

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


class RefusalTests(SynchronousTestCase):
    """No data is sent to these servers, and the error names the failed check."""

    def setUp(self) -> None:
        """Create a root certificate that all programs trust."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root = Authority()
        self.bundle = self.folder / "root.pem"
        self.bundle.write_bytes(self.root.pem)

    def serve(
        self,
        *,
        names: tuple[x509.GeneralName, ...] = (x509.DNSName("localhost"),),
        common_name: str = "server",
        issuer: Authority | None = None,
        between: Authority | None = None,
        newest: ssl.TLSVersion | None = None,
        begins: datetime = _NOW - _DAY,
        ends: datetime = _NOW + _DAY,
    ) -> Server:
        """Start a server with such a certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        signer = between or issuer or self.root
        chain = [signer.sign(key, subject, names=names, begins=begins, ends=ends)]
        if between is not None:
            chain.append(
                self.root.sign(between.key, between.name, names=(), is_one=False)
            )
        server = Server(self.folder, chain, key, newest=newest)
        self.addCleanup(server.close)
        return server

    def client(self, server: Server) -> str:
        """Return the error of the command-line client."""
        done = warm.run(
            [
                str(Path(sys.executable).with_name("semaphore")),
                *("task", "run", "--project", "1", "--template", "1"),
                *("--url", f"https://localhost:{server.port}"),
                *("--ca", str(self.bundle)),
            ],
            env=clean_environment(SEMAPHORE_TOKEN="t" * 43 + "="),
        )
        self.assertEqual(done.returncode, UNREACHABLE, done.stdout + done.stderr)
        (line,) = done.stderr.strip().splitlines()
        return line

    def join(self, server: Server) -> str:
        """Return the error of a device that enrolls."""
        root = self.root.certificate.public_bytes(serialization.Encoding.DER)
        digest = hashlib.sha256(root).hexdigest()
        link = InviteLink(f"https://localhost:{server.port}", "token", digest)
        enrolling = Enrollment(link, lambda _: None)
        enrolling._trust = blocking.trusting(root)
        request = EnrollmentRequest(
            token="a secret token", public_key="key", name="box"
        )
        failure: CommandError = self.assertRaises(
            CommandError, enrolling.redeem, request
        )
        return failure.sentence

    def git(self, server: Server) -> str:
        """Return the error of git, as jobs run it."""
        done = subprocess.run(
            ["git", "ls-remote", f"https://localhost:{server.port}/x.git"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_SSL_CAINFO": str(self.bundle),
                "GIT_TERMINAL_PROMPT": "0",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 128, done.stdout)
        return done.stderr

    def refused(
        self, serve: Callable[[], Server], words: str, *, git: str = "ertificate"
    ) -> None:
        """Check that no client sends data to the server, and check each error."""
        for caller in (self.client, self.join, self.git):
            server = serve()
            said = caller(server)
            wanted = git if caller == self.git else words
            self.assertRegex(said, wanted, caller.__name__)
            self.assertEqual(server.heard, b"", caller.__name__)

    def test_wrong_name(self) -> None:
        """A certificate for another name, or for an address only."""
        words = "another name|mismatch|not valid for"
        other = (x509.DNSName("localhost.evil.example"),)
        self.refused(lambda: self.serve(names=other), words)
        address = (x509.IPAddress(ip_address("127.0.0.1")),)
        self.refused(lambda: self.serve(names=address), words)

    def test_name_in_the_subject_only(self) -> None:
        """A name that only the subject has counts for nothing, but for git."""
        serve = lambda: self.serve(names=(), common_name="localhost")  # noqa: E731
        for caller in (self.client, self.join):
            server = serve()
            self.assertRegex(caller(server), "alternative name|mismatch|not valid for")
            self.assertEqual(server.heard, b"")

    def test_time(self) -> None:
        """A certificate that has ended, or has not begun."""
        self.refused(lambda: self.serve(ends=_NOW - _DAY / 2), "has expired")
        self.refused(
            lambda: self.serve(begins=_NOW + _DAY / 2), "not valid yet|not yet valid"
        )

    def test_issuer(self) -> None:
        """A certificate is refused if its issuer is unknown or no CA."""
        unknown = "issuer is not known|local issuer"
        stranger = Authority("A stranger")
        self.refused(lambda: self.serve(issuer=stranger), unknown)
        between = Authority("No authority", is_one=False)
        self.refused(
            lambda: self.serve(between=between), "no authority|invalid CA|issuer"
        )

    def test_self_signed(self) -> None:
        """One that signed itself."""

        def serve() -> Server:
            key = ec.generate_private_key(ec.SECP256R1())
            own = Authority("self")
            own.key = key
            names = (x509.DNSName("localhost"),)
            made = own.sign(key, own.name, names=names)
            server = Server(self.folder, [made], key)
            self.addCleanup(server.close)
            return server

        self.refused(serve, "self-signed|self signed|issuer")

    def test_version(self) -> None:
        """A server with TLS 1.1 or older only."""
        old = lambda: self.serve(newest=ssl.TLSVersion.TLSv1_1)  # noqa: E731
        for caller in (self.client, self.join):
            server = old()
            said = caller(server)
            self.assertRegex(said.lower(), "protocol|version|alert", caller.__name__)
            self.assertEqual(server.heard, b"")

    def test_good(self) -> None:
        """The same server without a fault gets data, so the tests can fail."""
        for caller in (self.client, self.join, self.git):
            server = self.serve()
            with contextlib.suppress(AssertionError):
                caller(server)
            self.assertIn(b"HTTP/1.1", server.heard, caller.__name__)
