"""``semaphore vpn invite``, ``invites`` and ``uninvite``."""

import argparse

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options

_DESCRIPTION = """\
Make a link that a device can enroll itself with, and print it once, with a command
for Linux and macOS and one for Windows. Whoever has the link can use it: send it as
you would send a password.
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
        parser.description = "Revoke an invite: nobody can use its link any more."
        parser.add_argument("id", type=int, metavar="ID", help="from `vpn invites`")
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
    owner.add_argument("--user", metavar="LOGIN", help="whose device it will be")
    owner.add_argument(
        "--project",
        metavar="NAME",
        help="whose host it will be: the project's name or number",
    )
    parser.add_argument(
        "--kind",
        choices=("laptop", "phone", "host"),
        help="what is enrolled (default: laptop, with --project host)",
    )
    parser.add_argument(
        "--uses", type=int, default=1, metavar="N", help="devices (default 1)"
    )
    parser.add_argument(
        "--expires",
        default="24h",
        metavar="TIME",
        help="how long the link can be used: 30m, 24h, 7d (default 24h)",
    )
    parser.add_argument(
        "--peer-expires",
        metavar="TIME",
        help="when the devices' own access ends, counted from now (default: never)",
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
        help="let devices wait until somebody resumes them (`vpn peer resume`)",
    )


def _invite(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")


def _list(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")


def _revoke(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
