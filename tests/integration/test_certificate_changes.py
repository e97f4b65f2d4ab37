"""Certificates that change while connections are open, and pairs that cannot serve."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.persistence.engine import connect, utc_now
from semaphore_twisted.start import first_start, installation
from semaphore_twisted.start.certificates import authority
from tests.support.gate import Gate
from tests.support.lab import until
from tests.support.pebble import presented
from tests.support.product import TIMEOUT, Product, free_port
from tests.support.programs import program

#: Number of changes of the certificate, and of those without a reload.
CHANGES, UNTOLD = 100, 4

#: Prints a lot at once, and then a line now and then until it may end.
SCRIPT = """\
import select, socket, time
gate = socket.create_connection(("127.0.0.1", {gate}))
for number in range(120_000):
    print(f"{{number:06}} {{'x' * 93}}")
number = 0
while not select.select([gate], [], [], 0)[0]:
    print(f"tick {{number}}", flush=True)
    number += 1
    time.sleep(0.05)
"""


class Owned(Product):
    """A server with an operator's certificate, which its own CA issued."""

    authority: Path

    @property
    def root(self) -> Path:
        """The operator's root."""
        return self.authority


class ChangeTestCase(SynchronousTestCase):
    """A folder, and commands."""

    def setUp(self) -> None:
        """Make the folder."""
        # a short path: sockets below it have names of 107 bytes at most
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.product = self.made()
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    def made(self) -> Product:
        """Return the server, which was not started yet."""
        return Product(self.folder / "state", is_warm=True)

    def tls(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore tls``."""
        return self.product.command_here("tls", *words)

    def serial(self) -> int:
        """Return the number of the certificate that a new connection is shown."""
        return presented(self.product.port, "localhost")[0].serial_number

    def task(self, script: str) -> tuple[int, int]:
        """Start a task of a script in Python; return its project and its number."""
        folder = self.folder / "repository"
        project, template = self.product.script(folder, "python", script)
        return project, self.product.run(project, template)


class FilesTests(ChangeTestCase):
    """An operator's files, put in place as certbot does: links to an archive."""

    def made(self) -> Product:
        """Issue the first pair, and return a server for it."""
        self.issuer = self.new_root()
        root = self.folder / "root.pem"
        root.write_bytes(self.issuer.certificate_pem)
        self.live, self.archive = (self.folder / name for name in ("live", "archive"))
        self.live.mkdir()
        self.archive.mkdir()
        self.issued = 0
        self.last = self.put(self.new_leaf())
        product = Owned(
            self.folder / "state",
            config={
                "web_root": "https://localhost",
                "tls_cert_file": str(self.live / "fullchain.pem"),
                "tls_key_file": str(self.live / "privkey.pem"),
            },
        )
        product.authority = root
        return product

    def new_root(self) -> Issued:
        """Return another authority."""
        return certificates.new_root(
            host="operator",
            names=["localhost"],
            addresses=[],
            now=utc_now(),
            entropy=os.urandom,
        )

    def new_leaf(self, name: str = "localhost", *, days: int = 0) -> Issued:
        """Return a certificate that was issued *days* ago."""
        return certificates.new_leaf(
            self.issuer,
            names=[name],
            addresses=[],
            now=utc_now() - timedelta(days=days),
            entropy=os.urandom,
        )

    def put(self, leaf: Issued) -> int:
        """Put a pair in place by links, and return the certificate's number."""
        self.place(leaf.certificate_pem + self.issuer.certificate_pem, leaf.key_pem)
        return leaf.certificate.serial_number

    def place(self, chain: bytes, key: bytes) -> None:
        """Write two files, and point the links to them."""
        self.issued += 1
        for name, content in (("fullchain", chain), ("privkey", key)):
            file = self.archive / f"{name}{self.issued}.pem"
            file.write_bytes(content)
            beside = self.live / "new"
            beside.symlink_to(file)
            beside.replace(self.live / f"{name}.pem")

    def overwrite(self, leaf: Issued) -> int:
        """Write a pair into the existing files."""
        (self.live / "fullchain.pem").write_bytes(
            leaf.certificate_pem + self.issuer.certificate_pem
        )
        (self.live / "privkey.pem").write_bytes(leaf.key_pem)
        return leaf.certificate.serial_number

    def hang_up(self) -> None:
        """Send the server a SIGHUP."""
        assert self.product.process is not None
        self.product.process.send_signal(signal.SIGHUP)

    def reload(self) -> None:
        """Reload with the command; the server has changed over when it returns."""
        done = self.tls("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.serial(), self.last)

    def ways(self, number: int) -> tuple[Callable[[Issued], int], Callable[[], None]]:
        """Return the steps by which change *number* is installed and announced."""
        put = self.put if number % 3 else self.overwrite
        if number % (CHANGES // UNTOLD) == 0:
            return put, lambda: None
        return put, self.reload if number % 10 == 5 else self.hang_up

    def test_changes(self) -> None:
        """A hundred changes cut no connection; unusable pairs are ignored."""
        gate = Gate()
        socket = self.product.websocket()
        self.addCleanup(socket.close)
        project, task = self.task(SCRIPT.format(gate=gate.port))
        seen: list[dict[str, Any]] = []
        watching = threading.Thread(
            target=lambda: seen.extend(socket.until_final(task))
        )
        watching.start()
        self.addCleanup(watching.join, TIMEOUT)
        self.addCleanup(gate.open)
        stored = f"/project/{project}/tasks/{task}/output"
        until(
            lambda: bool(self.product.api("GET", f"{stored}?from=120010")),
            "the task has printed a lot",
            TIMEOUT,
        )
        download = self.begin_download(project, task)
        got = [download.read(1000)]
        files = len(self.open_files())
        for number in range(CHANGES):
            put, tell = self.ways(number)
            self.last = put(self.new_leaf())
            tell()
            until(lambda: self.serial() == self.last, f"change {number} counts")
            got.append(download.read(50_000))
        for content in self.unusable():
            self.refuse(*content)
            got.append(download.read(50_000))
        self.assertLess(len(self.open_files()), files + 5)
        self.last = self.put(self.new_leaf())
        self.reload()
        self.assertEqual(self.product.command("tls", "show").returncode, 0)
        self.assertFalse(gate.is_open)
        got.append(download.read())
        gate.open()
        watching.join(TIMEOUT)
        self.check(b"".join(got), seen, project, task)

    def begin_download(self, project: int, task: int) -> http.client.HTTPResponse:
        """Request the whole output without reading it yet."""
        connection = http.client.HTTPSConnection(
            "localhost",
            self.product.port,
            context=self.product.context,
            timeout=TIMEOUT,
        )
        self.addCleanup(connection.close)
        connection.request(
            "GET",
            f"/api/project/{project}/tasks/{task}/raw_output",
            headers={"Authorization": f"Bearer {self.product.token}"},
        )
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        return response

    def check(
        self, content: bytes, seen: list[dict[str, Any]], project: int, task: int
    ) -> None:
        """Check that download and websocket lack nothing."""
        lines = self.product.output(project, task)
        # the download began while the task ran: it has the lines of that moment
        text = content.decode().splitlines()
        self.assertGreater(len(text), 120_000)
        self.assertEqual(text, lines[: len(text)])
        logged = [each["output"] for each in seen if each["type"] == "log"]
        self.assertEqual(logged, lines)
        ticks = [int(each.split()[1]) for each in lines if each.startswith("tick ")]
        self.assertEqual(ticks, list(range(len(ticks))))
        self.assertGreater(len(ticks), CHANGES)

    def open_files(self) -> list[str]:
        """Return the descriptors that the server has open; only root may see them."""
        assert self.product.process is not None
        if os.geteuid() != 0:
            return []
        return os.listdir(f"/proc/{self.product.process.pid}/fd")  # noqa: PTH208

    def unusable(self) -> list[tuple[str, bytes, bytes, str]]:
        """Return pairs that cannot serve: a name, both files, and the reason."""
        good, other = self.new_leaf(), self.new_leaf()
        chain = good.certificate_pem + self.issuer.certificate_pem
        old, foreign = self.new_leaf(days=100), self.new_leaf("elsewhere.internal")
        locked = good.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        wrong = self.new_root().certificate_pem
        return [
            ("another's key", chain, other.key_pem, "not the key of the first"),
            ("half a file", chain[:300], good.key_pem, "no usable certificate"),
            ("half a key", chain, good.key_pem[:100], "no usable private key"),
            ("nothing", b"", b"", "no usable certificate"),
            ("too old", old.certificate_pem, old.key_pem, "expired at"),
            (
                "the wrong way round",
                self.issuer.certificate_pem + good.certificate_pem,
                good.key_pem,
                "comes first",
            ),
            ("a wrong issuer", good.certificate_pem + wrong, good.key_pem, "issuer"),
            ("a passphrase", chain, locked, "passphrase"),
            (
                "another name",
                foreign.certificate_pem + self.issuer.certificate_pem,
                foreign.key_pem,
                "elsewhere.internal; expected localhost",
            ),
        ]

    def refuse(self, name: str, chain: bytes, key: bytes, reason: str) -> None:
        """Check that an unusable pair changes nothing, and is reported."""
        self.place(chain, key)
        self.hang_up()
        until(lambda: self.reason().find(reason) >= 0, f"{name}: {reason}", 10)
        self.assertEqual(self.serial(), self.last, name)
        done = self.tls("reload")
        self.assertNotEqual(done.returncode, 0, name)
        self.assertIn(reason, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def reason(self) -> str:
        """Return the reason that ``tls show`` gives for not using the newest pair."""
        done = self.tls("show", "--json")
        shown = json.loads(done.stdout)
        if shown["failing"]:
            self.assertEqual(done.returncode, 1)
        return str(shown["why"] if shown.get("failing_since") else "")


class AuthorityTests(ChangeTestCase):
    """The local CA."""

    def test_renewed(self) -> None:
        """The command returns when the running server has changed over."""
        socket = self.product.websocket()
        self.addCleanup(socket.close)
        for _ in range(3):
            before = self.serial()
            done = self.tls("renew")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotEqual(self.serial(), before)
            self.assertIn("The server presents the certificate", done.stdout)
        project, task = self.task("print('done')")
        self.assertEqual(self.product.wait(project, task), "success")
        self.assertEqual(socket.until_final(task)[-1]["status"], "success")

    def test_next_root(self) -> None:
        """A new root takes effect on a running server; clients of the old one go on."""
        socket = self.product.websocket()
        self.addCleanup(socket.close)
        former = self.kept("former.pem", self.product.root)
        found = installation.open_existing(
            config=None, state=self.product.state, environ={}
        )
        # A certificate begins an hour before it is made.
        month_ago = utc_now() - authority.OVERLAP + timedelta(hours=1, seconds=12)
        conn = connect(found.database, now=lambda: month_ago, entropy=os.urandom)
        with conn.transaction(write=True):
            made = first_start.certificates(
                conn, found.keyring(), found, next_root=True
            )
        conn.close()
        assert made.next_root is not None
        assert made.takes_over is not None
        coming, when = self.kept("coming.pem", made.next_root), made.takes_over
        self.assertEqual(self.tls("reload").returncode, 0)
        self.assertEqual(self.ping(former), b"pong")
        self.assertEqual(self.roots(), [False, True])
        until(lambda: utc_now() > when, "the month is over", 60)
        before = self.serial()
        self.assertEqual(self.tls("reload").returncode, 0)
        self.assertNotEqual(self.serial(), before)
        self.assertEqual(self.product.root.read_bytes(), coming.read_bytes())
        for root in (former, coming):
            self.assertEqual(self.ping(root), b"pong")
            self.check_go(root)
        project, task = self.task("print('done')")
        self.assertEqual(self.product.wait(project, task), "success")
        self.assertEqual(socket.until_final(task)[-1]["status"], "success")
        self.assertEqual(self.roots(), [False])

    def roots(self) -> list[bool]:
        """Return of each root that is shown whether it is yet to take over."""
        shown = json.loads(self.tls("show", "--json").stdout)["roots"]
        return [each["takes_over"] is not None for each in shown]

    def kept(self, name: str, root: Path) -> Path:
        """Return a copy of *root*, as a client has it."""
        return Path(shutil.copy(root, self.folder / name))

    def ping(self, root: Path) -> bytes:
        """Ask the server as curl does, with *root* the only one that is trusted."""
        url = f"{self.product.url}/api/ping"
        return subprocess.run(
            [program("curl"), "--silent", "--show-error", "--cacert", str(root), url],
            capture_output=True,
            check=True,
            timeout=TIMEOUT,
        ).stdout

    def check_go(self, root: Path) -> None:
        """Check that Go, in which Caddy is written, reaches the server with *root*."""
        port = free_port()
        words = ("--from", f":{port}", "--to", self.product.url, "--change-host-header")
        environ = {**os.environ, "SSL_CERT_FILE": str(root), "SSL_CERT_DIR": "/none"}
        caddy = subprocess.Popen(
            [program("caddy"), "reverse-proxy", *words],
            env={**environ, "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def answers() -> bool:
            try:
                url = f"http://127.0.0.1:{port}/api/ping"
                with urlopen(url, timeout=TIMEOUT) as answer:
                    return bool(answer.read() == b"pong")
            except OSError:
                return False

        try:
            until(answers, f"Caddy trusts {root.name}")
        finally:
            caddy.terminate()
            caddy.wait(TIMEOUT)
