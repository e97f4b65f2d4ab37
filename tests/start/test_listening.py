"""The socket that is bound first, and plain HTTP's bounds."""

import os
import socket
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.acme_options import AcmeOptions
from semaphore_twisted.config.options import Config, TlsOptions
from semaphore_twisted.start import listening
from semaphore_twisted.start.listening import (
    CannotListen,
    PlainHttpRefused,
    Sockets,
)
from tests.support.product import free_port

PLAIN = TlsOptions(enabled=False)


def bound(
    case: SynchronousTestCase, config: Config, given: Sockets | None = None
) -> Sockets:
    """Return what is bound for *config*, closed at the end of *case*."""
    made = listening.bind(config, given or Sockets())
    for each in (*made.main, *made.redirect, *made.enrolling):
        case.addCleanup(each.close)
    return made


class BindTests(SynchronousTestCase):
    """Binding the listeners."""

    def refused(self, config: Config) -> str:
        """Return why *config* cannot be listened on."""
        error = self.assertRaises(CannotListen, listening.bind, config, Sockets())
        return str(error)

    def test_any_port(self) -> None:
        """Port 0 lets the system choose, on the address that was named."""
        made = bound(self, Config(interface="127.0.0.1", port="0"))
        (listener,) = made.main
        host, port = listener.getsockname()
        self.assertEqual(host, "127.0.0.1")
        self.assertGreater(port, 0)
        self.assertEqual(made.port, port)
        self.assertFalse(listener.getblocking())

    def test_several(self) -> None:
        """Several interfaces share one port, and a UNIX socket may be among them."""
        path = os.path.relpath(self.mktemp())
        made = bound(self, Config(interface=f"127.0.0.1, unix:{path}, ::1", port="0"))
        first, unix, last = made.main
        self.assertEqual(unix.getsockname(), path)
        self.assertEqual(last.getsockname()[0], "::1")
        self.assertEqual(first.getsockname()[1], last.getsockname()[1])

    def test_busy(self) -> None:
        """A busy port is one sentence that names it."""
        port = bound(self, Config(interface="127.0.0.1", port="0")).port
        text = self.refused(Config(interface="127.0.0.1", port=str(port)))
        self.assertIn(f"port {port} is in use", text)

    def test_every_address(self) -> None:
        """Without an interface IPv4 is served, with any other addresses."""
        made = bound(self, Config(port="0"))
        client = socket.create_connection(("127.0.0.1", made.port), timeout=5)
        client.close()

    def test_foreign_address(self) -> None:
        """An address that the machine does not have is refused by name."""
        for host in ("192.0.2.1", "no such host.invalid", "127.0.0.1,192.0.2.1"):
            text = self.refused(Config(interface=host, port="0"))
            self.assertIn("interface", text)
        text = self.refused(Config(interface="fe80::1", port="0"))
        self.assertIn("with its zone, such as fe80::1%eth0", text)

    def test_unix(self) -> None:
        """A UNIX socket is closed to other users; only a stale one is replaced."""
        path = Path(os.path.relpath(self.mktemp()))
        config = Config(interface=f"unix:{path}")
        (first,) = listening.bind(config, Sockets()).main
        self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o007, 0)
        self.assertIn("in use", self.refused(config))
        first.close()
        self.assertEqual(bound(self, config).port, 0)

    def test_redirect(self) -> None:
        """The listener that redirects has an address of its own, or the site's."""
        for address, host in (("", "127.0.0.1"), ("::1", "::1")):
            free = free_port()
            made = listening.bind(
                Config(
                    interface="127.0.0.1",
                    port="0",
                    tls=TlsOptions(http_redirect_port=free, http_redirect_addr=address),
                ),
                Sockets(),
            )
            (listener,) = made.redirect
            self.assertEqual(listener.getsockname()[:2], (host, free))
            listener.close()
            made.main[0].close()

    def test_busy_redirect(self) -> None:
        """That port, too, is named with its option where it is busy."""
        port = bound(self, Config(interface="127.0.0.1", port="0")).port
        text = self.refused(
            Config(
                interface="127.0.0.1", port="0", tls=TlsOptions(http_redirect_port=port)
            )
        )
        self.assertIn(f"tls.http_redirect_port: port {port} is in use", text)

    def test_no_redirect(self) -> None:
        """Nothing redirects without TLS."""
        for tls in (TlsOptions(enabled=False, http_redirect_port=80), TlsOptions()):
            made = bound(self, Config(interface="127.0.0.1", port="0", tls=tls))
            self.assertEqual(made.redirect, [])

    def test_challenges(self) -> None:
        """The port of challenges redirects too, so it is bound once."""
        free = free_port()
        tls = TlsOptions(mode="acme", http_redirect_port=free)
        for acme, count in (
            (AcmeOptions(http_port=free), 1),
            (AcmeOptions(http_port=free_port()), 2),
            (AcmeOptions(challenge="tls-alpn-01"), 1),
        ):
            config = Config(interface="127.0.0.1", port="0", tls=tls, acme=acme)
            made = bound(self, config)
            self.assertEqual(len(made.redirect), count)
            self.assertIn(free, [each.getsockname()[1] for each in made.redirect])
            for each in made.redirect:
                each.close()

    def test_busy_challenges(self) -> None:
        """The port of challenges is named with its option where it is busy."""
        port = bound(self, Config(interface="127.0.0.1", port="0")).port
        tls, acme = TlsOptions(mode="acme"), AcmeOptions(http_port=port)
        text = self.refused(Config(interface="127.0.0.1", port="0", tls=tls, acme=acme))
        self.assertIn(f"acme.http_port: port {port} is in use", text)

    def test_given(self) -> None:
        """Sockets that are open already are taken in place of those of the options."""
        mine = bound(self, Config(interface="127.0.0.1", port="0"))
        made = listening.bind(Config(interface="192.0.2.1"), mine)
        self.assertEqual(made.main, mine.main)


