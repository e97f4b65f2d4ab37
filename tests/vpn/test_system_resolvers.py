"""The resolvers of this machine."""

import os
import shutil
import tempfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.dns.system_resolvers import (
    CHECK_INTERVAL,
    DEFAULT,
    ResolvConf,
    nameservers,
)


class NameserversTests(SynchronousTestCase):
    """The text of ``resolv.conf``."""

    def test_usual(self) -> None:
        """Lines of other kinds, comments and blanks are passed over."""
        text = (
            "# made by hand\n; nameserver 192.0.2.1\ndomain example.org\n"
            "search example.org\noptions edns0\n nameserver  192.0.2.53 # first\n"
            "nameserver\t2001:db8::53\nnameserver fe80::1%eth0\n"
        )
        self.assertEqual(
            nameservers(text, ()), ("192.0.2.53", "2001:db8::53", "fe80::1%eth0")
        )

    def test_own(self) -> None:
        """Our own addresses are left out, in any spelling: no loops."""
        text = "nameserver 10.80.0.1\nnameserver FD00:0::1\nnameserver 192.0.2.53\n"
        self.assertEqual(nameservers(text, ["10.80.0.1", "fd00::1"]), ("192.0.2.53",))

    def test_only_own(self) -> None:
        """If only our own addresses are named, there is no resolver."""
        self.assertEqual(nameservers("nameserver 10.80.0.1", ["10.80.0.1"]), ())

    def test_most(self) -> None:
        """Three are asked, each once."""
        text = "".join(f"nameserver 192.0.2.{number // 2}\n" for number in range(20))
        self.assertEqual(nameservers(text, ()), ("192.0.2.0", "192.0.2.1", "192.0.2.2"))

    def test_none(self) -> None:
        """Where none is named it is this machine, as for the C library."""
        self.assertEqual(nameservers("", ()), DEFAULT)
        self.assertEqual(nameservers("nameserver\nnameserver nonsense\n", ()), DEFAULT)


class ResolvConfTests(SynchronousTestCase):
    """The file, as it is now."""

    def setUp(self) -> None:
        """Create a file."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / "resolv.conf"
        self.clock = Clock()
        self.found = ResolvConf(self.path, ["10.80.0.1"], self.clock.seconds)

    def test_changed(self) -> None:
        """A changed file is read within a second, a replaced one too."""
        self.path.write_text("nameserver 192.0.2.1\n")
        self.assertEqual(self.found(), ("192.0.2.1",))
        self.path.write_text("nameserver 192.0.2.22\n")
        self.assertEqual(self.found(), ("192.0.2.1",))
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.found(), ("192.0.2.22",))
        other = self.path.with_name("new")
        other.write_text("nameserver 192.0.2.33\n")
        other.rename(self.path)
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.found(), ("192.0.2.33",))

    def test_missing(self) -> None:
        """Without the file it is this machine."""
        self.assertEqual(self.found(), DEFAULT)
        self.path.write_text("nameserver 192.0.2.1\n")
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.found(), ("192.0.2.1",))
        self.path.unlink()
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.found(), DEFAULT)

    def test_unreadable(self) -> None:
        """An unreadable file changes nothing."""
        self.path.write_text("nameserver 192.0.2.1\n")
        self.assertEqual(self.found(), ("192.0.2.1",))
        self.path.unlink()
        self.path.mkdir()
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.found(), ("192.0.2.1",))

    def test_bytes(self) -> None:
        """Bytes that are no text do not matter."""
        self.path.write_bytes(b"# caf\xe9\nnameserver 192.0.2.1\n")
        os.utime(self.path)
        self.assertEqual(self.found(), ("192.0.2.1",))
