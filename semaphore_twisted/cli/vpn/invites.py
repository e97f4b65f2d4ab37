"""``semaphore vpn invite``, ``invites`` and ``uninvite``."""

import argparse
import sys

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.numbers import LARGEST, within
from semaphore_twisted.cli.user import duration
from semaphore_twisted.cli.vpn import enrollment_url, running_options
from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.peers import PeerKind
from semaphore_twisted.operations.vpn import invites, network
from semaphore_twisted.operations.vpn.invites import NewInvite
from semaphore_twisted.start.vpn import options_of
from semaphore_twisted.web.enroll.commands import commands

_DESCRIPTION = """\
Create a link with which a device enrolls, and print it once, with a command for Linux
and macOS and one for Windows. Anyone with the link can use it: send it as you would
send a password.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    if command == "invite":
        parser.description = _DESCRIPTION
        _invite_options(parser)
        parser.set_defaults(run=_invite)
    elif command == "invites":
        parser.description = "List the invites, newest first, without their tokens."
        parser.set_defaults(run=_list)
    else:
        parser.description = "Revoke an invite: its link cannot be used any more."
        parser.add_argument(
            "id", type=within(1, LARGEST), metavar="ID", help="from `vpn invites`"
        )
        parser.add_argument(
            "--peers",
            action="store_true",
            help="revoke the peers that were enrolled with it, too; without this they "
            "stay",
        )
        parser.set_defaults(run=_revoke)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser)


def _invite_options(parser: argparse.ArgumentParser) -> None:
    owner = parser.add_mutually_exclusive_group()
    owner.add_argument("--user", metavar="LOGIN", help="the owner of the device")
    owner.add_argument(
        "--project",
        metavar="NAME",
        help="the project of the host: its name or number",
    )
    parser.add_argument(
        "--kind",
        choices=("laptop", "phone", "host"),
        help="the kind of device (default: laptop, with --project host)",
    )
    parser.add_argument(
        "--uses",
        type=int,
        default=1,
        metavar="N",
        help="devices (default 1)",
    )
    parser.add_argument(
        "--expires",
        default="24h",
        metavar="TIME",
        help="when the link expires: 30m, 24h, 7d (default 24h)",
    )
    parser.add_argument(
        "--peer-expires",
        metavar="TIME",
        help="when the devices' access expires, counted from now (default: never)",
    )
    parser.add_argument(
        "--grant",
        action="append",
        default=[],
        metavar="NETWORK",
        help="a network behind the server that the devices may enter; may be repeated",
    )
    parser.add_argument(
        "--tag", action="append", default=[], help="a tag of the devices; repeatable"
    )
    parser.add_argument(
        "--approval",
        action="store_true",
        help="admit devices only after approval (`vpn peer resume`)",
    )


def _invite(arguments: argparse.Namespace) -> int:
    installation = running_options.opened(arguments)
    lifetime = duration(arguments.expires)
    ends = arguments.peer_expires
    options = options_of(installation.config)
    with installation_database.changing(installation) as conn:
        place = enrollment_url.enrolling(installation, network.get(conn, None, options))
        user, project = installation_database.owner_of(conn, arguments)
        kind = PeerKind(arguments.kind or ("host" if project else "laptop"))
        if kind is PeerKind.HOST and project is None:
            raise CommandError(
                "--project: not set; expected the project that owns the host"
            )
        if user is None and project is None:
            user = installation_database.first_administrator(conn).id
        made = invites.create(
            conn,
            None,
            NewInvite(
                kind=kind,
                max_uses=arguments.uses,
                lifetime_seconds=int(lifetime.total_seconds()),
                user_id=user,
                project_id=project,
                tags=tuple(arguments.tag),
                grants=tuple(arguments.grant),
                approval=arguments.approval,
                peer_expires=None if ends is None else conn.now + duration(ends),
            ),
            options=options,
        )
    if place.doubt:
        print(f"semaphore: warning: {table.plain(place.doubt)}", file=sys.stderr)
    link = InviteLink(place.base, made.token, place.fingerprint)
    ready = commands(place.base, made.token, place.fingerprint)
    if arguments.json:
        table.print_json(
            {
                "invite": made.invite,
                "link": str(link),
                "posix": ready.posix,
                "powershell": ready.powershell,
            }
        )
        return 0
    invite = made.invite
    print(
        f"Invite {invite.id} for {invite.max_uses} {invite.kind}(s) of {invite.owner}, "
        f"until {table.moment(invite.expires)}"
    )
    print(f"\nIn a browser, on the device itself or to draw a QR code:\n{link}")
    # Unindented: a here-document ends only at the beginning of a line.
    print(f"\nLinux and macOS:\n{ready.posix}")
    print(f"Windows (PowerShell):\n{ready.powershell}")
    print(f"A machine that has this package:\nsemaphore vpn join '{link}'")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with installation_database.reading(open_installation(arguments)) as conn:
        rows = invites.listed(conn, None)
    if arguments.json:
        table.print_json(rows)
        return 0
    table.show(
        ("ID", "TOKEN", "STATE", "KIND", "OWNER", "USED", "EXPIRES", "TAGS"),
        (
            (
                str(each.id),
                f"{each.prefix}…",
                each.state,
                each.kind,
                each.owner,
                f"{each.uses}/{each.max_uses}",
                table.moment(each.expires),
                ",".join(each.tags),
            )
            for each in rows
        ),
    )
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    with installation_database.changing(installation) as conn:
        revoked = invites.revoke(
            conn,
            None,
            arguments.id,
            with_peers=arguments.peers,
            options=options_of(installation.config),
        )
    if arguments.json:
        table.print_json(revoked)
    else:
        peers = "its peers were revoked, too" if arguments.peers else "its peers stay"
        print(f"Invite {revoked.id} is revoked; {peers}")
    return 0
