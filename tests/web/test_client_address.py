"""Tests of the trust in forwarding headers."""

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.proxies.client_address import (
    ClientInfo,
    PublicUrl,
    client_info,
    origin,
    origin_of,
    same_origin,
)
from semaphore_twisted.web.proxies.trusted_proxies import TrustedProxies


def client(peer: str | None, tls: bool = False, **headers: str) -> ClientInfo:
    """Return the client side of a request with *headers* (``_`` for ``-``)."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client_info(peer=peer, tls=tls, header=sent.get)


class VisitTests(SynchronousTestCase):
    """Only a proxy on this machine, over plain HTTP, is trusted."""

    #: peer, over TLS, X-Forwarded-For, the client's address
    ADDRESSES: ClassVar[tuple[tuple[str | None, bool, str, str], ...]] = (
        ("127.0.0.1", False, "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", False, "203.0.113.9:5123", "203.0.113.9"),
        ("::1", False, "2001:db8::7", "2001:db8::7"),
        ("::1", False, "[2001:db8::7]:5123", "2001:db8::7"),
        (None, False, "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", False, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", False, "203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", False, "203.0.113.9, ::1, 127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", False, "203.0.113.9, unknown", "127.0.0.1"),
        ("127.0.0.1", False, "unknown", "127.0.0.1"),
        ("127.0.0.1", False, "", "127.0.0.1"),
        ("127.0.0.1", False, "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", False, "127.0.0.2", "127.0.0.2"),
        ("127.0.0.1", True, "203.0.113.9", "127.0.0.1"),
        ("192.0.2.7", False, "203.0.113.9", "192.0.2.7"),
        ("192.0.2.7", True, "127.0.0.1", "192.0.2.7"),
        ("10.0.0.1", False, "203.0.113.9", "10.0.0.1"),
        ("2001:db8::1", True, "::1", "2001:db8::1"),
        (
            "127.0.0.1",
            False,
            ", ".join(f"198.51.100.{n}" for n in range(50)),
            "198.51.100.49",
        ),
        ("127.0.0.1", False, "evil<script>, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", False, "1.2.3.4.5", "127.0.0.1"),
    )

    def test_mapped(self) -> None:
        """An IPv4 peer on an IPv6 socket is itself, and loopback is trusted."""
        for peer, shown, trusted in (
            ("::ffff:127.0.0.1", "127.0.0.1", True),
            ("::ffff:192.0.2.7", "192.0.2.7", False),
        ):
            client = client_info(peer=peer, tls=False, header=lambda _: None)
            self.assertEqual((client.address, client.trusted), (shown, trusted))

    def test_address(self) -> None:
        """The client is the last address of the chain that trusted proxies reported."""
        for peer, tls, chain, wanted in self.ADDRESSES:
            with self.subTest(peer=peer, tls=tls, chain=chain):
                found = client(peer, tls, x_forwarded_for=chain)
                self.assertEqual(found.address, wanted)

    def test_believed(self) -> None:
        """Scheme and host are taken from a proxy on this machine."""
        found = client(
            "127.0.0.1",
            host="127.0.0.1:3000",
            x_forwarded_proto="https",
            x_forwarded_host="h.example",
        )
        self.assertEqual((found.scheme, found.host), ("https", "h.example"))
        self.assertTrue(found.relayed)

    def test_not_believed(self) -> None:
        """From another machine, or over TLS, the headers are passed over."""
        for peer, tls in (("192.0.2.7", False), ("127.0.0.1", True)):
            found = client(
                peer,
                tls,
                host="real.example",
                x_forwarded_proto="ftp" if tls else "https",
                x_forwarded_host="evil.example",
            )
            self.assertEqual(found.scheme, "https" if tls else "http")
            self.assertEqual(found.host, "real.example")
            self.assertFalse(found.relayed)

    @given(st.text(max_size=60))
    def test_noise(self, chain: str) -> None:
        """Any content of the header gives a valid address."""
        for name in ("x-forwarded-for", "forwarded"):
            found = client_info(peer="127.0.0.1", tls=False, header={name: chain}.get)
            self.assertNotEqual(found.address, "")


class TrustedProxyTests(SynchronousTestCase):
    """Proxies elsewhere are trusted if the operator named them."""

    TRUST = TrustedProxies.of(["10.0.0.0/24", "203.0.113.80", "2001:db8:aa::/48"])

    #: peer, over TLS, X-Forwarded-For, the client's address, believed
    TABLE: ClassVar[tuple[tuple[str | None, bool, str, str, bool], ...]] = (
        ("10.0.0.7", False, "198.51.100.9", "198.51.100.9", True),
        ("10.0.0.7", True, "198.51.100.9", "198.51.100.9", True),
        ("::ffff:10.0.0.7", False, "198.51.100.9", "198.51.100.9", True),
        ("10.0.1.7", False, "198.51.100.9", "10.0.1.7", False),
        ("203.0.113.80", False, "198.51.100.9", "198.51.100.9", True),
        ("203.0.113.81", False, "198.51.100.9", "203.0.113.81", False),
        ("2001:db8:aa:1::5", False, "2001:db8::7", "2001:db8::7", True),
        ("2001:db8:ab::5", False, "2001:db8::7", "2001:db8:ab::5", False),
        ("2001:db8:aa::5", False, "[2001:db8::7]:443", "2001:db8::7", True),
        # two proxies of ours, and one that the client made up
        ("10.0.0.7", False, "198.51.100.9, 203.0.113.80", "198.51.100.9", True),
        ("10.0.0.7", False, "1.2.3.4, 198.51.100.9", "198.51.100.9", True),
        ("10.0.0.7", False, "10.0.0.9, 198.51.100.9", "198.51.100.9", True),
        ("10.0.0.7", False, "1.2.3.4, 198.51.100.9, ::1", "198.51.100.9", True),
        ("10.0.0.7", False, "::ffff:198.51.100.9", "198.51.100.9", True),
        ("10.0.0.7", False, "198.51.100.9, ::ffff:10.0.0.8", "198.51.100.9", True),
        ("10.0.0.7", False, "unknown", "10.0.0.7", True),
        ("10.0.0.7", False, "198.51.100.9, unknown", "10.0.0.7", True),
        ("10.0.0.7", False, "198.51.100.9,", "10.0.0.7", True),
        # the machine of a proxy of ours asks for itself
        ("10.0.0.7", False, "10.0.0.8, 10.0.0.9", "10.0.0.8", True),
        ("10.0.0.7", False, "10.0.0.7, unknown, 10.0.0.9", "10.0.0.7", True),
        ("127.0.0.1", False, "198.51.100.9, 10.0.0.9", "198.51.100.9", True),
        ("127.0.0.1", True, "198.51.100.9", "127.0.0.1", False),
        (None, False, "198.51.100.9, 10.0.0.9", "198.51.100.9", True),
        ("10.0.0.7", False, ", ".join(["1.2.3.4"] * 50), "1.2.3.4", True),
    )

    def client(self, peer: str | None, tls: bool = False, **headers: str) -> ClientInfo:
        """Return the client side of a request with *headers* (``_`` for ``-``)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return client_info(peer=peer, tls=tls, header=sent.get, trust=self.TRUST)

    def test_address(self) -> None:
        """The client is the last address that is no proxy of ours."""
        for peer, tls, chain, wanted, believed in self.TABLE:
            with self.subTest(peer=peer, tls=tls, chain=chain):
                found = self.client(peer, tls, x_forwarded_for=chain)
                self.assertEqual((found.address, found.trusted), (wanted, believed))

    def test_loopback_alone(self) -> None:
        """With a list, a proxy on this machine is still trusted, except over TLS."""
        self.assertTrue(self.client("127.0.0.1").trusted)
        for named in ("::ffff:10.0.0.1", "::ffff:10.0.0.0/120"):
            self.assertTrue(TrustedProxies.of([named]).names("10.0.0.1"))
            self.assertFalse(TrustedProxies.of([named]).names("10.0.1.1"))
        self.assertFalse(self.client("127.0.0.1", tls=True).trusted)
        listed = TrustedProxies.of(["127.0.0.1"])
        self.assertTrue(listed.relays("127.0.0.1", tls=True))

    def test_scheme(self) -> None:
        """The scheme is this connection's TLS, else a trusted proxy's header."""
        said = {"x_forwarded_proto": "https", "x_forwarded_host": "h.example"}
        found = self.client("10.0.0.7", False, host="10.0.0.1:3000", **said)
        self.assertEqual((found.scheme, found.host), ("https", "h.example"))
        found = self.client("10.0.1.7", False, host="real.example", **said)
        self.assertEqual((found.scheme, found.host), ("http", "real.example"))
        self.assertIsNone(self.client("10.0.0.7", x_forwarded_for="1.2.3.4").scheme)
        self.assertIsNone(self.client("10.0.0.7", x_forwarded_proto="ftp").scheme)
        self.assertEqual(self.client("10.0.0.7", tls=True).scheme, "https")

    def test_silent_proxy(self) -> None:
        """If a proxy omits the scheme, a browser's own origin gives it."""
        said = {"x_forwarded_for": "192.0.2.7", "x_forwarded_host": "H.example:8443"}
        for sent, wanted in (
            ("https://h.example:8443", "https"),
            ("HTTPS://H.EXAMPLE:8443", "https"),
            ("http://h.example:8443", None),
            ("https://h.example", None),
            ("https://evil.example:8443", None),
            ("null", None),
            ("", None),
        ):
            found = self.client("10.0.0.7", False, origin=sent, **said)
            self.assertEqual(found.scheme, wanted, sent)
        sent = "https://h.example:8443"
        # it does not change a proxy's header, and is ignored without one
        said["x_forwarded_proto"] = "http"
        found = self.client("10.0.0.7", False, origin=sent, **said)
        self.assertEqual(found.scheme, "http")
        found = self.client("10.0.1.7", origin=sent, host="h.example:8443")
        self.assertEqual(found.scheme, "http")
        found = self.client("127.0.0.1", origin=sent, host="h.example:8443")
        self.assertIsNone(found.scheme)
        self.assertIsNone(self.client("10.0.0.7", x_forwarded_for="1.2.3.4").scheme)

    def test_forwarded(self) -> None:
        """RFC 7239's header has the same effect, if it is alone."""
        for text, wanted in (
            ("for=198.51.100.9;proto=https;host=h.example", "198.51.100.9"),
            ('For="198.51.100.9:4711"; Proto=HTTPS ;HOST="h.example"', "198.51.100.9"),
            ('for="[2001:db8::7]:80";host=h.example;proto=https', "2001:db8::7"),
            ("for=1.2.3.4, for=198.51.100.9;proto=https;host=h.example", None),
            ("for=198.51.100.9, for=10.0.0.8;by=x;proto=https;host=h.example", None),
            ('for="1.2.3.4, 9.9.9.9";proto=https;host=h.example', "10.0.0.7"),
            ("for=unknown;proto=https;host=h.example", "10.0.0.7"),
            ("for=_hidden;proto=https;host=h.example", "10.0.0.7"),
        ):
            with self.subTest(text=text):
                found = self.client("10.0.0.7", forwarded=text)
                self.assertEqual(found.address, wanted or "198.51.100.9")
                self.assertEqual((found.scheme, found.host), ("https", "h.example"))
        for text in ("for=1.2.3.4;;=", "for=1.2.3.4 for=2.2.2.2", 'for="1.2.3.4'):
            self.assertEqual(
                self.client("10.0.0.7", forwarded=text).address, "10.0.0.7"
            )
        elsewhere = self.client("10.0.1.7", forwarded="for=1.2.3.4;proto=https")
        self.assertEqual((elsewhere.address, elsewhere.scheme), ("10.0.1.7", "http"))

    def test_both(self) -> None:
        """A header that the proxy did not write is not preferred to its own."""
        found = self.client(
            "10.0.0.7", forwarded="for=1.2.3.4;host=evil", x_forwarded_for="9.9.9.9"
        )
        self.assertEqual((found.address, found.host), ("9.9.9.9", ""))

    def test_long(self) -> None:
        """A header of 16 KiB is read at once."""
        for text in (" " * 16_000 + "x", "for=" + "a" * 16_000, "=," * 8_000):
            self.assertEqual(
                self.client("10.0.0.7", forwarded=text).address, "10.0.0.7"
            )


