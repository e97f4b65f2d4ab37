"""The options of the running server, for commands that depend on them."""

import argparse
import os
import sys

from semaphore_twisted.cli import table
from semaphore_twisted.cli.installation import open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.start import installation, running
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.running import Difference, Running

#: Options that decide which ports root opens to peers.
LISTENER_OPTIONS = frozenset(
    {"port", "interface", "vpn.only", "vpn.port", "vpn.dns", "vpn.publish"}
)

#: Options that decide about links, profiles and checks.
LINK_OPTIONS = LISTENER_OPTIONS | {
    "web_host",
    "tls.enabled",
    "tls.mode",
    "tls.cert_file",
    "acme.names",
    "trusted_proxies",
    "proxy_protocol",
    "vpn.enroll_port",
    "vpn.domain",
    "vpn.devices_per_user",
    "vpn.address_quarantine_days",
    "vpn.socket",
}


def as_it_runs(
    arguments: argparse.Namespace,
) -> tuple[Installation, Running | None, list[Difference]]:
    """Return the installation with the options of its running server.

    Also return the server's published state, and the options that differ from this
    command's.

    :raises CommandError: if there is no installation, or its configuration is invalid
    """
    found = open_installation(arguments)
    server = running.read(found.state.path)
    if server is None:
        return found, None, []
    differing = running.differences(found.settings, server, LINK_OPTIONS)
    if differing:
        found = installation.load(
            config=arguments.config,
            state=arguments.state,
            environ=running.overlaid(os.environ, differing),
        )
    return found, server, differing


def opened(arguments: argparse.Namespace) -> Installation:
    """Return the installation with its running server's options.

    Warn of differences.
    """
    found, _, differing = as_it_runs(arguments)
    for each in differing:
        print(
            f"semaphore: warning: {table.plain(each.sentence)}; the server's counts",
            file=sys.stderr,
        )
    return found


def check_bounds(current: Installation) -> None:
    """Refuse options that differ from the running server's.

    Root permits ports by these options, so the server's own statement is not enough.

    :raises CommandError: naming the first
    """
    server = running.read(current.state.path)
    if server is None:
        return
    for each in running.differences(current.settings, server, LISTENER_OPTIONS):
        raise CommandError(f"{table.plain(each.sentence)}; nothing was changed")
