"""Where peers were heard last."""

import json

from semaphore_twisted.vpnd.endpoints import Endpoints
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import DevicePeer
from tests.support.devices import peer
from tests.support.folders import FolderTestCase


class EndpointsTests(FolderTestCase):
    """Where peers were heard last."""

    def heard(
        self, number: int, endpoint: str | None, handshake: int = 5
    ) -> DevicePeer:
        """Return a peer's state."""
        return DevicePeer(
            public_key=peer(number).public_key, endpoint=endpoint, handshake=handshake
        )

    def test_kept(self) -> None:
        """They are known after a restart; only changes are written."""
        endpoints = Endpoints(self.folder)
        self.assertIsNone(endpoints.get(peer(2).public_key))
        endpoints.note([self.heard(2, "192.0.2.1:5"), self.heard(3, "[2001:db8::1]:5")])
        before = (self.folder / "endpoints.json").stat().st_ino
        endpoints.note([self.heard(3, "[2001:db8::1]:5"), self.heard(2, "192.0.2.1:5")])
        self.assertEqual((self.folder / "endpoints.json").stat().st_ino, before)
        again = Endpoints(self.folder)
        self.assertEqual(again.get(peer(2).public_key), "192.0.2.1:5")
        self.assertEqual(again.get(peer(3).public_key), "[2001:db8::1]:5")

    def test_not_heard_yet(self) -> None:
        """A peer that a new device has not heard stays where it was."""
        endpoints = Endpoints(self.folder)
        endpoints.note([self.heard(2, "192.0.2.1:5"), self.heard(3, "192.0.2.2:5")])
        endpoints.note([self.heard(2, None, 0)])
        self.assertEqual(endpoints.get(peer(2).public_key), "192.0.2.1:5")
        endpoints.note([self.heard(2, "192.0.2.9:5", 0)])
        self.assertEqual(endpoints.get(peer(2).public_key), "192.0.2.1:5")

    def test_gone(self) -> None:
        """A removed peer's endpoint is kept for its return, up to a limit."""
        endpoints = Endpoints(self.folder, most_gone=1)
        endpoints.note([self.heard(2, "192.0.2.1:5"), self.heard(3, "192.0.2.2:5")])
        endpoints.note([self.heard(2, "192.0.2.1:5")])
        self.assertEqual(endpoints.get(peer(3).public_key), "192.0.2.2:5")
        self.assertIsNone(Endpoints(self.folder).get(peer(3).public_key))
        endpoints.note([])
        known = [endpoints.get(peer(number).public_key) for number in (2, 3)]
        self.assertEqual(known, ["192.0.2.1:5", None])

    def test_odd(self) -> None:
        """An invalid endpoint is neither kept nor read from a file."""
        endpoints = Endpoints(self.folder)
        endpoints.note([self.heard(2, "192.0.2.1"), self.heard(3, "host:5")])
        for number in (2, 3):
            self.assertIsNone(endpoints.get(peer(number).public_key))
        content = {keys.format(peer(2).public_key): "192.0.2.1:5\nprivate_key=00"}
        (self.folder / "endpoints.json").write_text(json.dumps(content))
        self.assertIsNone(Endpoints(self.folder).get(peer(2).public_key))
