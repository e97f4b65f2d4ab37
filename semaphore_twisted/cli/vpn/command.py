"""``semaphore vpn``: the server's VPN, and joining one.

Each command is a module of its own, which is imported on demand: ``join`` runs on
machines without an installation, and should start fast.
"""

import argparse

from semaphore_twisted.cli.late_parser import LateParser

#: Command, its module in this package, summary.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("init", "vpn.init", "set the VPN up, or change it"),
    ("status", "vpn.status", "show the peers and their traffic"),
    ("plan", "vpn.status", "show the pending changes of the device"),
    ("doctor", "vpn.doctor", "check whether the VPN works"),
    ("invite", "vpn.invites", "create a link with which a device enrolls"),
    ("invites", "vpn.invites", "list the invites"),
    ("uninvite", "vpn.invites", "revoke an invite"),
    ("peer", "vpn.peers", "devices and hosts: list, add, suspend, revoke and more"),
    ("grants", "vpn.grants", "list the networks behind the server, and their grants"),
    ("grant", "vpn.grants", "grant access to a network behind the server"),
    ("ungrant", "vpn.grants", "withdraw access to a network behind the server"),
    (
        "backup",
        "vpn.backup",
        "write server key, peers and invites to an encrypted file",
    ),
    ("restore", "vpn.backup", "restore an encrypted file, on a new host too"),
    ("join", "vpn.join", "enroll this machine with a link"),
    ("leave", "vpn.leave", "remove this machine's tunnel and its key"),
)

_EPILOG = """\
A VPN in three commands:
  semaphore vpn init --endpoint vpn.example.net    as root, on the server
  semaphore vpn invite --user alice                on the server; prints a link
  semaphore vpn join LINK                          on the laptop or host
"""


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``vpn`` and its commands."""
    parser = commands.add_parser(
        "vpn",
        help="the server's VPN, and joining one",
        description="The server's VPN, and joining one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = parser.add_subparsers(
        metavar="COMMAND", required=True, dest="vpn_command", parser_class=LateParser
    )
    for name, module, summary in COMMANDS:
        own.add_parser(name, help=summary, module=module)
