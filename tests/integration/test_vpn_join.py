"""``semaphore vpn join`` over real TLS, in a process of its own."""

import hashlib
import json
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.certificates import Issued
from tests.support import enrolling

_RUN = "from semaphore_twisted.cli.main import run; run()"


class _Server(ThreadingHTTPServer):
    """Knows the root, and which tokens were sent."""

    daemon_threads = True
    root = b""

    def __init__(self) -> None:
        """Listen on a port of the system's choice."""
        super().__init__(("127.0.0.1", 0), _Requests)
        self.tokens: list[str] = []

    @override
    def handle_error(self, *words: Any) -> None:
        """Log nothing: some clients do not trust the server."""


class _Requests(BaseHTTPRequestHandler):
    """Serves the root and enrolls everybody."""

    server: _Server

    def do_GET(self) -> None:
        """Answer with the root."""
        self._answer(200, self.server.root)

    def do_POST(self) -> None:
        """Answer an enrollment."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.tokens.append(body["token"])
        made = enrolling.enrolled(body["public_key"], body["name"])
        self._answer(201, msgspec.json.encode(made))

    def _answer(self, code: int, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, *words: Any) -> None:
        """Log nothing."""


class TlsTests(SynchronousTestCase):
    """The certificates that the command trusts."""

    def setUp(self) -> None:
        """Make a CA."""
        self.folder = Path(self.mktemp()).absolute()
        self.root = self.authority()

    def authority(self) -> Issued:
        """Return a new root."""
        return certificates.new_root(
            host="box",
            names=["box"],
            addresses=[],
            now=datetime.now(UTC),
            entropy=random,
        )

    def serve(self, signer: Issued, address: str = "127.0.0.1") -> int:
        """Serve with a certificate of *signer* for *address*; return the port."""
        self.folder.mkdir(exist_ok=True)
        now = datetime.now(UTC)
        middle = certificates.new_intermediate(signer, now=now, entropy=random)
        leaf = certificates.new_leaf(
            middle, names=[], addresses=[address], now=now, entropy=random
        )
        chain = self.folder / "chain.pem"
        chain.write_bytes(leaf.key_pem + leaf.certificate_pem + middle.certificate_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server = server = _Server()
        server.root = self.der
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        self.addCleanup(stop)
        return int(server.server_address[1])

    def join(self, port: int, fingerprint: str = "") -> tuple[int, str, str]:
        """Run the command with the link on standard input."""
        end = f".{fingerprint}" if fingerprint else ""
        place = ("--config-dir", str(self.folder / "wg"))
        done = subprocess.run(
            [sys.executable, "-c", _RUN, "vpn", "join", "-", "--no-up", *place],
            input=f"https://127.0.0.1:{port}/enroll#{enrolling.TOKEN}{end}\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    @property
    def der(self) -> bytes:
        """The root, as it is fetched."""
        return ssl.PEM_cert_to_DER_cert(self.root.certificate_pem.decode())

    @property
    def fingerprint(self) -> str:
        """The root's, as a link has it."""
        return hashlib.sha256(self.der).hexdigest()

    def test_joined(self) -> None:
        """The link's root is trusted, its leaf accepted, and the file is written."""
        port = self.serve(self.root)
        code, out, err = self.join(port, self.fingerprint)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("Joined as", out)
        self.assertIn("[Peer]", (self.folder / "wg" / "semaphore.conf").read_text())
        self.assertEqual(self.server.tokens, [enrolling.TOKEN])
        code, out, err = self.join(port, self.fingerprint)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.server.tokens, [enrolling.TOKEN])

    def test_another_authority(self) -> None:
        """The right root with a leaf of another authority gets no token."""
        port = self.serve(self.authority())
        code, _, err = self.join(port, self.fingerprint)
        self.assertEqual((code, err.count("\n")), (4, 1))
        self.assertIn("not trusted", err)
        self.assertEqual(self.server.tokens, [])

    def test_another_name(self) -> None:
        """A leaf of the right root for another host gets no token."""
        port = self.serve(self.root, "127.0.0.2")
        code, _, err = self.join(port, self.fingerprint)
        self.assertEqual((code, err.count("\n")), (4, 1))
        self.assertIn("127.0.0.1", err)
        self.assertEqual(self.server.tokens, [])

    def test_without_fingerprint(self) -> None:
        """Without a fingerprint only the world's authorities are trusted."""
        port = self.serve(self.root)
        code, _, err = self.join(port)
        self.assertEqual((code, err.count("\n")), (4, 1))
        self.assertEqual(self.server.tokens, [])

    def test_nobody_there(self) -> None:
        """A port without a listener gives one sentence."""
        code, _, err = self.join(1, self.fingerprint)
        self.assertEqual((code, err.count("\n")), (4, 1))
        self.assertIn("Connection refused", err)
