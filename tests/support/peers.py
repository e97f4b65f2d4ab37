"""A store with a VPN, three users and a project, for tests of its operations."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.peers import Enrolled, Peer, PeerKind
from semaphore_twisted.model.users import Actor, Role
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.network import NewNetwork
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.operations.vpn.peers import NewPeer
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.wireguard import key_pairs, keys
from tests.support.dumps import dump
from tests.support.memory import (
    Entropy,
    FixedClock,
    actor_of,
    make_member,
    make_project,
    make_user,
    memory_connection,
)

SERVER_KEY = key_pairs.new_pair(Entropy()).public_key
MASTER = MasterKey(bytes(range(32)))


def public_key(number: int) -> str:
    """Return a public key derived from *number*."""
    return keys.format(number.to_bytes(31, "big") + b"\x09")


def network(**changes: Any) -> NewNetwork:
    """Return the network of the tests."""
    usual: dict[str, Any] = {
        "interface": "semaphore0",
        "endpoint": "vpn.example.net",
        "pool4": "10.80.0.0/24",
        "pool6": "fd80::/64",
        "public_key": keys.format(SERVER_KEY),
    }
    return NewNetwork(**{**usual, **changes})


class PeersCase(SynchronousTestCase):
    """A VPN, an administrator ``root``, users ``alice`` and ``bob``, a project.

    Alice owns the project, ``carol`` is its guest.
    """

    def setUp(self) -> None:
        """Create the store."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.keyring = Keyring(MASTER, entropy=Entropy(10**6))
        self.options = PeerLimits(devices_per_user=3)
        self.root = actor_of(make_user(self.conn, "root", admin=True))
        self.alice = actor_of(make_user(self.conn, "alice"))
        self.bob = actor_of(make_user(self.conn, "bob"))
        self.carol = actor_of(make_user(self.conn, "carol"))
        self.project = make_project(self.conn, self.alice.user)
        make_member(self.conn, self.project, self.carol.user)
        self.owner = actor_of(self.alice.user, self.project)
        self.guest = actor_of(self.carol.user, self.project, Role.GUEST)
        self.count = 0
        vpn_network.initialise(self.conn, None, network())

    @contextmanager
    def later(self, seconds: float) -> Iterator[Connection]:
        """Run a transaction *seconds* later."""
        self.clock.advance(seconds)
        with self.conn.transaction(write=True):
            yield self.conn

    def enroll(self, actor: Actor | None = None, **fields: Any) -> Enrolled:
        """Create a peer with a new key and name for *actor*, unless *fields* differ."""
        self.count += 1
        usual: dict[str, Any] = {
            "name": f"peer-{self.count}",
            "public_key": public_key(self.count + 1000),
        }
        if actor is self.owner:
            usual["kind"] = PeerKind.HOST
        with self.conn.transaction(write=True):
            return peers.create(
                self.conn,
                actor or self.alice,
                NewPeer(**{**usual, **fields}),
                keyring=self.keyring,
                options=self.options,
            )

    def make(self, actor: Actor | None = None, **fields: Any) -> Peer:
        """Create a peer, as :meth:`enroll` does, and return it."""
        return self.enroll(actor, **fields).peer

    def desired(self) -> peers.Desired:
        """Return the desired state."""
        return peers.desired(self.conn, self.keyring, {})

    def desired_names(self) -> list[str]:
        """Return the names of the desired peers."""
        wanted = {each.public_key for each in self.desired().peers}
        rows = self.conn.raw.execute(
            "SELECT name, public_key FROM vpn_peer ORDER BY id"
        )
        return [name for name, key in rows if key in wanted]

    def revision(self) -> int:
        """Return the network's revision."""
        return vpn_network.revision(self.conn)

    def events(self) -> list[str]:
        """Return the recorded events, the oldest first."""
        rows = self.conn.raw.execute("SELECT description FROM event ORDER BY id")
        return [row[0] for row in rows]

    def dump(self) -> str:
        """Return the whole store as text."""
        return "\n".join(dump(self.conn.raw))

    def rows(self, table: str) -> Sequence[Any]:
        """Return every row of *table*."""
        return self.conn.raw.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()

    def check_all_or_nothing(self, verb: Callable[[], object]) -> None:
        """Check that *verb* changes nothing if the store fails at any statement.

        Its effect is undone at the end.
        """
        before, statements = self.dump(), 0
        while self._fails(verb, statements):
            self.assertEqual(self.dump(), before)
            statements += 1
        self.assertNotEqual(self.dump(), before)
        self.assertGreater(statements, 3)
        self.conn.raw.execute("ROLLBACK")
        self.assertEqual(self.dump(), before)

    def _fails(self, verb: Callable[[], object], after: int) -> bool:
        """Whether *verb* fails if the store fails after *after* statements."""
        whole = self.conn.raw
        whole.execute("BEGIN IMMEDIATE")
        self.conn.raw = _Failing(whole, after)  # type: ignore[assignment]
        try:
            verb()
        except OSError:
            whole.execute("ROLLBACK")
            return True
        finally:
            self.conn.raw = whole
        return False


class _Failing:
    """A connection that reports a full disk after a number of statements."""

    def __init__(self, raw: Any, left: int) -> None:
        self._raw = raw
        self._left = left

    def execute(self, *arguments: Any) -> Any:
        """Execute, or fail."""
        if self._left == 0:
            raise OSError("disk full")
        self._left -= 1
        return self._raw.execute(*arguments)
