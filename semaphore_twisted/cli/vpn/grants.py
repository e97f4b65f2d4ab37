"""``semaphore vpn grants``, ``grant`` and ``ungrant``: networks behind the server."""

import argparse

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.operations.vpn import peers, site_networks
from semaphore_twisted.operations.vpn.site_networks import NewGrant
from semaphore_twisted.persistence.engine import Connection


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    if command == "grants":
        parser.description = "List the networks behind the server, and their grants."
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(run=_list)
    else:
        opens = command == "grant"
        parser.description = (
            "Grant access to a network behind the server to a peer, all devices of a "
            "user, or to a project: its members' devices and its hosts."
            if opens
            else "Withdraw a grant of access to a network behind the server."
        )
        parser.add_argument("network", metavar="NETWORK", help="its name")
        to = parser.add_mutually_exclusive_group(required=True)
        to.add_argument("--peer", metavar="PEER", help="a peer's name, id or uuid")
        to.add_argument("--user", metavar="LOGIN", help="a user's login or e-mail")
        to.add_argument("--project", metavar="NAME", help="a project's name or number")
        parser.set_defaults(run=_grant if opens else _withdraw)
    add_options(parser)


def _list(arguments: argparse.Namespace) -> int:
    with installation_database.reading(open_installation(arguments)) as conn:
        sites = site_networks.listed(conn, None)
        grants = site_networks.grants(conn, None)
    if arguments.json:
        table.print_json({"networks": sites, "grants": grants})
        return 0
    rows = []
    for site in sites:
        to = [each.to for each in grants if each.site_id == site.id]
        rows += [(site.name, site.network, each) for each in to or ["nobody"]]
    table.show(("NETWORK", "ADDRESSES", "OPEN TO"), rows)
    return 0


def _grant(arguments: argparse.Namespace) -> int:
    with installation_database.changing(open_installation(arguments)) as conn:
        made = site_networks.grant(conn, None, _wanted(conn, arguments))
    print(f"{made.site} ({made.network}) is open to {table.plain(made.to)}")
    return 0


def _withdraw(arguments: argparse.Namespace) -> int:
    with installation_database.changing(open_installation(arguments)) as conn:
        wanted = _wanted(conn, arguments)
        found = [
            each
            for each in site_networks.grants(conn, None)
            if (each.site_id, each.peer_id, each.user_id, each.project_id)
            == (wanted.site_id, wanted.peer_id, wanted.user_id, wanted.project_id)
        ]
        if not found:
            raise CommandError(
                f"{arguments.network}: that peer, user or project has no grant of "
                "this subnet route"
            )
        site_networks.withdraw(conn, None, found[0].id)
    print(f"{found[0].site} is closed to {table.plain(found[0].to)}")
    return 0


def _wanted(conn: Connection, arguments: argparse.Namespace) -> NewGrant:
    user, project = installation_database.owner_of(conn, arguments)
    peer = None
    if arguments.peer is not None:
        peer = peers.find(conn, None, arguments.peer).id
    return NewGrant(
        site_id=site_networks.find(conn, None, arguments.network).id,
        peer_id=peer,
        user_id=user,
        project_id=project,
    )
