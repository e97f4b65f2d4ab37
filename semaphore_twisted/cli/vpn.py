"""``semaphore vpn``: the server's VPN, and joining one.

Each command is a module of its own, which is imported on demand: ``join`` runs on
machines without an installation, and should start fast.
"""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

#: Command, its module in this package, summary.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("init", "vpn_init", "set the VPN up, or change it"),
    ("status", "vpn_status", "show the peers and their traffic"),
    ("plan", "vpn_status", "show the pending changes of the device"),
    ("doctor", "vpn_doctor", "check whether the VPN works"),
    ("invite", "vpn_invites", "create a link with which a device enrolls"),
    ("invites", "vpn_invites", "list the invites"),
    ("uninvite", "vpn_invites", "revoke an invite"),
    ("peer", "vpn_peers", "devices and hosts: list, add, suspend, revoke and more"),
    ("grants", "vpn_grants", "list the networks behind the server, and their grants"),
    ("grant", "vpn_grants", "grant access to a network behind the server"),
    ("ungrant", "vpn_grants", "withdraw access to a network behind the server"),
    (
        "backup",
        "vpn_backup",
        "write server key, peers and invites to an encrypted file",
    ),
    ("restore", "vpn_backup", "restore an encrypted file, on a new host too"),
    ("join", "vpn_join", "enroll this machine with a link"),
    ("leave", "vpn_leave", "remove this machine's tunnel and its key"),
)

_EPILOG = """\
A VPN in three commands:
  semaphore vpn init --endpoint vpn.example.net    as root, on the server
  semaphore vpn invite --user alice                on the server; prints a link
  semaphore vpn join LINK                          on the laptop or host
"""


class LateParser(argparse.ArgumentParser):
    """The parser of a command, which *module* declares at its first use."""

    def __init__(self, *args: Any, module: str = "", **kwargs: Any) -> None:
        """Store the name of the module; nothing is imported yet."""
        super().__init__(*args, **kwargs)
        self._module = module

    def load(self) -> None:
        """Make the module declare the options, once."""
        module, self._module = self._module, ""
        if module:
            found = importlib.import_module(f"semaphore_twisted.cli.{module}")
            found.declare(self, self.prog.rpartition(" ")[2])

    @override
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: object = None
    ) -> tuple[object, list[str]]:
        """Make the module declare the options, then parse."""
        self.load()
        return super().parse_known_args(args, namespace)


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
