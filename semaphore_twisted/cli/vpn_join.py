"""``semaphore vpn join``: this machine makes its key and enrolls itself."""

import argparse

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.vpn_leave import add_place

_DESCRIPTION = """\
Enroll this machine with a link of `semaphore vpn invite`. Nothing else of Semaphore
needs to be here. The key is made on this machine and does not leave it; the server's
root certificate is compared with the link's fingerprint before the token is sent.

The link is a secret until it was used, and other users of a machine can see the
arguments of a command: on a machine that others use, give - and paste the link.
Run twice it is harmless.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options."""
    del command
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "link",
        metavar="LINK",
        help="https://HOST/enroll#TOKEN, in quotes; - reads it from standard input",
    )
    parser.add_argument(
        "--name", help="how the server calls this machine (default: its host name)"
    )
    parser.add_argument(
        "--up",
        action=argparse.BooleanOptionalAction,
        help="bring the tunnel up (default: as root, where wg-quick is installed)",
    )
    add_place(parser)
    parser.set_defaults(run=_join)


def _join(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
