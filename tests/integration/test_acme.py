"""Certificates of a real authority, for a real server: both challenges, restarts."""

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.certificates import covers
from tests.support.pebble import Pebble, presented
from tests.support.product import TIMEOUT, Product, clean_environment, free_port

NAME = "ci.example.org"

#: Seconds within which even a second try has been made, a minute and more after the
#: first: Pebble refuses nonces by chance, and now and then too many in a row.
LONG = 3 * TIMEOUT


class AcmeTests(SynchronousTestCase):
    """A server, Pebble, and the clients of both."""

    def setUp(self) -> None:
        """Make the folder, and both programs; start the CA."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.plain = free_port()
        self.product = Product(self.folder / "state", is_warm=True)
        self.addCleanup(self.product.stop)
        self.pebble = Pebble(
            self.folder, http_port=self.plain, tls_port=self.product.port
        )
        self.addCleanup(self.pebble.stop)
        self.product.environ.update(
            SEMAPHORE_TLS_MODE="acme",
            SEMAPHORE_WEB_ROOT=f"https://{NAME}",
            SEMAPHORE_ACME_AGREE_TOS="true",
            SEMAPHORE_ACME_EMAIL="ops@example.org",
            SEMAPHORE_ACME_DIRECTORY=self.pebble.directory,
            SEMAPHORE_ACME_CA_BUNDLE=str(self.pebble.bundle),
            SEMAPHORE_ACME_HTTP_PORT=str(self.plain),
        )

    def issuer(self, name: str | None = NAME) -> str:
        """Return the issuer of the certificate that is served for *name*."""
        leaf, _ = presented(self.product.port, name)
        return leaf.issuer.rfc4514_string()

    def wait(self) -> None:
        """Wait until the CA's certificate is presented."""
        deadline = time.monotonic() + LONG
        while "Pebble" not in self.issuer():
            if time.monotonic() > deadline:
                raise AssertionError(self.product.log.read_text() + self.pebble.log)
            time.sleep(0.1)

    def tls(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore tls``."""
        return self.product.command("tls", *words)

    def ask_plain(self, path: str, method: str = "GET", **headers: str) -> Any:
        """Ask the plain port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            response.body = response.read()  # type: ignore[attr-defined]
            return response
        finally:
            connection.close()

    def test_http(self) -> None:
        """The challenge http-01 from the first start to a renewal, with one account."""
        self.pebble.start()
        self.product.start()
        self.wait()
        leaf, protocol = presented(self.product.port, NAME, (b"h2", b"http/1.1"))
        self.assertTrue(covers(leaf, NAME))
        self.assertEqual(protocol, b"http/1.1")
        # for this machine's name the local CA's certificate is still served
        self.assertIn("Semaphore", self.issuer("localhost"))
        self.assertEqual(self.product.call("GET", "/api/ping").content, b"pong")
        # the plain port
        answer = self.ask_plain("/project/1?x=y", Host="evil.example")
        self.assertEqual(answer.status, 308)
        self.assertEqual(answer.getheader("location"), f"https://{NAME}/project/1?x=y")
        self.assertIsNone(answer.getheader("server"))
        self.assertEqual(self.ask_plain("/", "POST").status, 426)
        odd = "/.well-known/acme-challenge/../../config.json"
        self.assertEqual(self.ask_plain(odd).status, 404)
        # the command line
        shown = self.tls("show", "--json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(json.loads(shown.stdout)["served"], "acme")
        before = presented(self.product.port, NAME)[0]
        renewed = self.tls("renew")
        self.assertEqual(renewed.returncode, 0, renewed.stderr + renewed.stdout)
        after = presented(self.product.port, NAME)[0]
        self.assertNotEqual(before.serial_number, after.serial_number)
        self.assertNotEqual(before.public_key(), after.public_key())
        # after a restart the stored certificate is served, without an order
        self.product.kill()
        self.pebble.stop()
        self.product.start()
        self.assertEqual(presented(self.product.port, NAME)[0], after)
        log = self.pebble.log
        self.assertEqual(log.count("There are now 1 accounts in memory"), 1)
        self.assertNotIn("There are now 2 accounts", log)
        for path in (self.product.state / "tls").iterdir():
            public = path.name in {"root.pem", "chain.pem"}
            self.assertEqual(path.stat().st_mode & 0o777, 0o644 if public else 0o600)

    def test_alpn(self) -> None:
        """The challenge tls-alpn-01 on the site's own port."""
        self.product.environ["SEMAPHORE_ACME_CHALLENGE"] = "tls-alpn-01"
        self.pebble.start()
        self.product.start()
        self.wait()
        for protocols in ((b"acme-tls/1",), (b"acme-tls/1", b"http/1.1")):
            leaf, protocol = presented(self.product.port, NAME, protocols)
            self.assertIn("Pebble", leaf.issuer.rfc4514_string())
            self.assertNotEqual(protocol, b"acme-tls/1")

    def test_bound(self) -> None:
        """An account that the CA binds to a customer's."""
        self.pebble.external = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG4"}
        self.pebble.external["kid-1"] += "4nMU3sMHXkDhLcBGhMqB"
        self.pebble.start()
        self.product.start()
        deadline = time.monotonic() + LONG
        while "acme.eab_kid" not in (shown := self.tls("show").stdout):
            self.assertLess(time.monotonic(), deadline, shown)
        self.assertEqual(self.tls("show").returncode, 1)
        self.assertIn("acme.eab_kid", self.tls("check").stdout)
        self.product.stop()
        self.product.environ.update(
            SEMAPHORE_ACME_EAB_KID="kid-1",
            SEMAPHORE_ACME_EAB_KEY=self.pebble.external["kid-1"],
        )
        self.product.start()
        self.assertEqual(self.tls("renew").returncode, 0)
        self.wait()
        log = self.product.log.read_text()
        self.assertNotIn(self.pebble.external["kid-1"], log)

    def test_untrusted(self) -> None:
        """No request is sent to a CA whose own certificate is not trusted."""
        self.pebble.start()
        self.product.environ.pop("SEMAPHORE_ACME_CA_BUNDLE")
        self.product.start()
        found = self.tls("check")
        self.assertEqual(found.returncode, 1)
        self.assertIn("not trusted", found.stdout)
        self.assertIn("acme.ca_bundle", found.stdout)
        self.assertIn("Semaphore", self.issuer())

    def test_refused(self) -> None:
        """An invalid CA bundle stops the start with the option's name."""
        self.product.environ["SEMAPHORE_ACME_CA_BUNDLE"] = str(self.folder / "none")
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("twistd")),
                *("-n", "semaphore", "--state", str(self.product.state)),
            ],
            env=clean_environment(**self.product.environ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("acme.ca_bundle: ", done.stderr)
