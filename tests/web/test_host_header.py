"""Tests of which names a request may call the site by."""

from typing import Any, ClassVar

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.web.http.host_header import HostPolicy, name_of, no_names
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.proxies.client_address import ClientInfo
from tests.support.http import api_client

KNOWN = ("h.example", "*.wild.example", "localhost", "host", "[2001:db8::1]")


def client(host: str, *, trusted: bool = False, relayed: bool = False) -> ClientInfo:
    """Return the client side of a request that calls the site *host*."""
    return ClientInfo(
        address="192.0.2.7",
        host=host,
        scheme="https",
        trusted=trusted,
        relayed=relayed,
    )


class NameTests(SynchronousTestCase):
    """Parsing of the ``Host`` header."""

    def test_names(self) -> None:
        """Port, brackets, case and a final dot do not matter."""
        for host, name in (
            ("h.example", "h.example"),
            ("H.Example.:3000", "h.example"),
            ("h.example:", "h.example"),
            ("127.0.0.1:3000", "127.0.0.1"),
            ("[2001:DB8::1]:3000", "2001:db8::1"),
            ("my_host", "my_host"),
        ):
            self.assertEqual(name_of(host), name, host)

    def test_none(self) -> None:
        """Everything else is no name."""
        for host in (
            "h.example, evil.example",
            "evil@h.example",
            "h.example/evil",
            "h.example:3000:1",
            "h.example:port",
            "2001:db8::1",
            "[2001:db8::1",
            "h example",
            "h.example#",
            "h\u0456.example",
            "x" * 255,
            '"><script>',
        ):
            self.assertIsNone(name_of(host), host)


class WelcomeTests(SynchronousTestCase):
    """Which host names are accepted."""

    HOSTILE: ClassVar[tuple[str, ...]] = (
        "evil.example",
        "h.example.evil.example",
        "evil-h.example",
        "h.example@evil.example",
        "evil.example#h.example",
        "h.example,evil.example",
        "a.b.wild.example",
        "wild.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.1",
        "0x7f.0.0.1",
        "xn--h-0tb.example",
        "intranet",
        "h.example:80:80",
    )

    def test_known(self) -> None:
        """The site's names are, with any port, and one label below a wildcard."""
        hosts = HostPolicy.of(KNOWN, no_names)
        for host in ("h.example:3000", "H.EXAMPLE.", "a.wild.example", "localhost"):
            self.assertTrue(hosts.accepts(client(host)), host)

    def test_hostile(self) -> None:
        """Names that only look like the site's are not."""
        hosts = HostPolicy.of(KNOWN, no_names)
        for host in self.HOSTILE:
            self.assertFalse(hosts.accepts(client(host)), host)

    def test_addresses(self) -> None:
        """An address always is; a page of elsewhere cannot be rebound to one."""
        hosts = HostPolicy.of(KNOWN, no_names)
        for host in ("203.0.113.9", "203.0.113.9:3000", "[2001:db8::9]:3000"):
            self.assertTrue(hosts.accepts(client(host)), host)

    def test_neighbour(self) -> None:
        """A proxy may use the bare name by which it knows this machine."""
        hosts = HostPolicy.of(KNOWN, no_names)
        self.assertTrue(hosts.accepts(client("semaphore:3000", trusted=True)))
        self.assertFalse(hosts.accepts(client("semaphore:3000")))
        self.assertFalse(hosts.accepts(client("evil.example", trusted=True)))

    def test_relayed(self) -> None:
        """Without the operator's setting a trusted proxy gives the site's name."""
        open_ = HostPolicy.of(KNOWN, no_names, relayed=True)
        strict = HostPolicy.of(KNOWN, no_names)
        passed_on = client("ci.example.org", trusted=True, relayed=True)
        self.assertTrue(open_.accepts(passed_on))
        self.assertFalse(strict.accepts(passed_on))
        self.assertFalse(open_.accepts(client("ci.example.org", trusted=True)))
        self.assertFalse(open_.accepts(client("ci.example.org")))
        odd = client("ci.example.org, evil", trusted=True, relayed=True)
        self.assertFalse(open_.accepts(odd))

    def test_without(self) -> None:
        """Health checks by HTTP/1.0 name nothing."""
        self.assertTrue(HostPolicy.of(KNOWN, no_names).accepts(client("")))

    def test_off(self) -> None:
        """A star lets every name in, and so do no names at all."""
        for names in ((*KNOWN, "*"), ()):
            hosts = HostPolicy.of(names, no_names)
            for host in self.HOSTILE:
                self.assertTrue(hosts.accepts(client(host)), host)

    def test_certified(self) -> None:
        """The names in the certificate of the moment are the site's too."""
        names: list[str] = []
        hosts = HostPolicy.of(KNOWN, lambda: names)
        self.assertFalse(hosts.accepts(client("new.example")))
        names += ["NEW.example", "*.more.example"]
        self.assertTrue(hosts.accepts(client("new.example")))
        self.assertTrue(hosts.accepts(client("a.more.example")))

    def test_told_once(self) -> None:
        """Each unknown name is logged once with the option, up to a limit."""
        events: list[Any] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        hosts = HostPolicy.of(KNOWN, no_names)
        for _ in range(3):
            hosts.accepts(client("evil.example"))
        self.assertEqual([each["name"] for each in events], ["evil.example"])
        self.assertIn("allowed_hosts", events[0]["log_format"])
        for number in range(1000):
            hosts.accepts(client(f"{number}.evil.example"))
            hosts.accepts(client(f"{number}\n.evil.example"))
        self.assertEqual(len(events), 50)


class SiteTests(SynchronousTestCase):
    """The rules of names in the whole site."""

    def test_everything(self) -> None:
        """The page, the API and the websocket are refused alike, before anything."""
        client = api_client(options=WebOptions(hosts=KNOWN), host="evil.example")
        for path in ("/", "/api/ping", "/api/user", "/api/ws", "/enroll"):
            answer = client.get(path)
            self.assertEqual(answer.status, 421, path)
            self.assertIn("allowed_hosts", answer.json["error"])
            self.assertNotIn(b"evil", answer.body)
            self.assertIsNone(answer.header("set-cookie"))
        answer = client.post("/api/auth/login", {"auth": "admin", "password": "x"})
        self.assertEqual(answer.status, 421)

    def test_forwarded(self) -> None:
        """A forwarded host name counts only if a proxy sent it."""
        options = WebOptions(config=Config(trusted_proxies=("10.0.0.7",)), hosts=KNOWN)
        for peer, host, told, wanted in (
            ("10.0.0.7", "backend:3000", "h.example", 200),
            ("10.0.0.7", "backend:3000", "evil.example", 421),
            ("10.0.0.7", "h.example", "evil.example", 421),
            ("192.0.2.7", "evil.example", "h.example", 421),
            ("192.0.2.7", "h.example", "evil.example", 200),
        ):
            client = api_client(options=options, host=host, peer=peer, secure=False)
            answer = client.get("/api/ping", headers={"X-Forwarded-Host": told})
            with self.subTest(peer=peer, host=host, told=told):
                self.assertEqual(answer.status, wanted)
