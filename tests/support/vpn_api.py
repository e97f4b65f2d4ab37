"""A site with a VPN, in memory; requests to the companion are recorded."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from semaphore_twisted.config.options import Config
from semaphore_twisted.interfaces import IPeerControl
from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.web.http.ca_roots import CaRoot, CaRoots
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.vpn_state import VpnState
from tests.support.enrolling import ROOT
from tests.support.http import Answer, ApiClient, api_client
from tests.support.memory import (
    BEGINNING,
    FixedClock,
    MemoryDatabase,
    make_member,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.peers import network, public_key

UP = VpnState(
    connected=True,
    backend="memory",
    interface="semaphore0",
    index=7,
    revision=1,
    wanted=1,
    last_poll=BEGINNING,
    last_sync=BEGINNING,
)

OPTIONS = WebOptions(
    config=Config(web_host="https://semaphore.example"),
    roots=lambda: CaRoots(CaRoot(ROOT.certificate_pem, ":".join(["AB"] * 32))),
    vpn=PeerLimits(devices_per_user=2),
)


@implementer(IPeerControl)
@define(eq=False)
class RecordingPeers:
    """Reports each revision as applied, unless there is a *reason*."""

    reason: str = ""
    known: VpnState = UP
    #: the statuses of the peers; ``None`` if the device cannot be read
    seen: Sequence[PeerStatus] | None = ()
    woken: int = 0
    revisions: list[int] = field(factory=list)

    def wake(self) -> None:
        """Count the call."""
        self.woken += 1

    def applied(self, revision: int) -> "Deferred[str]":
        """Record *revision*."""
        self.revisions.append(revision)
        if not self.reason:
            self.known = replace(self.known, revision=revision, wanted=revision)
        return succeed(self.reason)

    def confirm_mass_removal(self) -> "Deferred[str]":
        """Record the confirmation."""
        self.known = replace(self.known, unsafe=False)
        return succeed(self.reason)

    def state(self) -> VpnState:
        """Return the state that the test has set."""
        return self.known

    def statuses(self) -> "Deferred[Sequence[PeerStatus]]":
        """Return the statuses that the test has set, or fail."""
        if self.seen is None:
            return fail(Unavailable("the companion does not run"))
        return succeed(self.seen)

    def plan(self) -> "Deferred[Sequence[str]]":
        """Return a sentence, or fail."""
        if self.seen is None:
            return fail(Unavailable("the companion does not run"))
        return succeed(["a peer would be added"])

    def diagnose(self) -> "Deferred[Sequence[Any]]":
        """Return a finding."""
        return succeed([wire.Finding("mtu", "ok", "1420 fits")])


class VpnApiCase(SynchronousTestCase):
    """An administrator, users ``alice`` and ``bob``, and a project of Alice's.

    ``carol`` is its guest.
    """

    options = OPTIONS

    def setUp(self) -> None:
        """Create the site."""
        self.now = FixedClock()
        self.conn = memory_connection(self.now)
        vpn_network.initialise(self.conn, None, network())
        self.root = make_user(self.conn, "admin", admin=True)
        self.alice = make_user(self.conn, "alice")
        self.bob = make_user(self.conn, "bob")
        self.carol = make_user(self.conn, "carol")
        self.project = make_project(self.conn, self.alice)
        make_member(self.conn, self.project, self.carol, Role.GUEST)
        self.peers = RecordingPeers()
        self.anybody = api_client(
            database=MemoryDatabase(self.conn), options=self.options, peers=self.peers
        )
        self.as_admin = self.anybody.as_user(self.root)
        self.as_alice = self.anybody.as_user(self.alice)
        self.as_bob = self.anybody.as_user(self.bob)
        self.as_carol = self.anybody.as_user(self.carol)
        self.count = 0

    def peer(self, client: ApiClient | None = None, **fields: Any) -> Any:
        """Create a peer, by default Alice's; return the whole answer."""
        answer = (client or self.as_alice).post("/api/vpn/peers", self.body(**fields))
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json

    def host(self, client: ApiClient | None = None, **fields: Any) -> Any:
        """Create a host of the project."""
        path = f"{self.within}/peers"
        answer = (client or self.as_alice).post(path, self.body(**fields))
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json

    def invite(self, client: ApiClient | None = None, **fields: Any) -> Any:
        """Create an invite, by default Alice's; return the whole answer."""
        answer = (client or self.as_alice).post("/api/vpn/invites", fields)
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json

    def body(self, **fields: Any) -> dict[str, Any]:
        """Return the body for a new peer, with a new name and key each time."""
        self.count += 1
        usual = {
            "name": f"peer-{self.count}",
            "public_key": public_key(self.count + 1000),
        }
        return {**usual, **fields}

    def enroll(self, token: str, **fields: Any) -> Answer:
        """Redeem a token."""
        return self.anybody.post("/api/vpn/enroll", self.body(token=token, **fields))

    @property
    def within(self) -> str:
        """The address of the project's VPN."""
        return f"/api/project/{self.project.id}/vpn"

    def events(self) -> list[str]:
        """Return the recorded events, the oldest first."""
        rows = self.conn.raw.execute("SELECT description FROM event ORDER BY id")
        return [row[0] for row in rows]