class PlaceTests(SynchronousTestCase):
    """``web_host`` gives the site's URL."""

    def test_parts(self) -> None:
        """It has a scheme, a host and a base path, or some of them."""
        place = PublicUrl("https://H.example/semaphore/")
        self.assertEqual(
            (place.origin, place.base), ("https://h.example", "/semaphore")
        )
        self.assertEqual(PublicUrl("h.example").origin, "https://h.example")
        self.assertEqual((PublicUrl("").origin, PublicUrl("").base), ("", ""))

    def test_secure(self) -> None:
        """TLS is the client's own, or reported by a trusted proxy or ``web_host``."""
        own = client("192.0.2.7", tls=True, host="h.example")
        told = client("127.0.0.1", host="x", x_forwarded_proto="https")
        silent = client("127.0.0.1", host="127.0.0.1:3000", x_forwarded_for="192.0.2.7")
        plain = client("192.0.2.7", host="h.example", x_forwarded_proto="https")
        self.assertTrue(PublicUrl("").secure(own))
        self.assertTrue(PublicUrl("").secure(told))
        self.assertFalse(PublicUrl("").secure(silent))
        self.assertTrue(PublicUrl("https://h.example").secure(silent))
        self.assertFalse(PublicUrl("https://h.example").secure(plain))

    def test_own_origins(self) -> None:
        """The site's own origins are ``web_host`` and the request's own host."""
        found = PublicUrl("https://h.example/x").own_origins(
            client("192.0.2.7", tls=True, host="10.0.0.1:3000")
        )
        self.assertEqual(found, {"https://h.example", "https://10.0.0.1:3000"})

    def test_origins_of_a_silent_proxy(self) -> None:
        """``web_host`` gives the scheme that a proxy omits."""
        silent = client("127.0.0.1", host="h.example", x_forwarded_for="192.0.2.7")
        direct = client("127.0.0.1", host="localhost:3000")
        place = PublicUrl("https://h.example")
        self.assertEqual(place.own_origins(silent), {"https://h.example"})
        self.assertEqual(
            PublicUrl("").own_origins(silent), {"https://h.example", "http://h.example"}
        )
        self.assertIn("http://localhost:3000", place.own_origins(direct))

    def test_cookie_path(self) -> None:
        """A client that bypasses the proxy gets a cookie for its path."""
        place = PublicUrl("https://h.example/semaphore")
        proxied = client(
            "127.0.0.1", host="127.0.0.1:3000", x_forwarded_for="192.0.2.7"
        )
        direct = client("192.0.2.7", tls=True, host="10.0.0.1:3000")
        self.assertEqual(place.cookie_path(proxied, below_base=False), "/semaphore")
        self.assertEqual(place.cookie_path(direct, below_base=False), "/")
        self.assertEqual(place.cookie_path(direct, below_base=True), "/semaphore")


