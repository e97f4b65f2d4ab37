"""The options of listeners and of proxies in front."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.listener_options import interfaces, redirect_at
from semaphore_twisted.config.parsing import LoadedConfig, parse
from semaphore_twisted.config.values import WrongOption


def read(path: str) -> bytes:
    """Read no file."""
    raise FileNotFoundError(path)


def settings(**options: Any) -> LoadedConfig:
    """Return the settings of a configuration with *options*."""
    content = json.dumps(options).encode()
    return parse(content, name="config.json", environ={}, read=read)


class InterfaceTests(SynchronousTestCase):
    """``interface`` is one, or a list."""

    def test_list(self) -> None:
        """Members are separated by commas; none is every address."""
        self.assertEqual(interfaces(""), ("",))
        self.assertEqual(
            interfaces("127.0.0.1, ::1,unix:/run/s.sock,,127.0.0.1"),
            ("127.0.0.1", "::1", "unix:/run/s.sock"),
        )

    def test_unix_socket(self) -> None:
        """The site is behind a UNIX socket if there is nothing else."""
        for text, path in (
            ("unix:/run/s.sock", "/run/s.sock"),
            ("unix:/run/s.sock,127.0.0.1", None),
            ("", None),
            ("::1", None),
        ):
            self.assertEqual(settings(interface=text).config.unix_socket, path, text)
        error = self.assertRaises(WrongOption, settings, interface="unix:")
        self.assertIn("unix:PATH", str(error))


class ProxyTests(SynchronousTestCase):
    """``trusted_proxies`` and ``proxy_protocol``."""

    def test_forms(self) -> None:
        """Addresses and networks, of both families, as a list or with commas."""
        wanted = ("10.0.0.5", "10.1.0.1/24", "2001:db8::/64")
        for given in (list(wanted), ", ".join(wanted)):
            found = settings(trusted_proxies=given)
            self.assertEqual(found.config.trusted_proxies, wanted)
            self.assertEqual(
                found.warnings,
                (
                    "trusted_proxies: 10.1.0.1/24 is an address within a network; "
                    "every address of 10.1.0.0/24 is trusted",
                ),
            )

    def test_refused(self) -> None:
        """A host's name, noise, and everybody are refused by the option's name."""
        for given in (
            "proxy.example",
            "10.0.0.0/33",
            "0.0.0.0/0",
            "::/0",
            "::ffff:0:0/96",
            "10.0.0",
        ):
            error = self.assertRaises(WrongOption, settings, trusted_proxies=[given])
            self.assertIn("trusted_proxies", str(error))
            self.assertIn(given, str(error))

    def test_protocol_of_nobody(self) -> None:
        """The PROXY protocol needs a client that may use it."""
        error = self.assertRaises(WrongOption, settings, proxy_protocol=True)
        self.assertIn("trusted_proxies", str(error))
        for options in (
            {"trusted_proxies": ["10.0.0.5"]},
            {"interface": "unix:/run/s.sock"},
        ):
            self.assertTrue(
                settings(proxy_protocol=True, **options).config.proxy_protocol
            )


class BehindProxyTests(SynchronousTestCase):
    """``tls.mode: proxy``: plain HTTP for a proxy on this machine."""

    def test_loopback(self) -> None:
        """It is off, on the loopback, unless something else is said."""
        found = settings(tls={"mode": "proxy"}, interface="")
        self.assertFalse(found.config.tls.enabled)
        self.assertEqual(found.config.interface, "127.0.0.1")
        self.assertEqual(found.origin("interface"), "tls.mode")
        found = settings(tls={"mode": "proxy"}, interface="unix:/run/s.sock")
        self.assertEqual(found.config.interface, "unix:/run/s.sock")

    def test_contradiction(self) -> None:
        """TLS that is switched on, or has files, is refused."""
        for more in ({"enabled": True}, {"cert_file": "c", "key_file": "k"}):
            error = self.assertRaises(
                WrongOption, settings, tls={"mode": "proxy", **more}
            )
            self.assertIn("proxy", str(error))


class PingTests(SynchronousTestCase):
    """``websocket_ping_sec``."""

    def test_bounds(self) -> None:
        """Never, and hours apart, would not hold a proxy's connection."""
        self.assertEqual(settings().config.websocket_ping_sec, 25)
        for found in (0, 3601):
            error = self.assertRaises(WrongOption, settings, websocket_ping_sec=found)
            self.assertIn(f"websocket_ping_sec: invalid value {found} ", str(error))


class RedirectTests(SynchronousTestCase):
    """``tls.http_redirect_port`` and ``tls.http_redirect_addr``."""

    def test_forms(self) -> None:
        """The address may have the port, or be one of IPv6."""
        for address, port, wanted in (
            ("", 0, (None, 0)),
            ("", 80, (None, 80)),
            (":8080", 0, (None, 8080)),
            ("127.0.0.1:8080", 0, ("127.0.0.1", 8080)),
            ("127.0.0.1", 80, ("127.0.0.1", 80)),
            ("[::1]:8080", 0, ("::1", 8080)),
            ("[::1]", 80, ("::1", 80)),
            ("::1", 80, ("::1", 80)),
            ("::", 80, ("::", 80)),
        ):
            self.assertEqual(redirect_at(address, port), wanted, address)

    def test_refused(self) -> None:
        """A port that is none, that is missing, or two that differ are refused."""
        for address, port, wanted in (
            ("", 70_000, "0 to 65535"),
            ("127.0.0.1:http", 0, "HOST:PORT"),
            (":-80", 0, "HOST:PORT"),
            (":8_0", 0, "HOST:PORT"),
            (":٨٠", 0, "HOST:PORT"),
            ("127.0.0.1", 0, "HOST with tls.http_redirect_port"),
            ("127.0.0.1:81", 80, "no port, or 80 as in tls.http_redirect_port"),
        ):
            error = self.assertRaises(
                WrongOption,
                settings,
                tls={"http_redirect_addr": address, "http_redirect_port": port},
            )
            self.assertIn(wanted, str(error))

    def test_without_tls(self) -> None:
        """Without TLS there is nothing to redirect to, which is a warning."""
        found = settings(
            tls={"enabled": False, "http_redirect_port": 80}, interface="127.0.0.1"
        )
        self.assertIn("tls.http_redirect", "".join(found.warnings))


class HostsTests(SynchronousTestCase):
    """``allowed_hosts``."""

    def test_names(self) -> None:
        """Names, wildcards of one label, and a star for any."""
        names = ["ci.example.org", "*.example.org", "host_1", "*"]
        found = settings(allowed_hosts=names).config
        self.assertEqual(found.allowed_hosts, tuple(names))

    def test_refused(self) -> None:
        """Any other value in it is refused, with the option's name."""
        for each in ("https://a.example", "a.example:3000", "a.*.example", "", "a b"):
            error = self.assertRaises(WrongOption, settings, allowed_hosts=[each])
            self.assertIn("allowed_hosts", str(error), each)
