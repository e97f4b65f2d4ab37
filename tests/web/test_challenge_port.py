"""The plain port: challenges by their token, everything else to HTTPS."""

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.listener.challenge_port import challenge_site

TOKEN = "a-Token_of-22-characters"
BELOW = f"/.well-known/acme-challenge/{TOKEN}"


class PortTests(SynchronousTestCase):
    """Answers of the port for challenges."""

    def ask(
        self,
        path: str,
        *lines: str,
        method: str = "GET",
        url: str = "https://ci.test:3000/b",
    ) -> tuple[str, dict[str, str], str]:
        """Return status, headers and body of the answer."""
        site = challenge_site({TOKEN: "answer"}.get, url, clock=Clock())
        protocol = site.buildProtocol(IPv4Address("TCP", "192.0.2.7", 5))
        assert protocol is not None
        transport = StringTransport()
        protocol.makeConnection(transport)
        head = "\r\n".join((f"{method} {path} HTTP/1.1", "Host: evil.test", *lines))
        protocol.dataReceived(f"{head}\r\n\r\n".encode("latin-1"))
        head, _, body = transport.value().decode("latin-1").partition("\r\n\r\n")
        status, *found = head.split("\r\n")
        headers = {
            name.lower(): value
            for name, _, value in (each.partition(": ") for each in found)
        }
        self.assertTrue(transport.disconnecting)
        self.assertEqual(headers["connection"], "close")
        protocol.connectionLost(Failure(ConnectionLost()))
        return status.partition(" ")[2], headers, body

    def test_challenge(self) -> None:
        """A pending token gets its answer, for any client and host."""
        status, _, body = self.ask(BELOW)
        self.assertEqual((status, body), ("200 OK", "answer"))
        self.assertEqual(self.ask(BELOW, method="HEAD")[2], "")

    def test_no_challenge(self) -> None:
        """Other paths get 404, and nothing is redirected."""
        for path in (
            f"{BELOW}x",
            f"{BELOW}/",
            f"{BELOW}%00",
            "/.well-known/acme-challenge/",
            "/.well-known/acme-challenge/../../etc/passwd",
            "/.well-known/acme-challenge/%2e%2e/config.json",
        ):
            status, headers, _ = self.ask(path)
            self.assertEqual(status, "404 Not Found", path)
            self.assertNotIn("location", headers)
        status, _, _ = self.ask(BELOW, "Content-Length: 0", method="POST")
        self.assertEqual(status, "404 Not Found")

    def test_redirect(self) -> None:
        """Reading leads to the configured site, with the path that was asked for."""
        for path, where in (
            ("/", "https://ci.test:3000/b/"),
            ("/b/project/1?x=y", "https://ci.test:3000/b/project/1?x=y"),
            ("//evil.test/", "https://ci.test:3000//evil.test/"),
        ):
            status, headers, _ = self.ask(path)
            self.assertEqual(status, "308 Permanent Redirect", path)
            self.assertEqual(headers["location"], where)
            self.assertNotIn("server", headers)
            self.assertNotIn("strict-transport-security", headers)

    def test_odd(self) -> None:
        """A redirect for an invalid target leads to the site itself."""
        for path in ("http://evil.test/x", "/\xe9", "*"):
            _, headers, _ = self.ask(path)
            where = headers.get("location", "https://ci.test:3000/")
            self.assertTrue(where.startswith("https://ci.test:3000/"), where)

    def test_secrets(self) -> None:
        """A request with a secret or a changing method is refused."""
        for method, line in (
            ("POST", "Content-Length: 0"),
            ("DELETE", "Accept: */*"),
            ("GET", "Authorization: Bearer secret"),
        ):
            status, headers, body = self.ask("/api/user", line, method=method)
            self.assertEqual(status, "426 Upgrade Required", method)
            self.assertNotIn("secret", str(headers) + body)
