"""Findings of testssl.sh at the listener, and handshakes with OpenSSL."""

import atexit
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.support.product import Product
from tests.support.programs import needs, program

#: Protocols, categories of ciphers, the certificate, HTTP's headers, and known
#: vulnerabilities: Heartbleed, CCS, ROBOT, renegotiation, CRIME, BREACH, fall-back,
#: SWEET32, BEAST, Lucky 13, FREAK, Logjam.
_SECTIONS = "-p -s -S -h -H -I -BB -R -C -B -Z -W -A -L -F -J"

#: Seconds that a run may take, on a machine with much else to do.
_TIMEOUT = 400

_NOT_OFFERED = (
    *("SSLv2", "SSLv3", "TLS1", "TLS1_1"),
    *("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW"),
    # 3.0.8 calls the obsolete ones average
    *("cipherlist_3DES_IDEA", "cipherlist_AVERAGE"),
)

#: As the reference's table has it, for every shape of certificate.
_WANTED = {
    **dict.fromkeys(_NOT_OFFERED, "not offered"),
    "TLS1_2": "offered",
    "TLS1_3": "offered with final",
    "ALPN": "http/1.1",
    "cipherlist_STRONG": "offered",
    "secure_renego": "supported",
    "secure_client_renego": "not vulnerable",
    "heartbleed": "not vulnerable",
    "CCS": "not vulnerable",
    "ROBOT": "not vulnerable",
    "CRIME_TLS": "not vulnerable",
    "BREACH": "not vulnerable, no HTTP compression",
    "fallback_SCSV": "no protocol below TLS 1.2 offered",
    "SWEET32": "not vulnerable",
    "BEAST": "not vulnerable",
    "LUCKY13": "not vulnerable",
    "FREAK": "not vulnerable",
    "LOGJAM": "not vulnerable",
    "cert_trust": "Ok via SAN",
    "cert_chain_of_trust": "passed",
    "certs_list_ordering_problem": "no",
    "cert_extKeyUsage": "TLS Web Server Authentication",
    "banner_server": "No Server banner line",
    "banner_application": "No application banner",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'",
}

#: Findings that are of no use here: a private authority publishes no revocations, our
#: own leaf lives 90 days and the test's one a month, and OpenSSL 4's session tickets
#: for TLS 1.3 are never taken back. HSTS of the local CA is a day on purpose.
_LEFT_OVER = {
    "engine_problem",
    "sessionresumption_ticket",
    "cert_revocation",
    "cert_expirationStatus",
    "HSTS_time",
    "DNS_CAArecord",
    "scanTime",
}

_GOOD = {"OK", "INFO"}

_LEAF = """\
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


def openssl(*words: str) -> None:
    """Run ``openssl`` with *words*."""
    subprocess.run(
        [program("openssl"), *words], check=True, capture_output=True, timeout=60
    )


def pair(folder: Path, *kind: str) -> tuple[Path, Path, Path]:
    """Make a CA and a pair of a *kind*; return root, certificate and key."""
    root, own = folder / "root.pem", folder / "root-key.pem"
    leaf, key, ask = folder / "leaf.pem", folder / "leaf-key.pem", folder / "leaf.csr"
    words = folder / "leaf.cnf"
    words.write_text(_LEAF)
    fresh = ("-nodes", "-newkey", *kind)
    openssl(
        *("req", "-x509", *fresh, "-keyout", str(own), "-out", str(root)),
        *("-subj", "/CN=A root", "-days", "100"),
    )
    openssl(
        *("req", *fresh, "-keyout", str(key), "-out", str(ask)),
        *("-subj", "/CN=localhost"),
    )
    openssl(
        *("x509", "-req", "-in", str(ask), "-CA", str(root), "-CAkey", str(own)),
        *("-out", str(leaf), "-days", "90", "-extfile", str(words)),
    )
    return root, leaf, key


KINDS: dict[str, tuple[str, ...]] = {
    "local CA": (),
    "RSA": ("rsa:3072",),
    "ECDSA": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
}


class Shapes:
    """Running servers, one with each shape of certificate."""

    def __init__(self) -> None:
        """Start them."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.servers: dict[str, Product] = {}
        for name, kind in KINDS.items():
            folder = self.folder / name.split()[0]
            folder.mkdir()
            product = Product(folder / "state", is_warm=True)
            product.environ["SEMAPHORE_WEB_ROOT"] = product.url
            if kind:
                root, leaf, key = pair(folder, *kind)
                product.foreign_root = root
                product.environ["SEMAPHORE_TLS_CERT_FILE"] = str(leaf)
                product.environ["SEMAPHORE_TLS_KEY_FILE"] = str(key)
            self.servers[name] = product
            product.start()

    def stop(self) -> None:
        """Stop them, and remove their files."""
        for product in self.servers.values():
            product.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@lru_cache(maxsize=1)
