"""``semaphore vpn init``: writes the companion's files and the VPN's network."""

import argparse

from semaphore_twisted.cli import installation_database
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.vpn import running_options, setup
from semaphore_twisted.cli.vpn.files import CompanionDirectory

_DESCRIPTION = """\
Set the VPN up, or change it; run as root.

Writes the companion's settings and the server's private key (both 0600; the key is
generated if there is none), and the network in the database. Only root can extend the
permissions in these settings: ports of the server that peers may reach, and networks
behind it. Run again, it changes only the given options; pools stay while there are
peers.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options."""
    del command
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--endpoint",
        metavar="HOST[:PORT]",
        help="where clients send their packets: a name or address that they can reach",
    )
    parser.add_argument(
        "--pool", metavar="NET", help="IPv4 addresses of peers (default 10.80.0.0/16)"
    )
    parser.add_argument(
        "--pool6",
        metavar="auto|NET|off",
        help="IPv6 addresses of peers (default auto: a random private /64)",
    )
    parser.add_argument(
        "--site",
        action="append",
        default=[],
        metavar="NAME=CIDR",
        help="a network behind the server that may be granted; may be repeated",
    )
    parser.add_argument(
        "--no-site",
        action="append",
        default=[],
        metavar="NAME",
        help="remove a network behind the server",
    )
    parser.add_argument(
        "--no-nat",
        action="append",
        default=[],
        metavar="NAME",
        help="do not hide peers behind the server's address in this network, which "
        "then needs a route back to the pool",
    )
    parser.add_argument(
        "--nat",
        action="append",
        default=[],
        metavar="NAME",
        help="hide peers behind the server's address in this network (the default)",
    )
    parser.add_argument(
        "--port", metavar="N", help="the UDP port of the server (default 51820)"
    )
    parser.add_argument(
        "--interface", metavar="NAME", help="the interface (default semaphore0)"
    )
    parser.add_argument(
        "--mtu", metavar="N", help="size of packets in the tunnel (default 1420)"
    )
    parser.add_argument(
        "--backend",
        choices=("auto", "kernel", "userspace"),
        help="the WireGuard implementation (default auto: the kernel's if available)",
    )
    parser.add_argument(
        "--new-key",
        action="store_true",
        help="generate another server key; every client then needs a new file",
    )
    parser.add_argument(
        "--publish",
        action="append",
        metavar="tcp/N|udp/N",
        help="a port of the server that peers may reach, besides the site's and DNS; "
        "repeatable; replaces the former ones; none closes them",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="accept unusual but possible pools: public addresses, or a part of a "
        "network that this machine reaches by a router",
    )
    add_settings(parser)
    add_options(parser)
    parser.set_defaults(run=_init)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add ``--vpn-settings DIR``."""
    parser.add_argument(
        "--vpn-settings",
        type=path_of("--vpn-settings"),
        metavar="DIR",
        help="the companion's directory (default /etc/semaphore-vpn)",
    )


def _init(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    running_options.check_bounds(installation)
    folder = CompanionDirectory.named(arguments.vpn_settings)
    with (
        folder.exchange() as files,
        installation_database.changing(installation) as conn,
    ):
        report = setup.set_up(conn, arguments, installation, folder, files)
    report.show(folder)
    return 0
