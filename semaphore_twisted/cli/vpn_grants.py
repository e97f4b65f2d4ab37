"""``semaphore vpn grants``, ``grant`` and ``ungrant``: networks behind the server."""

import argparse

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    if command == "grants":
        parser.description = "List the networks behind the server, and who may enter."
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(run=_list)
    else:
        opens = command == "grant"
        parser.description = (
            "Open a network behind the server to a peer, to all devices of a user, or "
            "to a project: its members' devices and its hosts."
            if opens
            else "Close a network behind the server to whom it was opened."
        )
        parser.add_argument("network", metavar="NETWORK", help="its name")
        to = parser.add_mutually_exclusive_group(required=True)
        to.add_argument("--peer", metavar="PEER", help="a peer's name, id or uuid")
        to.add_argument("--user", metavar="LOGIN", help="a user's login or e-mail")
        to.add_argument("--project", metavar="NAME", help="a project's name or number")
        parser.set_defaults(run=_grant if opens else _withdraw)
    add_options(parser)


def _list(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")


def _grant(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")


def _withdraw(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
