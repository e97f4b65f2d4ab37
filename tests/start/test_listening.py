"""The socket that is bound first, and plain HTTP's bounds."""

import os
import socket
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import Config, Tls
from semaphore_twisted.start import listening
from semaphore_twisted.start.listening import CannotListen, PlainHttpRefused

PLAIN = Tls(enabled=False)


class BindTests(SynchronousTestCase):
    """Binding."""

    def test_any_port(self) -> None:
        """Port 0 lets the system choose, on the address that was named."""
        listener = listening.bind(Config(interface="127.0.0.1", port="0"))
        self.addCleanup(listener.close)
        host, port = listener.getsockname()
        self.assertEqual(host, "127.0.0.1")
        self.assertGreater(port, 0)
        self.assertFalse(listener.getblocking())

    def test_busy(self) -> None:
        """A busy port is one sentence that names it."""
        first = listening.bind(Config(interface="127.0.0.1", port="0"))
        self.addCleanup(first.close)
        port = first.getsockname()[1]
        error = self.assertRaises(
            CannotListen,
            listening.bind,
            Config(interface="127.0.0.1", port=str(port)),
        )
        self.assertIn(f"port {port} is in use", str(error))

    def test_every_address(self) -> None:
        """Without an interface IPv4 is served, whatever else is there."""
        listener = listening.bind(Config(port="0"))
        self.addCleanup(listener.close)
        client = socket.create_connection(
            ("127.0.0.1", listener.getsockname()[1]), timeout=5
        )
        client.close()

    def test_foreign_address(self) -> None:
        """An address that the machine does not have is refused by name."""
        for host in ("192.0.2.1", "no such host.invalid"):
            error = self.assertRaises(
                CannotListen, listening.bind, Config(interface=host, port="0")
            )
            self.assertIn("interface", str(error))

    def test_unix(self) -> None:
        """A UNIX socket is closed to others; only a stale one is replaced."""
        path = Path(os.path.relpath(self.mktemp()))
        config = Config(interface=f"unix:{path}")
        first = listening.bind(config)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o007, 0)
        self.assertIn(
            "in use", str(self.assertRaises(CannotListen, listening.bind, config))
        )
        first.close()
        listening.bind(config).close()


class PlainHttpTests(SynchronousTestCase):
    """Without TLS."""

    def test_local(self) -> None:
        """Loopback and UNIX sockets may be plain: a proxy is in front."""
        for host in ("127.0.0.1", "::1", "[::1]", "localhost", "unix:/run/s.sock"):
            config = Config(interface=host, tls=PLAIN)
            self.assertIsNone(listening.check_plain_http(config))

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
        """With TLS there is nothing to say."""
        self.assertIsNone(listening.check_plain_http(Config()))
