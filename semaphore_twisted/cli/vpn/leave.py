"""``semaphore vpn leave``: removes the tunnel and its files from this machine."""

import argparse
from pathlib import Path

from semaphore_twisted.cli.confirmation import confirm
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.vpn import wg_quick
from semaphore_twisted.cli.vpn.tunnel_file import TunnelFile
from semaphore_twisted.common.command_error import CommandError


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options."""
    del command
    parser.description = (
        "Take the tunnel down and delete the file with this machine's key. The peer "
        "stays on the server until an administrator revokes it; the command for that "
        "is printed."
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_place(parser)
    parser.set_defaults(run=_leave)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add ``--interface`` and ``--config-dir``."""
    parser.add_argument(
        "--interface",
        default="semaphore",
        metavar="NAME",
        help="the name of the tunnel and its file (default semaphore)",
    )
    parser.add_argument(
        "--config-dir",
        type=path_of("--config-dir"),
        default=Path("/etc/wireguard"),
        metavar="DIR",
        help="the directory of wg-quick's files (default /etc/wireguard)",
    )


def _leave(arguments: argparse.Namespace) -> int:
    files = TunnelFile.named(arguments.config_dir, arguments.interface)
    joined = files.joined()
    if joined is None:
        if files.profile.exists():
            raise CommandError(
                f"{files.profile} was not made by `semaphore vpn join`, and is left"
            )
        print(f"Nothing to leave: there is no {files.profile}")
        return 0
    confirm(
        f"Take down {files.interface} and remove {files.profile} with its key?",
        yes=arguments.yes,
    )
    with files.alone():
        if files.profile.exists():
            wg_quick.down(files)
        files.remove()
    print(f"Left {joined.url}; {files.profile} is gone")
    print(f"On the server: semaphore vpn peer revoke {joined.uuid}")
    return 0
