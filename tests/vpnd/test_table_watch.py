"""Word of changes of our nft table, from the kernel itself."""

import errno
import os
import socket
import struct
import subprocess
from typing import Any
from unittest import skipUnless

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd.route_events import matters
from semaphore_twisted.vpnd.table_watch import TableWatch, transactions
from tests.support.devices import SETTINGS
from tests.support.netns import own_network
from tests.support.programs import needs


def message(kind: int, payload: bytes) -> bytes:
    """Return a message of netlink."""
    return struct.pack("=IHHII", 16 + len(payload), kind, 0, 0, 0) + payload


class WatchTests(SynchronousTestCase):
    """Messages from a pair of sockets."""

    def setUp(self) -> None:
        """Start the watch."""
        self.kernel, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.settimeout(0)
        self.addCleanup(self.kernel.close)
        self.reactor = MemoryReactorClock()
        self.watch = TableWatch("ours", reactor=self.reactor, opened=lambda: ours)
        self.calls = 0
        self.watch.changed = self.called
        self.watch.start()
        self.addCleanup(self.watch.stop)

    def called(self) -> None:
        """Count the call."""
        self.calls += 1

    def test_damaged(self) -> None:
        """Messages that are cut, empty or senseless do not end the watch."""
        head = struct.pack("=BBH", 1, 0, 0)
        for content in (
            *(b"", b"x", b"\0" * 16, b"\xff" * 64, message(0x0A00, b"")),
            *(message(0x0A00, head), message(0x0A00, head + b"\0" * 8)),
            message(0x0A00, head + struct.pack("=HH", 900, 1) + b"ours\0"),
        ):
            if content:
                self.kernel.send(content)
        self.kernel.send(message(0x0A0F, head))
        self.watch.doRead()
        self.assertLessEqual(self.calls, 1)
        named = head + struct.pack("=HH", 9, 1) + b"ours\0\0\0\0"
        self.kernel.send(message(0x0A02, named) + message(0x0A0F, head))
        before = self.calls
        self.watch.doRead()
        self.assertEqual(self.calls, before + 1)

    def test_fault(self) -> None:
        """A failing callback is logged, and called for the next change."""

        def fail() -> None:
            self.called()
            raise RuntimeError

        self.watch.changed = fail
        head = struct.pack("=BBH", 1, 0, 0)
        named = head + struct.pack("=HH", 9, 1) + b"ours\0\0\0\0"
        for _ in range(2):
            self.kernel.send(message(0x0A02, named) + message(0x0A0F, head))
            self.watch.doRead()
        self.assertEqual(self.calls, 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_lost(self) -> None:
        """Lost messages are a change, and do not count as transactions."""
        lost: Any = self.watch
        real = lost._file

        class Full(socket.socket):
            """A socket whose messages were lost once."""

            left = 1

            def recv(self, *size: int) -> bytes:
                if self.left:
                    self.left -= 1
                    raise OSError(errno.ENOBUFS, "")
                content: bytes = real.recv(*size)
                return content

        with Full() as lost._file:
            self.watch.doRead()
        self.assertEqual((self.watch.count, self.watch.losses, self.calls), (0, 1, 1))
        lost._file = real

    def test_none(self) -> None:
        """Without netlink there is no watch, and nothing fails."""

        def none() -> socket.socket:
            raise PermissionError

        watch = TableWatch("ours", reactor=self.reactor, opened=none)
        watch.start()
        self.assertEqual((watch.drain(), watch.fileno()), (0, -1))
        watch.stop()


@skipUnless(os.geteuid() == 0, "network namespaces are root's")
@needs("nft")
class KernelTests(SynchronousTestCase):
    """Messages from the kernel."""

    def test_transactions(self) -> None:
        """Only transactions that name our table are counted, each once."""
        case: Any = self
        own_network(case)
        watch = TableWatch("ours", reactor=MemoryReactorClock(), opened=transactions)
        watch.start()
        self.addCleanup(watch.stop)
        full = "table inet ours {\n\tchain one {\n\t\taccept\n\t}\n}\n"
        for text, counted in (
            (full, 1),
            ("table inet other {\n}\ntable ip ours {\n}\n", 0),
            ("add rule inet ours one drop\n", 1),
            ("flush chain inet ours one\n", 1),
            ("delete table inet other\n", 0),
            ("delete chain inet ours one\n", 1),
            ("flush ruleset\n", 1),
            ("flush ruleset\n", 0),
        ):
            before = watch.drain()
            subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
            self.assertEqual(watch.drain() - before, counted, text)


class RouteEventTests(SynchronousTestCase):
    """Which route messages matter."""

    def test_kinds(self) -> None:
        """Links, addresses and policy rules do; routes only to the pools."""
        pool, other = b"\x0a\x50\0\0", b"\x0a\x51\0\0"
        for kind in (16, 17, 20, 21, 32, 33):
            self.assertTrue(matters(message(kind, other), SETTINGS))
        for kind in (24, 25):
            self.assertTrue(matters(message(kind, b"1234" + pool), SETTINGS))
            self.assertFalse(matters(message(kind, b"1234" + other), SETTINGS))
            both = message(kind, other) + message(kind, pool)
            self.assertTrue(matters(both, SETTINGS))
        self.assertFalse(matters(b"", SETTINGS))
        self.assertFalse(matters(b"\0" * 64, SETTINGS))
