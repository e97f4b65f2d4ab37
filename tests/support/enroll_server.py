"""A process that serves enrollment sites, over TLS with a CA for each.

It reads lines of JSON. ``{"folder": …, "trouble": …}`` starts a site, whose address and
tokens of invites are printed as a line of JSON; ``{"close": BASE}`` stops one. A site
shares nothing with another one: its store is in memory, and its fake companion confirms
each change, unless there is trouble.
"""

import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, field
from msgspec.structs import replace
from twisted.internet import reactor as the_reactor
from twisted.internet.threads import blockingCallFromThread
from zope.interface import implementer

from semaphore_twisted.crypto import certificates
from semaphore_twisted.interfaces import IAccessObserver
from semaphore_twisted.model.peers import PeerKind
from semaphore_twisted.operations.vpn import invites
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn.invites import NewInvite
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.listening import adopt
from semaphore_twisted.web.enroll.redeem_limit import RedeemLimit
from semaphore_twisted.web.enroll.site import build_enroll_site
from semaphore_twisted.web.http.ca_roots import CaRoot, CaRoots
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.listener.tls import PemCertificates, over_tls
from tests.support.http import (
    DEMO,
    NO_CHECKS,
    RecordingSchedules,
    RecordingTasks,
    at_once,
    memory_keyring,
    preview,
)
from tests.support.memory import (
    MemoryDatabase,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.peers import network
from tests.support.vpn_api import OPTIONS, RecordingPeers


@implementer(IAccessObserver)
class NoHub:
    """A hub without subscribers."""

    def access_changed(self) -> None:
        """Do nothing."""


def pair(folder: Path) -> tuple[PemCertificates, CaRoot]:
    """Return certificates for the loopback addresses, and their root."""
    now = datetime.now(UTC)
    names, addresses = ["localhost"], ["127.0.0.1"]
    root = certificates.new_root(
        host="test", names=names, addresses=addresses, now=now, entropy=os.urandom
    )
    leaf = certificates.new_leaf(
        root, names=names, addresses=addresses, now=now, entropy=os.urandom
    )
    (folder / "root.pem").write_bytes(root.certificate_pem)
    source = PemCertificates(
        chain=leaf.certificate_pem + root.certificate_pem,
        key=leaf.key_pem,
    )
    fingerprint = certificates.fingerprint(root.certificate)
    return source, CaRoot(root.certificate_pem, fingerprint)


def tokens(conn: Connection) -> list[str]:
    """Create invites for a single use, the last with approval; return their tokens."""
    user = make_user(conn, "alice", admin=True)
    made = []
    for approval in (False,) * 8 + (True,):
        new = NewInvite(
            kind=PeerKind.LAPTOP,
            max_uses=1,
            lifetime_seconds=3600,
            user_id=user.id,
            approval=approval,
        )
        made.append(invites.create(conn, None, new, entropy=os.urandom).token)
    return made


def host_token(conn: Connection) -> str:
    """Create an invite for a host of a project, and return its token."""
    user = make_user(conn, "owner")
    new = NewInvite(
        kind=PeerKind.HOST,
        max_uses=1,
        lifetime_seconds=3600,
        project_id=make_project(conn, user).id,
    )
    return invites.create(conn, None, new, entropy=os.urandom).token


@define
class Sites:
    """The sites of this process, by their address."""

    reactor: Any
    ports: dict[str, Any] = field(factory=dict)

    def obey(self, line: str) -> None:
        """Start or stop a site, and answer with a line."""
        told = json.loads(line)
        if "close" in told:
            port = self.ports.pop(told["close"], None)  # a test may have stopped it
            if port is not None:
                port.stopListening()
            said = {}
        else:
            said = self.start(Path(told["folder"]), told["trouble"])
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()

    def start(self, folder: Path, trouble: str) -> dict[str, Any]:
        """Start a site with a store of its own; return what a client needs."""
        conn = memory_connection(lambda: datetime.now(UTC), os.urandom)
        vpn_network.initialise(conn, None, network())
        source, root = pair(folder)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0)
        base = f"https://localhost:{listener.getsockname()[1]}"
        services = Services(
            database=MemoryDatabase(conn),
            compute=at_once,
            keyring=memory_keyring(),
            tasks=RecordingTasks(),
            checks=NO_CHECKS,
            schedules=RecordingSchedules(),
            preview=preview,
            demo=lambda: DEMO,
            observer=NoHub(),
            clock=self.reactor,
            entropy=os.urandom,
            options=replace(
                OPTIONS,
                roots=lambda: CaRoots(root),
                enroll_url=base,
                vpn=PeerLimits(devices_per_user=100),
            ),
            peers=RecordingPeers(reason=trouble),
            redeem_limit=RedeemLimit(self.reactor.seconds),
        )
        site = build_enroll_site(services, inner="https://semaphore.internal")
        self.ports[base] = self.reactor.adoptStreamPort(
            adopt(listener),
            listener.family,
            over_tls(site, source.context, clock=self.reactor),
        )
        return {
            "base": base,
            "tokens": tokens(conn),
            "host_token": host_token(conn),
            "fingerprint": root.fingerprint,
        }


def main() -> None:
    """Serve until the end of standard input."""
    reactor: Any = the_reactor
    reactor.callInThread(_read, reactor, Sites(reactor))
    reactor.run()


def _read(reactor: Any, sites: Sites) -> None:
    try:
        _obey_each(reactor, sites)
    finally:  # at an error too, so that the client does not wait for an answer
        reactor.callFromThread(reactor.stop)


def _obey_each(reactor: Any, sites: Sites) -> None:
    for line in sys.stdin:
        blockingCallFromThread(reactor, sites.obey, line)


if __name__ == "__main__":
    main()
