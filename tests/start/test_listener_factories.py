"""The factories of the listeners."""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from semaphore_twisted.config.options import Config
from semaphore_twisted.start.listener_factories import ListenerFactories, known_hosts
from semaphore_twisted.web.http.site import Site
from semaphore_twisted.web.listener.pending_connections import EACH
from semaphore_twisted.web.listener.tls import PemCertificates
from tests.support.http import parse
from tests.support.wires import TlsClient, Wire
from tests.web.test_tls import pair

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Nothing(Resource):
    """Answers anything with an empty page."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """Return an empty answer."""
        return b""


class ListenerFactoriesTests(SynchronousTestCase):
    """Factories from a configuration."""

    def setUp(self) -> None:
        """Have a site and a clock."""
        self.clock = Clock()
        self.site = Site(Nothing(), clock=self.clock)

    def listener_factories(self, **options: Any) -> ListenerFactories:
        """Return the maker of factories with *options*, over TLS."""
        chain, key = pair()
        source = PemCertificates(chain=chain, key=key)
        return ListenerFactories(
            config=Config(**options), source=source, clock=self.clock
        )

    def answer(self, factory: Any, peer: str = "192.0.2.7") -> tuple[int, str | None]:
        """Return the status of a plain request from *peer*, and where it is sent."""
        wire = Wire(peer)
        self.assertTrue(wire.connect(factory))
        wire.deliver(GET)
        found = parse(wire.value())
        return found.status, found.header("location")

    def test_known_hosts(self) -> None:
        """This machine's names, its addresses, and the interfaces are known."""
        found = known_hosts(Config(interface="198.51.100.7,[2001:db8::1],unix:/run/s"))
        self.assertLess(
            {"localhost", "127.0.0.1", "198.51.100.7", "2001:db8::1"}, found
        )
        self.assertNotIn("", known_hosts(Config()))

    def test_options(self) -> None:
        """Trusted proxies are served in plain, other clients redirected to TLS."""
        made = self.listener_factories(trusted_proxies=("192.0.2.8",))
        factory = made.to(self.site, port=3000)
        self.assertEqual(self.answer(factory, "192.0.2.8"), (200, None))
        self.assertEqual(self.answer(factory), (308, "https://localhost:3000/x"))
        named = made.to(self.site, port=3000, web_host="https://h.example")
        self.assertEqual(self.answer(named), (308, "https://h.example/x"))

    def test_redirects(self) -> None:
        """The second port only redirects to the first."""
        factory = self.listener_factories().redirects(port=3000, url="")
        for peer in ("127.0.0.1", "192.0.2.7"):
            found = self.answer(factory, peer)
            self.assertEqual(found, (308, "https://localhost:3000/x"))
        named = self.listener_factories().redirects(
            port=3000, url="https://h.example:8443"
        )
        self.assertEqual(self.answer(named), (308, "https://h.example:8443/x"))

    def test_shared_limit(self) -> None:
        """The limits hold for all listeners together."""
        made = self.listener_factories()
        first, second = made.to(self.site, port=1), made.redirects(port=1, url="")
        for _ in range(EACH):
            Wire().connect(first)
        self.assertFalse(Wire().connect(second))

    def test_plain(self) -> None:
        """A plain port serves all clients without TLS, within the same limit."""
        made = self.listener_factories()
        plain = made.plain(self.site)
        self.assertEqual(self.answer(plain), (200, None))
        wire = Wire("192.0.2.7")
        wire.connect(plain)
        wire.deliver(TlsClient(wire).hello())
        self.assertTrue(wire.gone)
        for _ in range(EACH):
            Wire("192.0.2.7").connect(made.to(self.site, port=1))
        wire = Wire("192.0.2.7")
        wire.connect(plain)
        self.assertTrue(wire.gone)
