"""Many at once, on a file: threads and processes, each with a connection of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.peers import Enrolled, PeerKind
from semaphore_twisted.operations.vpn import invites, peers
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn.invites import (
    NewInvite,
    Reason,
    Redemption,
    Refusal,
)
from semaphore_twisted.operations.vpn.peers import NewPeer
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from tests.support.memory import make_user
from tests.support.peers import MASTER, network, public_key
from tests.support.store import migrated

T = TypeVar("T")

KEYRING = Keyring(MASTER, entropy=os.urandom)

#: The only user.
USER = UserId(1)

_PROCESS = """\
import sys
from pathlib import Path
from tests.operations.test_peer_races import made_by
for line in made_by(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
    print(line)
"""


def opened(path: Path) -> Connection:
    """Open the store."""
    return connect(path, now=utc_now, entropy=os.urandom)


def create(conn: Connection, number: int) -> str:
    """Make a peer of the first user; return its addresses."""
    with conn.transaction(write=True):
        new = NewPeer(
            name=f"peer {number}", public_key=public_key(number + 1000), user_id=USER
        )
        peer = peers.create(conn, None, new, keyring=KEYRING).peer
    return f"{peer.ipv4} {peer.ipv6}"


def made_by(path: Path, first: int, count: int) -> list[str]:
    """Create peers one after the other; return their addresses, or the reason."""
    found = []
    with closing(opened(path)) as conn:
        for number in range(first, first + count):
            try:
                found.append(create(conn, number))
            except Conflict as error:
                found.append(f"Conflict: {error.message}")
    return found


class RaceTests(SynchronousTestCase):
    """A store that many write at once."""

    def setUp(self) -> None:
        """Make it, with a user."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.path = folder / "semaphore.db"
        migrated(self.path)
        self.conn = opened(self.path)
        self.addCleanup(self.conn.close)
        make_user(self.conn, "root", admin=True)
        vpn_network.initialise(self.conn, None, network())

    def at_once(self, count: int, work: Callable[[Connection, int], T]) -> list[T]:
        """Run *work* in so many threads at once, each with a connection."""
        barrier = Barrier(count)

        def run(number: int) -> T:
            with closing(opened(self.path)) as conn:
                barrier.wait()
                return work(conn, number)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))

    def invite(self, uses: int) -> str:
        """Make an invite; return its token."""
        new = NewInvite(
            kind=PeerKind.LAPTOP, max_uses=uses, lifetime_seconds=60, user_id=USER
        )
        with self.conn.transaction(write=True):
            return invites.create(self.conn, None, new).token

    def count(self, table: str) -> int:
        """Return how many rows there are."""
        found = self.conn.raw.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0])

    def test_redeemed_at_once(self) -> None:
        """Of fifty who use a token at once, as many succeed as it is for."""
        for uses in (1, 3):
            token, before = self.invite(uses), self.count("vpn_peer")

            def redeem(
                conn: Connection, number: int, token: str, uses: int
            ) -> Enrolled | Refusal:
                body = Redemption(
                    token=token,
                    public_key=public_key(uses * 100 + number + 1),
                    name=f"device {uses} {number}",
                )
                with conn.transaction(write=True):
                    return invites.redeem(conn, body, keyring=KEYRING)

            found = self.at_once(50, partial(redeem, token=token, uses=uses))
            made = [each for each in found if isinstance(each, Enrolled)]
            refused = [each for each in found if isinstance(each, Refusal)]
            self.assertEqual(len(made), uses)
            self.assertEqual(refused, [Refusal(Reason.USED)] * (50 - uses))
            self.assertEqual(self.count("vpn_peer"), before + uses)
            (used,) = self.conn.raw.execute(
                "SELECT uses FROM vpn_invite ORDER BY id DESC"
            ).fetchone()
            self.assertEqual(used, uses)

    def test_repeated_at_once(self) -> None:
        """One device that asks many times at once is enrolled once."""
        token = self.invite(1)
        body = Redemption(token=token, public_key=public_key(1), name="box")

        def redeem(conn: Connection, number: int) -> Enrolled | Refusal:
            del number
            with conn.transaction(write=True):
                return invites.redeem(conn, body, keyring=KEYRING)

        found = self.at_once(20, redeem)
        self.assertEqual(found, found[:1] * 20)
        self.assertEqual(self.count("vpn_peer"), 1)

    def test_one_key_at_once(self) -> None:
        """Of many who bring one key at once, one is enrolled."""

        def make(conn: Connection, number: int) -> str:
            new = NewPeer(
                name=f"peer {number}",
                public_key=public_key(7),
                user_id=USER,
            )
            try:
                with conn.transaction(write=True):
                    return peers.create(conn, None, new, keyring=KEYRING).peer.ipv4
            except Conflict:
                return ""

        self.assertEqual(sorted(self.at_once(10, make)), [""] * 9 + ["10.80.0.2"])

    def test_made_at_once(self) -> None:
        """Fifty at once, in threads, get fifty addresses of each family."""
        found = self.at_once(50, create)
        four, six = zip(*(each.split() for each in found), strict=True)
        self.assertEqual((len(set(four)), len(set(six))), (50, 50))

    def test_made_by_processes(self) -> None:
        """Two processes create 300 peers in a /24: 253 succeed, 47 fail as it is full.

        No process waits forever, and the store answers meanwhile.
        """
        running = [
            subprocess.Popen(
                [sys.executable, "-c", _PROCESS, str(self.path), str(first), "150"],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for first in (1, 1001)
        ]
        lines = []
        for process in running:
            out, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0)
            lines += out.splitlines()
        made = [each for each in lines if not each.startswith("Conflict")]
        self.assertEqual((len(lines), len(made), len(set(made))), (300, 253, 253))
        for each in set(lines) - set(made):
            self.assertIn("10.80.0.0/24 is full", each)
        self.assertEqual(self.count("vpn_peer"), 253)
        self.assertEqual(
            vpn_network.revision(self.conn), 1 + 253, "each change was one revision"
        )
