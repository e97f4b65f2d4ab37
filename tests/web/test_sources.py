"""A client is the same source for each counter, also over dual-stack listeners."""

from collections.abc import Callable

from twisted.internet.address import IPv6Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.model.errors import TooManyAttempts
from semaphore_twisted.web.enroll import redeem_limit
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.listener.challenge_port import challenge_site
from semaphore_twisted.web.listener.connection_limit import EACH, ConnectionLimit
from semaphore_twisted.web.listener.pending_connections import EACH as WAITING
from semaphore_twisted.web.listener.pending_connections import PendingConnections
from semaphore_twisted.web.listener.plain_http import PlainHttpFactory, RedirectPolicy
from semaphore_twisted.web.proxies.client_address import PublicUrl
from semaphore_twisted.web.proxies.trusted_proxies import TrustedProxies
from tests.support.http import api_client
from tests.support.wires import Wire
from tests.web.test_port import PortTestCase

#: Two clients of IPv4 as a dual-stack listener reports them, and the first one's name.
FIRST, OTHER, PLAIN = "::ffff:192.0.2.7", "::ffff:192.0.2.8", "192.0.2.7"


class CounterTests(SynchronousTestCase):
    """A client at its limit, under either of its names, and another client."""

    def check(self, take: Callable[[str], bool], most: int) -> None:
        """Check that *take* lets one client pass *most* times, and another one too."""
        for number in range(most):
            self.assertTrue(take(PLAIN if number % 2 else FIRST), number)
        self.assertFalse(take(FIRST))
        self.assertFalse(take(PLAIN))
        self.assertTrue(take(OTHER))
        self.assertTrue(take("2001:db8::7"))

    def test_connections(self) -> None:
        """The connections that are open."""
        self.check(ConnectionLimit(Clock()).admit, EACH)

    def test_trusted(self) -> None:
        """This machine and a named proxy have no limit."""
        connections = ConnectionLimit(Clock(), TrustedProxies.of(["192.0.2.8"]))
        for peer in ("::ffff:127.0.0.1", OTHER):
            self.assertTrue(all(connections.admit(peer) for _ in range(2 * EACH)))

    def test_redirects(self) -> None:
        """The connections that wait at the port that redirects."""
        refusals = RedirectPolicy(public_url=PublicUrl(""), port=443, names=frozenset())
        strangers = PlainHttpFactory(refusals, PendingConnections(Clock()))
        self.check(
            lambda peer: Wire(peer).connect(strangers),
            WAITING,
        )

    def test_enrolling(self) -> None:
        """The attempts to enroll."""
        counter = redeem_limit.RedeemLimit(Clock().seconds)

        def attempt(peer: str) -> bool:
            try:
                counter.begin(peer)
            except TooManyAttempts:
                return False
            return True

        self.check(attempt, redeem_limit.BURST)


class WaitingTests(PortTestCase):
    """The connections that are pending."""

    def wait(self, peer: str) -> bool:
        """Return whether a connection from *peer* may wait."""
        wire = Wire(peer)
        wire.connect(self.port)
        return not wire.gone

    def test_waiting(self) -> None:
        """One client has its places, and does not take those of another one."""
        for _ in range(WAITING):
            self.assertTrue(self.wait(FIRST))
        self.assertFalse(self.wait(PLAIN))
        self.assertTrue(self.wait(OTHER))
        self.assertTrue(self.wait("::ffff:127.0.0.1"))


class RequestTests(SynchronousTestCase):
    """The client's address for a mapped address."""

    def test_lock_out(self) -> None:
        """All connections of one client keep no other client out."""
        client = api_client()
        client.peer = FIRST
        for _ in range(EACH):
            client.send(b"")
        client.peer = OTHER
        self.assertEqual(client.get("/api/ping").status, 200)

    def test_access_log(self) -> None:
        """The access log has the client's own address, also for an invalid request."""
        client = api_client()
        client.peer = FIRST
        with capturedLogs() as events:
            client.get("/api/ping")
            client.send(b"nothing\r\n\r\n")
        lines = [formatEvent(each) or "" for each in events]
        self.assertEqual([each.split()[0] for each in lines], [PLAIN, PLAIN])

    def test_throttle(self) -> None:
        """Guesses are counted for the client, and logged with its address."""
        client = api_client()
        body = {"auth": "admin", "password": "wrong"}
        for number in range(20):
            client.peer = PLAIN if number % 2 else FIRST
            body["auth"] = f"user{number}"
            self.assertEqual(client.post("/api/auth/login", body).status, 401)
        client.peer = FIRST
        self.assertEqual(client.post("/api/auth/login", body).status, 429)
        client.peer = OTHER
        self.assertEqual(client.post("/api/auth/login", body).status, 401)

    def test_trust(self) -> None:
        """Only a named proxy is trusted, over either family."""
        client = api_client(options=WebOptions(config=Config(trusted_proxies=(PLAIN,))))
        said = {"X-Forwarded-For": "::ffff:198.51.100.9", "X-Forwarded-Proto": "https"}
        for peer, address in ((FIRST, "198.51.100.9"), (OTHER, "192.0.2.8")):
            client.peer = peer
            with capturedLogs() as events:
                client.get("/api/ping", headers=said)
            line = formatEvent(events[0]) or ""
            self.assertEqual(line.split()[0], address)

    def test_challenge_port(self) -> None:
        """The warning of a secret in clear text names the client."""
        site = challenge_site(lambda _: None, "https://ci.test", clock=Clock())
        protocol = site.buildProtocol(IPv6Address("TCP", FIRST, 5))
        assert protocol is not None
        transport = StringTransport(peerAddress=IPv6Address("TCP", FIRST, 5))
        protocol.makeConnection(transport)
        with capturedLogs() as events:
            protocol.dataReceived(
                b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n"
            )
        warned = [formatEvent(each) or "" for each in events if "peer" in each]
        self.assertEqual(len(warned), 1)
        self.assertTrue(warned[0].startswith(f"{PLAIN} sent a token"), warned[0])