class PlainHttpTests(SynchronousTestCase):
    """The check of plain HTTP."""

    def test_local(self) -> None:
        """Loopback and UNIX sockets may be plain: a proxy is in front."""
        for host in ("127.0.0.1", "::1", "[::1]", "localhost", "unix:/run/s.sock"):
            config = Config(interface=host, tls=PLAIN)
            self.assertIsNone(listening.check_plain_http(config))

    def test_several(self) -> None:
        """One address that other machines reach is enough to refuse it."""
        both = Config(interface="127.0.0.1,unix:/run/s.sock", tls=PLAIN)
        self.assertIsNone(listening.check_plain_http(both))
        self.assertRaises(
            PlainHttpRefused,
            listening.check_plain_http,
            Config(interface="127.0.0.1,192.0.2.7", tls=PLAIN),
        )

    def test_given(self) -> None:
        """Of sockets that are open already their own addresses count."""
        local = bound(self, Config(interface="127.0.0.1", port="0")).main
        self.assertIsNone(listening.check_plain_http(Config(tls=PLAIN), local))
        every = bound(self, Config(port="0")).main
        self.assertRaises(
            PlainHttpRefused,
            listening.check_plain_http,
            Config(interface="127.0.0.1", tls=PLAIN),
            every,
        )

    def test_refused(self) -> None:
        """Elsewhere it is refused with the three ways out."""
        for host in ("", "0.0.0.0", "192.0.2.7", "::", "example.org"):
            sentence = str(
                self.assertRaises(
                    PlainHttpRefused,
                    listening.check_plain_http,
                    Config(interface=host, tls=PLAIN),
                )
            )
            for way in ("tls.enabled", "proxy", "VPN"):
                self.assertIn(way, sentence)
            self.assertNotIn("\n", sentence)

    def test_insisted(self) -> None:
        """insecure_http serves it and is a warning each time."""
        config = Config(tls=PLAIN, insecure_http=True)
        self.assertIn("insecure_http", listening.check_plain_http(config) or "")

    def test_tls(self) -> None:
        """With TLS the check accepts any address."""
        self.assertIsNone(listening.check_plain_http(Config()))
