"""``semaphore vpn status`` and ``plan``: the tunnel as it is, and as it would be."""

import argparse

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options

_DESCRIPTIONS = {
    "status": "Show the peers as the tunnel has them: when each was last heard of, "
    "what it received and sent. Run as root or as the server's user.",
    "plan": "Show what the server would change now on the interface and in the rules; "
    "nothing is changed. Exit code 2: there is something.",
}


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    parser.description = _DESCRIPTIONS[command]
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser)
    parser.set_defaults(run=_status if command == "status" else _plan)


def _status(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")


def _plan(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
