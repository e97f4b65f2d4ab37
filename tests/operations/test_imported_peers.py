"""Peers of other products' files."""

from typing import Any

from semaphore_twisted.model.errors import Conflict, Invalid, NotPermitted
from semaphore_twisted.model.peers import PeerKind, PeerLifecycle
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.operations.vpn.peers import Imported
from semaphore_twisted.wireguard import keys, profile
from tests.support.memory import Entropy
from tests.support.peers import SERVER_KEY, PeersCase, public_key

SHARED = Entropy(77)(32)

FILE = f"""\
[Interface]
Address = 10.80.0.1/24
ListenPort = 51820

### Client phone
[Peer]
PublicKey = {public_key(1)}
PresharedKey = {keys.format(SHARED)}
AllowedIPs = 10.80.0.7/32, fd80::7/128

[Peer]
# phone
PublicKey = {public_key(2)}
AllowedIPs = 10.80.0.8/32, 192.168.7.0/24

[Peer]
PublicKey = {public_key(3)}
AllowedIPs = 10.80.0.9/32
"""


class ImportTests(PeersCase):
    """A file that is taken over."""

    def take(self, text: str = FILE, **fields: Any) -> Imported:
        """Take the peers of a file over, to bob."""
        found = profile.parse(text, ("10.80.0.0/24", "fd80::/64"))
        usual: dict[str, Any] = {"user_id": self.bob.user.id}
        if "project_id" in fields:
            usual = {}
        with self.conn.transaction(write=True):
            return peers.import_(
                self.conn,
                fields.pop("actor", None),
                found.peers,
                keyring=self.keyring,
                **{**usual, **fields},
            )

    def peer(self, number: int, allowed: str) -> str:
        """Return a section of a file."""
        return f"[Peer]\nPublicKey = {public_key(number)}\nAllowedIPs = {allowed}\n"

    def test_live_set(self) -> None:
        """Keys, preshared keys and addresses are on the device as they were."""
        done = self.take()
        self.assertEqual(len(done.added), 3)
        self.assertEqual(
            [(each.addresses, each.preshared_key) for each in self.desired().peers],
            [
                (("10.80.0.7", "fd80::7"), SHARED),
                (("10.80.0.8",), None),
                (("10.80.0.9",), None),
            ],
        )
        self.assertEqual(
            [(each.name, each.owner, each.state) for each in done.added],
            [
                ("phone", "bob", PeerLifecycle.ACTIVE),
                ("phone (2)", "bob", PeerLifecycle.ACTIVE),
                ("10.80.0.9", "bob", PeerLifecycle.ACTIVE),
            ],
        )
        self.assertNotIn(keys.format(SHARED), self.dump())

    def test_again(self) -> None:
        """The second time nothing changes."""
        self.take()
        before = (self.dump(), self.desired().peers)
        done = self.take()
        self.assertEqual((done.added, done.present), ((), 3))
        self.assertEqual((self.dump(), self.desired().peers), before)

    def test_more(self) -> None:
        """New peers are imported; a peer that was revoked here is not restored."""
        self.take()
        gone = peers.find(self.conn, None, "phone")
        peers.revoke(self.conn, None, gone.id)
        done = self.take(FILE + self.peer(4, "10.80.0.10/32"))
        self.assertEqual((len(done.added), done.present), (1, 3))
        self.assertEqual(
            peers.get(self.conn, None, gone.id).state, PeerLifecycle.REVOKED
        )

    def test_refused(self) -> None:
        """A used address, or one outside the pools, refuses the whole file."""
        self.make(self.alice)  # has 10.80.0.2
        resting = self.make(self.alice)
        peers.revoke(self.conn, None, resting.id, options=PeerLimits(quarantine_days=9))
        before = self.dump()
        for error, allowed in (
            (Conflict, "10.80.0.2/32"),
            (Conflict, f"{resting.ipv4}/32"),
            (Conflict, "10.80.0.7/32"),
            (Invalid, "10.80.0.1/32"),
            (Invalid, "10.80.0.0/32"),
            (Invalid, "10.80.0.255/32"),
            (Invalid, "10.80.0.20/32, 10.80.0.21/32"),
            (Invalid, "10.81.0.1/32"),
            (Invalid, "192.168.0.0/24"),
        ):
            refused = self.assertRaises(
                error, self.take, FILE + "\n" + self.peer(9, allowed)
            )
            self.assertTrue(refused.message.startswith("Line 20: "), refused.message)
            self.assertEqual(self.dump(), before)

    def test_own_key(self) -> None:
        """The server's own key is no peer's."""
        text = (
            f"[Peer]\nPublicKey = {keys.format(SERVER_KEY)}\nAllowedIPs = 10.80.0.9\n"
        )
        self.assertRaises(Invalid, self.take, text)

    def test_hosts(self) -> None:
        """A file's peers may be a project's hosts."""
        done = self.take(kind=PeerKind.HOST, project_id=self.project.id)
        self.assertEqual({each.owner for each in done.added}, {"Site"})
        names = [each.name for each in done.added]
        self.assertEqual(names, ["phone", "phone_2", "10.80.0.9"])

    def test_reserved_names(self) -> None:
        """A name of the file that Ansible uses gets a prefix, and may be used twice."""
        text = "".join(
            f"# {name}\n{self.peer(number, f'10.80.0.{number}/32')}\n"
            for number, name in enumerate(
                ("localhost", "LOCALHOST", "all", "10.80.0.99", "web 1", "x.yml"), 30
            )
        )
        done = self.take(text, kind=PeerKind.HOST, project_id=self.project.id)
        self.assertEqual(
            [each.name for each in done.added],
            [
                "peer_localhost",
                "peer_LOCALHOST_2",
                "peer_all",
                "peer_10.80.0.99",
                "web_1",
                "peer_x.yml_",
            ],
        )

    def test_who(self) -> None:
        """Only administrators choose keys and addresses for other users."""
        for actor in (self.alice, self.bob, self.owner):
            self.assertRaises(NotPermitted, self.take, actor=actor)
        self.take(actor=self.root)
