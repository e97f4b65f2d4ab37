"""A peer's time ends on the device while no server runs."""

import math
import time
from functools import partial

from msgspec.structs import replace

from semaphore_twisted.wireguard import wire
from tests.support.companion_process import INTERFACE, Peer, as_unit
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import Machine

HOST = "10.20.0.5"


class ExpiryTests(LabTestCase):
    """A companion after a single sync, and two peers with grants."""

    def setUp(self) -> None:
        """Start the companion and join both peers."""
        super().setUp()
        self.companion = as_unit(self.lab.server)
        self.companion.start()
        self.temporary, self.lasting = Peer(2), Peer(3)
        self.tell(None)
        for peer, client in self.pairs():
            peer.join(client, self.companion, allowed="10.80.0.1/32, 10.20.0.0/24")
            until(partial(self.reaches, client), "it is in")

    def pairs(self) -> list[tuple[Peer, Machine]]:
        """Return each peer with its machine."""
        return [
            (self.temporary, self.lab.client1),
            (self.lasting, self.lab.client2),
        ]

    def tell(self, expires: int | None) -> None:
        """Have both peers, the first one until *expires*."""
        self.companion.ask(
            wire.Sync(
                1,
                (replace(self.temporary.wire, expires=expires), self.lasting.wire),
                tuple(
                    wire.WireGrant(each.ipv4, "10.20.0.0/24")
                    for each in (self.temporary, self.lasting)
                ),
            ),
            wire.Synced,
        )
        self.companion.hang_up()  # the server has ended

    def reaches(self, client: Machine) -> bool:
        """Whether a client reaches the host behind the server."""
        words = ("ping", "-nc1", "-W0.5", HOST)
        return client.try_run(*words).returncode == 0

    def is_gone(self) -> bool:
        """Whether the peer is missing on the device and in the rules."""
        peers = self.companion.wg("show", INTERFACE, "peers")
        return (
            self.temporary.text not in peers
            and self.lasting.text in peers
            and self.temporary.ipv4 not in self.companion.rules()
        )

    def test_runs(self) -> None:
        """The companion removes the peer at its time, and no other."""
        expires = math.ceil(time.time()) + 3
        self.tell(expires)
        self.assertFalse(self.is_gone())
        until(self.is_gone, "it has expired", 30)
        self.assertGreaterEqual(time.time(), expires)
        self.assertFalse(self.reaches(self.lab.client1))
        self.assertTrue(self.reaches(self.lab.client2))

    def test_restarted(self) -> None:
        """A time that ended while the companion did not run counts when it starts."""
        expires = math.ceil(time.time()) + 2
        self.tell(expires)
        self.companion.end()
        until(lambda: time.time() > expires, "its time is over")
        self.assertFalse(self.is_gone())
        self.companion.start()
        until(self.is_gone, "it has expired")
        self.assertTrue(self.reaches(self.lab.client2))