def shared() -> Shapes:
    """Return the servers for tests that only shake hands; they end with the process."""
    shapes = Shapes()
    atexit.register(shapes.stop)
    return shapes


@needs("testssl", "hexdump")
class FindingsTests(SynchronousTestCase):
    """The findings of testssl.sh, as the reference's table has it."""

    KEYS: ClassVar[dict[str, tuple[str, str]]] = {
        "local CA": ("EC 256 bits", "ECDSA with SHA256"),
        "RSA": ("RSA 3072 bits", "SHA256 with RSA"),
        "ECDSA": ("EC 256 bits", "ECDSA with SHA256"),
    }

    def setUp(self) -> None:
        """Start servers of its own, since the program is hard on them."""
        shapes = Shapes()
        self.addCleanup(shapes.stop)
        self.servers = shapes.servers

    def run_all(self) -> dict[str, dict[str, Any]]:
        """Run it on each server at once; return the findings by their ids."""
        running = {}
        for name, product in self.servers.items():
            words = (
                *("testssl", *_SECTIONS.split(), "--warnings", "batch", "--quiet"),
                *("--color", "0", "--fast", "--nodns", "none", "--ip", "127.0.0.1"),
                *("--add-ca", str(product.root.absolute())),
                *("--jsonfile", str(product.state.parent / "found.json")),
            )
            running[name] = subprocess.Popen(
                [*words, f"localhost:{product.port}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        found = {}
        for name, process in running.items():
            self.addCleanup(process.kill)
            process.wait(_TIMEOUT)
            text = (self.servers[name].state.parent / "found.json").read_text()
            # the identical finding of a second try comes with a second line
            found[name] = {each["id"]: each for each in json.loads(text)}
        return found

    def test_findings(self) -> None:
        """Single findings for three shapes; nothing else is worse than good."""
        for name, found in self.run_all().items():
            size, signature = self.KEYS[name]
            wanted = {
                **_WANTED,
                "cert_keySize": size,
                "cert_signatureAlgorithm": signature,
            }
            for each, text in wanted.items():
                with self.subTest(shape=name, id=each):
                    self.assertIn(each, found)
                    self.assertTrue(
                        found[each]["finding"].startswith(text), found[each]
                    )
            with self.subTest(shape=name):
                self.assertIn("localhost", found["cert_subjectAltName"]["finding"])
                least = 86_400 if name == "local CA" else 15_552_000
                seconds = found["HSTS_time"]["finding"].partition("=")[2]
                self.assertGreaterEqual(int(seconds.split()[0]), least)
                bad = [
                    each
                    for each in found.values()
                    if each["severity"] not in _GOOD and each["id"] not in _LEFT_OVER
                ]
                self.assertEqual(bad, [])


class HandshakeTests(SynchronousTestCase):
    """Versions, suites and groups, by handshakes with the running servers."""

    SUITES: ClassVar[tuple[str, ...]] = (
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "CHACHA20-POLY1305",
    )

    def setUp(self) -> None:
        """Have the servers that these tests share."""
        self.servers = shared().servers

    def shake(self, product: Product, context: SSL.Context) -> SSL.Connection:
        """Shake hands and return the connection."""
        plain = socket.create_connection(("localhost", product.port), timeout=30)
        self.addCleanup(plain.close)
        plain.settimeout(None)
        context.load_verify_locations(str(product.root))
        context.set_verify(SSL.VERIFY_PEER)
        connection = SSL.Connection(context, plain)
        connection.set_tlsext_host_name(b"localhost")
        connection.set_connect_state()
        connection.do_handshake()
        return connection

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 and nothing older, even for a client that likes it."""
        for name, product in self.servers.items():
            for version, good in (
                (SSL.TLS1_VERSION, False),
                (SSL.TLS1_1_VERSION, False),
                (SSL.TLS1_2_VERSION, True),
                (SSL.TLS1_3_VERSION, True),
            ):
                context = SSL.Context(SSL.TLS_CLIENT_METHOD)
                context.set_cipher_list(b"ALL:@SECLEVEL=0")
                context.set_min_proto_version(version)
                context.set_max_proto_version(version)
                with self.subTest(shape=name, version=version):
                    if good:
                        self.shake(product, context)
                    else:
                        with self.assertRaises(SSL.Error):
                            self.shake(product, context)

    def test_suites(self) -> None:
        """Three suites for each kind of key; no CBC, no key exchange by RSA."""
        for name, product in self.servers.items():
            kind = "RSA" if name == "RSA" else "ECDSA"
            good = [f"ECDHE-{kind}-{each}" for each in self.SUITES]
            bad = [
                *(f"ECDHE-{kind}-AES128-SHA", f"ECDHE-{kind}-AES256-SHA384"),
                *("AES128-GCM-SHA256", "AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"),
                "ECDHE-ECDSA-AES128-CCM" if kind == "ECDSA" else "AES256-CCM",
            ]
            for suite in [*good, *bad]:
                context = SSL.Context(SSL.TLS_CLIENT_METHOD)
                context.set_max_proto_version(SSL.TLS1_2_VERSION)
                context.set_cipher_list(f"{suite}:@SECLEVEL=0".encode())
                with self.subTest(shape=name, suite=suite):
                    if suite in good:
                        done = self.shake(product, context)
                        self.assertEqual(done.get_cipher_name(), suite)
                    else:
                        with self.assertRaises(SSL.Error):
                            self.shake(product, context)

    def test_order(self) -> None:
        """The server chooses the cipher suite, not the client."""
        for name, product in self.servers.items():
            kind = "RSA" if name == "RSA" else "ECDSA"
            suites = [f"ECDHE-{kind}-{each}" for each in reversed(self.SUITES)]
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
            context.set_cipher_list(":".join(suites).encode())
            done = self.shake(product, context)
            self.assertEqual(done.get_cipher_name(), suites[-1], name)

    def test_groups(self) -> None:
        """The hybrid group where both sides have it, else the usual ones."""
        for name, product in self.servers.items():
            done = self.shake(product, SSL.Context(SSL.TLS_CLIENT_METHOD))
            self.assertEqual(done.get_group_name(), "X25519MLKEM768", name)
            for group in ("X25519", "prime256v1", "secp384r1"):
                with self.subTest(shape=name, group=group):
                    # Only this group is offered, so success means that it was used.
                    # (Python's ssl module cannot offer X25519 alone everywhere.)
                    judged = subprocess.run(
                        [
                            *(program("openssl"), "s_client", "-groups", group),
                            *("-connect", f"localhost:{product.port}"),
                            *("-CAfile", str(product.root), "-verify_return_error"),
                        ],
                        stdin=subprocess.DEVNULL,
                        capture_output=True,
                        check=False,
                        timeout=60,
                    )
                    self.assertEqual(judged.returncode, 0, judged.stderr)

    def test_no_tickets(self) -> None:
        """No session is taken up again."""
        for name, product in self.servers.items():
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = product.context
                context.maximum_version = version
                with self.subTest(shape=name, version=version):
                    session = self.visit(product, context, None).session
                    again = self.visit(product, context, session)
                    self.assertFalse(again.session_reused)

    def visit(
        self, product: Product, context: ssl.SSLContext, session: Any
    ) -> ssl.SSLSocket:
        """Send a request, so that a session ticket would arrive."""
        address = ("localhost", product.port)
        with socket.create_connection(address, timeout=30) as plain:
            made = context.wrap_socket(
                plain, server_hostname="localhost", session=session
            )
            made.sendall(b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(made.recv(1000).startswith(b"HTTP/1.1 200"))
            return made
