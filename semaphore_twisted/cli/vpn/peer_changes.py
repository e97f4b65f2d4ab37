"""Commands that change one peer: rename, suspend, resume, expire, revoke."""

import argparse
from collections.abc import Callable
from datetime import datetime

import msgspec

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.confirmation import confirm
from semaphore_twisted.cli.user import duration
from semaphore_twisted.cli.vpn import running_options
from semaphore_twisted.model.peers import Peer
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.operations.vpn.peers import ChangedPeer
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.vpn import options_of

_Run = Callable[[argparse.Namespace], int]

#: Changes a peer within a transaction, and returns the sentence to print.
_Change = Callable[[Connection, Peer, argparse.Namespace, PeerLimits], str]


def _with(change: _Change) -> _Run:
    """Return a command that applies *change* to the named peer."""

    def run(arguments: argparse.Namespace) -> int:
        installation = running_options.opened(arguments)
        with installation_database.changing(installation) as conn:
            peer = peers.find(conn, None, arguments.peer)
            said = change(conn, peer, arguments, options_of(installation.config))
        print(table.plain(said))
        return 0

    return run


def _rename(
    conn: Connection, peer: Peer, arguments: argparse.Namespace, options: PeerLimits
) -> str:
    del options
    changed = peers.change(conn, None, peer.id, ChangedPeer(name=arguments.name))
    return f"{peer.name} is {changed.name} now; its tunnel goes on"


def _suspend(
    conn: Connection, peer: Peer, arguments: argparse.Namespace, options: PeerLimits
) -> str:
    del arguments, options
    return f"{peers.suspend(conn, None, peer.id).name} is suspended"


def _resume(
    conn: Connection, peer: Peer, arguments: argparse.Namespace, options: PeerLimits
) -> str:
    del options
    resumed = peers.resume(
        conn, None, peer.id, expires=moment(arguments.expires, conn.now)
    )
    return f"{resumed.name} is {resumed.state}, {_until(resumed)}"


def _expire(
    conn: Connection, peer: Peer, arguments: argparse.Namespace, options: PeerLimits
) -> str:
    del options
    at = moment(arguments.expires, conn.now)
    if at is None:
        changed = peers.change(conn, None, peer.id, ChangedPeer(expires=None))
    elif isinstance(at, datetime):
        changed = peers.expire(conn, None, peer.id, at=at)
    else:
        changed = peers.expire(conn, None, peer.id)
    return f"{changed.name} is {changed.state}, {_until(changed)}"


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke a peer permanently, after a confirmation."""
    with installation_database.reading(running_options.opened(arguments)) as conn:
        peer = peers.find(conn, None, arguments.peer)
    confirm(
        f"Revoke {table.plain(peer.name)} of {table.plain(peer.owner)} "
        f"({peer.ipv4 or peer.uuid}) for good?",
        yes=arguments.yes,
    )
    arguments.peer = peer.uuid  # the confirmed peer is the one that is revoked
    return _with(_revoked)(arguments)


def _revoked(
    conn: Connection, peer: Peer, arguments: argparse.Namespace, options: PeerLimits
) -> str:
    del arguments
    return f"{peers.revoke(conn, None, peer.id, options=options).name} is revoked"


def moment(text: str | None, now: datetime) -> datetime | msgspec.UnsetType | None:
    """Return an expiry time: ``None`` for never, unset without *text*.

    :raises Failure: if *text* is neither never nor a duration
    """
    if text is None:
        return msgspec.UNSET
    return None if text == "never" else now + duration(text)


def _until(peer: Peer) -> str:
    if peer.expires is None:
        return "without an end"
    return f"until {table.moment(peer.expires)}"


rename = _with(_rename)
suspend = _with(_suspend)
resume = _with(_resume)
expire = _with(_expire)
