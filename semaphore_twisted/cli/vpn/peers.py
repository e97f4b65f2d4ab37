"""``semaphore vpn peer``: devices and hosts of the VPN."""

import argparse
from collections.abc import Callable

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.subparsers import Subparsers
from semaphore_twisted.cli.vpn import peer_changes, peer_files
from semaphore_twisted.model.peers import PeerKind, PeerLifecycle
from semaphore_twisted.operations.vpn import peers, site_networks
from semaphore_twisted.persistence.statements.vpn import peers as statements

_Run = Callable[[argparse.Namespace], int]

_ADD = """\
Create a peer. Without --public-key this command generates its key pair, the event log
says so, and the file and its QR code are printed once: the private key is not stored.
With --public-key the file has a placeholder for the private key, and there is no QR
code. Better than both: `semaphore vpn invite`, where the device generates its own key.

The file goes to standard output, everything else to standard error.
"""

_ROTATE = """\
Replace a peer's key; name, addresses and grants stay. The device needs the file that is
printed. Without --public-key this command generates the pair, as `peer add` does.
"""

_IMPORT = """\
Import the peers of a server's wg-quick file: keys, preshared keys and addresses stay,
so clients continue to work if the server's key and endpoint are the same. Commands in
the file (PostUp and the like) are refused. Existing peers are skipped.
"""

_EXPORT = """\
Print the peers: JSON without secrets, or the [Peer] sections of a wg file for the
active ones.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the verbs."""
    del command
    parser.description = "Devices and hosts of the VPN."
    verbs = parser.add_subparsers(metavar="VERB", required=True, dest="verb")
    listing = _verb(verbs, "list", _list, "list the peers")
    _owner(listing)
    _kind(listing)
    listing.add_argument("--tag", help="with this tag only")
    listing.add_argument(
        "--in",
        dest="in_state",
        choices=[str(each) for each in PeerLifecycle],
        help="in this state only",
    )
    _json(listing)
    _json(_one(_verb(verbs, "show", _show, "show a peer")))
    _declare_files(verbs)
    rename = _one(_verb(verbs, "rename", peer_changes.rename, "rename a peer"))
    rename.add_argument("name", metavar="NEW-NAME", help="the new name")
    _one(
        _verb(
            verbs,
            "suspend",
            peer_changes.suspend,
            "suspend a peer until it is resumed",
        )
    )
    _expiry(
        _one(
            _verb(
                verbs,
                "resume",
                peer_changes.resume,
                "admit a suspended, pending or expired peer",
            )
        )
    )
    expire = _one(
        _verb(
            verbs,
            "expire",
            peer_changes.expire,
            "make a peer's access expire, now or later",
        )
    )
    expire.add_argument(
        "--at",
        dest="expires",
        metavar="TIME",
        help="after a time such as 12h, 90d; or never",
    )
    revoke = _one(
        _verb(verbs, "revoke", peer_changes.revoke, "revoke a peer permanently")
    )
    revoke.add_argument("--yes", action="store_true", help="do not ask")


def _declare_files(verbs: Subparsers) -> None:
    """Declare the verbs that write or read files with keys."""
    add = _verb(verbs, "add", peer_files.add, "create a peer, and print its file", _ADD)
    add.add_argument("name", metavar="NAME", help="the name of the peer")
    add.add_argument(
        "--public-key",
        metavar="KEY",
        help="the device's own public key; the private one stays on the device",
    )
    _owner(add)
    _kind(add)
    _expiry(add)
    add.add_argument("--tag", action="append", default=[], help="repeatable")
    add.add_argument(
        "--grant",
        action="append",
        default=[],
        metavar="NETWORK",
        help="a network behind the server that it may enter; repeatable",
    )
    _json(add)
    rotate = _one(
        _verb(verbs, "rotate", peer_files.rotate, "replace a peer's key", _ROTATE)
    )
    rotate.add_argument("--public-key", metavar="KEY", help="the device's new one")
    _json(rotate)
    imported = _verb(
        verbs,
        "import",
        peer_files.import_,
        "import the peers of a wg-quick file",
        _IMPORT,
    )
    imported.add_argument(
        "file", type=path_of("FILE"), metavar="FILE", help="- is standard input"
    )
    _owner(imported)
    _kind(imported)
    imported.add_argument("--dry-run", action="store_true", help="change nothing")
    exported = _verb(
        verbs,
        "export",
        peer_files.export,
        "print the peers for other programs",
        _EXPORT,
    )
    exported.add_argument(
        "--format", choices=("json", "wg"), default="json", help="default json"
    )
    exported.add_argument(
        "--preshared-keys",
        action="store_true",
        help="with --format wg: the preshared keys as well, which are secret",
    )


def _verb(
    verbs: Subparsers, name: str, run: _Run, summary: str, text: str = ""
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=summary,
        description=text or summary.capitalize() + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.set_defaults(run=run)
    return parser


def _one(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("peer", metavar="PEER", help="its name, id or uuid")
    return parser


def _owner(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--user", metavar="LOGIN", help="the owner: a login or e-mail")
    group.add_argument(
        "--project", metavar="NAME", help="the project: a name or number"
    )


def _kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind", choices=[str(each) for each in PeerKind], help="the kind of peer"
    )


def _expiry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--expires", metavar="TIME", help="after a time such as 12h or 90d; or never"
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _list(arguments: argparse.Namespace) -> int:
    with installation_database.reading(open_installation(arguments)) as conn:
        user, project = installation_database.owner_of(conn, arguments)
        rows = peers.listed(
            conn,
            None,
            kind=PeerKind(arguments.kind) if arguments.kind else None,
            state=PeerLifecycle(arguments.in_state) if arguments.in_state else None,
            user_id=user,
            project_id=project,
            tag=arguments.tag,
        )
    if arguments.json:
        table.print_json(rows)
        return 0
    table.show(
        ("ID", "NAME", "OWNER", "KIND", "STATE", "ADDRESS", "EXPIRES", "SEEN", "TAGS"),
        (
            (
                str(each.id),
                each.name,
                each.owner,
                each.kind,
                table.peer_state(each),
                each.ipv4 or "-",
                table.moment(each.expires, "never"),
                table.moment(each.last_handshake, "never"),
                ",".join(each.tags),
            )
            for each in rows
        ),
    )
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with installation_database.reading(open_installation(arguments)) as conn:
        peer = peers.find(conn, None, arguments.peer)
        networks = conn.column(
            statements.networks_of,
            peer_id=peer.id,
            user_id=peer.user_id,
            project_id=peer.project_id,
        )
        sites = [
            each
            for each in site_networks.listed(conn, None)
            if each.network in networks
        ]
    if arguments.json:
        table.print_json({"peer": peer, "networks": sites})
        return 0
    for label, value in (
        ("ID", str(peer.id)),
        ("UUID", peer.uuid),
        ("Name", peer.name),
        ("Owner", peer.owner),
        ("Kind", peer.kind),
        ("State", table.peer_state(peer)),
        ("Public key", peer.public_key),
        ("Addresses", ", ".join(filter(None, (peer.ipv4, peer.ipv6))) or "-"),
        ("Tags", ", ".join(peer.tags) or "-"),
        ("Created", table.moment(peer.created)),
        ("Expires", table.moment(peer.expires, "never")),
        ("Last handshake", table.moment(peer.last_handshake, "never")),
        ("Received", table.size(peer.received)),
        ("Sent", table.size(peer.sent)),
        (
            "May enter",
            ", ".join(f"{each.name} ({each.network})" for each in sites) or "-",
        ),
    ):
        print(f"{label}: {table.plain(value)}")
    return 0
