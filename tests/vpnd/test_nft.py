"""Our table of rules."""

from semaphore_twisted.vpnd.forwarding import Forwarding
from semaphore_twisted.vpnd.nft import Firewall
from semaphore_twisted.vpnd.request_validation import RequestBounds
from semaphore_twisted.vpnd.table_watch import TableWatch
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import (
    DeviceFailed,
    Grant,
)
from tests.support.devices import PRIVATE, SETTINGS, Nft
from tests.support.folders import FolderTestCase


class FirewallTests(FolderTestCase):
    """Our nftables table."""

    GRANTS = (Grant("10.80.1.2", "10.20.0.0/24"),)

    def setUp(self) -> None:
        """Create the firewall."""
        super().setUp()
        self.nft = Nft()
        self.firewall = self.made()

    def made(self) -> Firewall:
        """Return the rules, of another companion."""
        return Firewall(
            SETTINGS,
            bounds=RequestBounds(SETTINGS, keys.public_of(PRIVATE)),
            forwarding=Forwarding(self.folder, root=self.folder),
            programs=self.nft,
            state=self.folder,
            watch=TableWatch("semaphore_vpn", reactor=None),
        )

    def test_once(self) -> None:
        """A loaded table is not loaded again, unless it was changed or flushed."""
        self.assertTrue(self.done(self.firewall.ensure(())))
        self.assertFalse(self.done(self.firewall.ensure(())))
        self.assertTrue(self.done(self.firewall.ensure(self.GRANTS)))
        self.assertFalse(self.done(self.firewall.ensure(self.GRANTS)))
        for table in (None, b"others\n"):
            self.nft.table = table
            self.assertTrue(self.done(self.firewall.ensure(self.GRANTS)))
            self.assertFalse(self.done(self.firewall.ensure(self.GRANTS)))

    def test_grants_stay(self) -> None:
        """Another companion loads the grants of the one before."""
        self.done(self.firewall.ensure(self.GRANTS))
        table = self.nft.table
        again = self.made()
        self.assertEqual(again.grants, self.GRANTS)
        self.done(again.ensure(again.grants))
        self.assertEqual(self.nft.table, table)

    def test_failed(self) -> None:
        """Rules that do not load are those of before."""
        self.done(self.firewall.ensure(self.GRANTS))
        self.nft.is_broken = True
        self.assertIn(
            "cannot be loaded", self.failed(self.firewall.ensure(()), DeviceFailed)
        )
        self.assertEqual(self.firewall.grants, self.GRANTS)
