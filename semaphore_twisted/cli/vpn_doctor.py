"""``semaphore vpn doctor``: what keeps the VPN from working."""

import argparse

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.vpn_init import add_settings


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options."""
    del command
    parser.description = (
        "Look for what keeps the VPN from working: UDP port, forwarding, rules of "
        "others, NAT, MTU, clock, backend, drift, names, rights of files. Run as root "
        "to see all. Exit code 1: something is wrong."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_settings(parser)
    add_options(parser)
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