class OriginTests(SynchronousTestCase):
    """A page of another site is recognized by its browser's headers."""

    OWN = frozenset({"https://site.example"})

    def check(self, **headers: str) -> bool:
        """Return whether a request with *headers* is from our own pages."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return same_origin(own=self.OWN, header=sent.get)

    def test_hostile(self) -> None:
        """Every origin but exactly the site's own is another site."""
        for text in (
            "https://site.evil",
            "https://evil-site.example",
            "https://site.example.evil",
            "http://site.example",
            "https://site.example:444",
            "https://site.example@evil",
            "https://site.example.",
            "https://site.example, https://evil",
            "https://s\u0456te.example",
            "null",
            "",
            "file://",
            "chrome-extension://x",
        ):
            self.assertFalse(self.check(origin=text), text)
        self.assertTrue(self.check(origin="https://SITE.example"))

    def test_order(self) -> None:
        """The origin decides, then the referrer, then what the browser calls it."""
        own, evil = "https://site.example", "https://evil.example"
        self.assertFalse(self.check(origin=evil, referer=own + "/x"))
        self.assertTrue(self.check(origin=own, sec_fetch_site="cross-site"))
        self.assertTrue(self.check(referer=own + "/a?b", sec_fetch_site="cross-site"))
        self.assertFalse(self.check(referer=evil, sec_fetch_site="same-origin"))
        self.assertFalse(self.check(referer=evil + "/https://site.example"))
        self.assertFalse(self.check(sec_fetch_site="same-site"))
        self.assertTrue(self.check(sec_fetch_site="same-origin"))
        self.assertTrue(self.check())

    def test_default_port(self) -> None:
        """A default port is as good as none."""
        self.assertEqual(origin("https", "H.example:443"), "https://h.example")
        self.assertEqual(origin("http", "h.example:443"), "http://h.example:443")
        self.assertEqual(origin_of("https://h.example:443/x"), "https://h.example")

    @given(st.text(max_size=60))
    def test_noise(self, url: str) -> None:
        """Noise has no origin, and is no error."""
        self.assertNotIn(origin_of(url), self.OWN)
