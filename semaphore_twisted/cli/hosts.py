"""``semaphore hosts``: the known SSH host keys of jobs."""

import argparse
import sys

from semaphore_twisted.cli import table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.crypto.knownhosts import KnownHost
from semaphore_twisted.model.errors import NotFound
from semaphore_twisted.operations.projects import known_hosts


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``hosts`` and its commands."""
    parser = commands.add_parser("hosts", help="known SSH host keys of jobs")
    own = parser.add_subparsers(metavar="COMMAND", required=True)
    show = own.add_parser("list", help="list the keys", description="List the keys.")
    add_options(show)
    show.set_defaults(run=_list)
    forget = own.add_parser(
        "forget",
        help="delete the keys of a host",
        description="Delete the keys of a host, for example after it was installed "
        "again; the next job records the new one.",
    )
    forget.add_argument("host", help="HOST, HOST:PORT or [HOST]:PORT")
    add_options(forget)
    forget.set_defaults(run=_forget)


def _list(arguments: argparse.Namespace) -> int:
    hosts = known_hosts.listed(open_installation(arguments).known_hosts)
    table.show(
        ("HOST", "TYPE", "FINGERPRINT"),
        ((_name(each), each.type, each.fingerprint) for each in hosts),
    )
    return 0


def _name(known_host: KnownHost) -> str:
    name = "(hashed)" if known_host.hashed else known_host.host
    return f"{known_host.marker} {name}".strip()


def _forget(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    conn = installation.connect()
    try:
        gone = known_hosts.forget(installation.known_hosts, arguments.host)
        with conn.transaction(write=True):
            known_hosts.record(conn, None, arguments.host)
    except NotFound:
        raise CommandError(
            f"{arguments.host}: no host key is stored for this host"
        ) from None
    finally:
        conn.close()
    for each in gone:
        sys.stdout.write(f"forgotten: {each.type} {each.fingerprint}\n")
    return 0
