"""``semaphore vpn backup`` and ``restore``: the VPN moves to another host."""

import argparse
from pathlib import Path

from semaphore_twisted.cli import secret_argument
from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.vpn_init import add_settings

_BACKUP = """\
Write the server's key, the network, peers, invites, networks behind the server and
grants into FILE, mode 0600, sealed with a passphrase. With this file and the
passphrase anybody can be this server: keep them apart, and safe.
"""

_RESTORE = """\
Bring a file of `semaphore vpn backup` back, on a new host too: the files that clients
have go on working, if the name of the endpoint leads to this host. Owners are found
by login, projects by name; what has no owner here belongs to an administrator then.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    parser.description = _BACKUP if command == "backup" else _RESTORE
    parser.add_argument("file", type=Path, metavar="FILE")
    secret_argument.add(parser, "--passphrase", help="the passphrase of the file")
    if command == "backup":
        parser.add_argument(
            "--force", action="store_true", help="replace FILE if it exists"
        )
        parser.set_defaults(run=_backup)
    else:
        parser.add_argument(
            "--replace",
            action="store_true",
            help="take away the peers, invites and grants that are here",
        )
        parser.set_defaults(run=_restore)
    add_settings(parser)
    add_options(parser)


def _backup(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")


def _restore(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
