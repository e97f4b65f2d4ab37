"""``semaphore vpn status`` and ``plan``: peers on the device, and pending changes."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.vpn import running_options
from semaphore_twisted.cli.vpn.companion import ask
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.peers import Peer, PeerStatus
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.vpn import options_of
from semaphore_twisted.vpn import requests
from semaphore_twisted.wireguard import keys, wire

#: Exit code of a plan that is not empty.
DIFFERS = 2

_DESCRIPTIONS = {
    "status": "Show the peers on the device: last handshake, received and sent bytes. "
    "Run as root or as the server's user.",
    "plan": "Show the pending changes of interface and firewall rules; nothing is "
    "changed. Exit code 2: there are changes.",
}


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    parser.description = _DESCRIPTIONS[command]
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser)
    parser.set_defaults(run=_status if command == "status" else _plan)


def _status(arguments: argparse.Namespace) -> int:
    installation = running_options.opened(arguments)
    with installation_database.reading(installation) as conn:
        network = vpn_network.get(conn, None, options_of(installation.config))
        listed = peers.listed(conn, None)
    welcome, observed, seen, problem = _observe(installation)
    known = {each.public_key for each in listed}
    foreign = [each for each in observed if keys.format(each.public_key) not in known]
    status = {each.id: each for each in seen}
    if arguments.json:
        table.print_json(
            {
                "network": network,
                "backend": welcome.backend if welcome else "",
                "reason": problem.sentence if problem else "",
                "peers": [
                    {"peer": each, "status": status.get(each.id)} for each in listed
                ],
                "foreign": [
                    {
                        "public_key": keys.format(each.public_key),
                        "endpoint": each.endpoint,
                        "last_handshake": _seen(each),
                    }
                    for each in foreign
                ],
            }
        )
    else:
        served = ""
        if welcome is not None:
            served = f", {welcome.interface} ({welcome.backend or welcome.reason})"
        print(f"{network.endpoint}, inside {network.server4}{served}")
        table.show(_HEAD, (_row(each, status.get(each.id)) for each in listed))
        for each in foreign:
            print(
                f"foreign: {keys.format(each.public_key)} from {each.endpoint or '-'}, "
                f"last handshake {table.moment(_seen(each), 'never')}: no peer of the "
                "database that is to be there; the server removes it at its next look"
            )
    if problem is not None:
        raise problem
    return 0


def _observe(
    installation: Installation,
) -> tuple[
    wire.Welcome | None, Sequence[wire.Status], list[PeerStatus], CommandError | None
]:
    """Return the companion's observations, or the failure to get them."""
    path = Path(installation.config.vpn.socket)
    try:
        welcome = ask(path, wire.Hello(), wire.Welcome)
        observed = ask(path, wire.Observe(), wire.Observed)
    except CommandError as failure:
        return None, (), [], failure
    with installation_database.changing(installation, wake=False) as conn:
        return welcome, observed.peers, peers.observed(conn, observed.peers), None


def _seen(status: wire.Status) -> datetime | None:
    """Return the time of a peer's last handshake."""
    handshake = status.handshake
    return datetime.fromtimestamp(handshake, UTC) if handshake > 0 else None


_HEAD = (
    "ID",
    "NAME",
    "OWNER",
    "KIND",
    "ADDRESS",
    "STATE",
    "ONLINE",
    "HANDSHAKE",
    "RECEIVED",
    "SENT",
    "ENDPOINT",
)


def _row(peer: Peer, status: PeerStatus | None) -> tuple[str, ...]:
    """Return a table row; received and sent are from the peer's point of view."""
    known = status or peer
    return (
        str(peer.id),
        peer.name,
        peer.owner,
        peer.kind,
        peer.ipv4,
        table.peer_state(peer),
        status.online if status else "-",
        table.span(status.age_seconds)
        if status
        else table.moment(peer.last_handshake, "never"),
        table.size(known.received),
        table.size(known.sent),
        (status.endpoint if status else None) or "-",
    )


def _plan(arguments: argparse.Namespace) -> int:
    installation = running_options.opened(arguments)
    with installation_database.reading(installation) as conn:
        vpn_network.get(conn, None)
        changes, damaged = planned(conn, installation)
    if arguments.json:
        table.print_json({"changes": changes, "left_out": damaged})
    else:
        for sentence in (*changes, *(f"left out: {each}" for each in damaged)):
            print(table.plain(sentence))
        if not changes:
            print("Nothing to change")
    return DIFFERS if changes else 0


def planned(
    conn: Connection, installation: Installation
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the pending changes and the peers left out, as sentences.

    :raises CommandError: if the companion cannot be asked
    """
    path = Path(installation.config.vpn.socket)
    welcome = ask(path, wire.Hello(), wire.Welcome)
    desired = peers.desired(conn, installation.keyring(), {}, welcome.sites)
    answer = ask(path, requests.plan(desired), wire.Planned)
    return answer.changes, desired.damaged
