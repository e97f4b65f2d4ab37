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
    ("status", "vpn_status", "show the peers as the tunnel has them"),
    ("plan", "vpn_status", "show what the server would change now"),
    ("doctor", "vpn_doctor", "look for what keeps the VPN from working"),
    ("invite", "vpn_invites", "make a link that a device can enroll itself with"),
    ("invites", "vpn_invites", "list the invites"),
    ("uninvite", "vpn_invites", "revoke an invite"),
    ("peer", "vpn_peers", "devices and hosts: list, add, suspend, revoke and more"),
    ("grants", "vpn_grants", "list the networks behind the server, and who may enter"),
    ("grant", "vpn_grants", "open a network behind the server to somebody"),
    ("ungrant", "vpn_grants", "close a network behind the server to somebody"),
    ("backup", "vpn_backup", "write server key, peers and invites into a sealed file"),
    ("restore", "vpn_backup", "bring a sealed file back, on a new host too"),
    ("join", "vpn_join", "enroll this machine with a link"),
    ("leave", "vpn_leave", "take this machine out of the VPN"),
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
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Make the module declare the options, then parse."""
        self.load()
        return super().parse_known_args(args, namespace)


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``vpn`` and its commands."""
    parser = commands.add_parser(
        "vpn",
        help="the VPN that ends on this server, and joining one",
        description="The VPN that ends on this server, and joining one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = parser.add_subparsers(
        metavar="COMMAND", required=True, dest="vpn_command", parser_class=LateParser
    )
    for name, module, summary in COMMANDS:
        own.add_parser(name, help=summary, module=module)
