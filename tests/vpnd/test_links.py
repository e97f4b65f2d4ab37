"""Word from the kernel."""

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd.links import LinkWatch


class LinkTests(SynchronousTestCase):
    """Word from the kernel."""

    def test_told(self) -> None:
        """Much word is passed on once, and nothing after the end."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(theirs.close)
        ours.settimeout(0)
        readers: list[object] = []
        told: list[None] = []
        reactor: Any = _Readers(readers)
        watch = LinkWatch(lambda: told.append(None), reactor)
        watch._socket = ours
        for _ in range(5):
            theirs.send(b"changed")
        watch.doRead()
        self.assertEqual(len(told), 1)
        self.assertGreaterEqual(watch.fileno(), 0)
        watch.stop()
        self.assertEqual(watch.fileno(), -1)
        watch.stop()

    def test_real(self) -> None:
        """The kernel lets everybody listen."""
        readers: list[object] = []
        reactor: Any = _Readers(readers)
        watch = LinkWatch(lambda: None, reactor)
        watch.start()
        self.assertEqual(readers, [watch])
        watch.stop()
        self.assertEqual(readers, [])


class _Readers:
    """A reactor's part."""

    def __init__(self, readers: list[object]) -> None:
        self._readers = readers

    def addReader(self, reader: object) -> None:
        self._readers.append(reader)

    def removeReader(self, reader: object) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
