"""``semaphore vpn doctor``: checks whether the VPN works."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.vpn import checks, running_options
from semaphore_twisted.cli.vpn.companion import ask
from semaphore_twisted.cli.vpn.files import FOLDER, CompanionDirectory
from semaphore_twisted.cli.vpn.init import add_settings
from semaphore_twisted.cli.vpn.settings import site_port
from semaphore_twisted.cli.vpn.status import planned
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.peers import Network
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import site_networks
from semaphore_twisted.persistence.engine import Connection, utc_now
from semaphore_twisted.start import state
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.running import Running
from semaphore_twisted.start.vpn import options_of
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.wire import Finding


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options."""
    del command
    parser.description = (
        "Check whether the VPN works: UDP port, forwarding, foreign firewall rules, "
        "NAT, MTU, clock, backend, drift, DNS, file permissions. Run as root for all "
        "checks. Exit code 1: there is an error."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_settings(parser)
    add_options(parser)
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    found, server, differing = running_options.as_it_runs(arguments)
    folder = CompanionDirectory(arguments.vpn_settings or FOLDER, None)
    with installation_database.reading(found) as conn:
        network = vpn_network.get(conn, None, options_of(found.config))
        findings = [
            *(checks.warning("options", each.sentence) for each in differing),
            *_server(server),
            *_findings(conn, found, network, folder),
        ]
    if arguments.json:
        table.print_json(findings)
    else:
        table.show(
            ("LEVEL", "SUBJECT", "FINDING"),
            ((each.level, each.subject, each.sentence) for each in findings),
        )
    return int(any(each.level == "error" for each in findings))


def _server(server: Running | None) -> Iterator[Finding]:
    """Report the running server's problem with the companion.

    The server's user may be refused although root is accepted.
    """
    if server is not None and server.trouble:
        yield checks.error(
            "server", f"it does not keep the VPN: {table.plain(server.trouble)}"
        )


def _findings(
    conn: Connection,
    installation: Installation,
    network: Network,
    folder: CompanionDirectory,
) -> Iterator[Finding]:
    config = installation.config
    yield from checks.modes(installation.state.path, folder.path)
    yield from checks.endpoint(network, site_networks.listed(conn, None))
    yield from checks.resolvers(network)
    if state.holder(installation.state.path) is None:
        yield checks.error(
            "server", "it does not run, so nothing is kept as it should be"
        )
    else:
        yield checks.ok("server", "it runs")
        yield from checks.names(network)
        if config.vpn.only:
            yield from checks.site(network.server4, config.vpn.port)
    yield from _written(folder)
    path = Path(config.vpn.socket)
    try:
        welcome = ask(path, wire.Hello(), wire.Welcome)
        yield checks.ok("companion", f"it answers at {path}")
        yield from ask(path, wire.Diagnose(), wire.Diagnosis).findings
        yield from checks.agreement(network, site_networks.listed(conn, None), welcome)
        yield from checks.ports(config, site_port(config), welcome)
        observed = ask(path, wire.Observe(), wire.Observed)
        yield from checks.clock(observed, utc_now())
    except CommandError as failure:
        yield checks.error("companion", failure.sentence)
        return
    yield from _applied(conn, installation, network)


def _written(folder: CompanionDirectory) -> Iterator[Finding]:
    """Check the companion's settings, if they are readable."""
    try:
        settings = folder.settings()
    except CommandError as failure:
        level = checks.warning if os.geteuid() else checks.error
        yield level("settings", failure.sentence)
        return
    if settings is None:
        yield checks.error(
            "settings", f"{folder.settings_file} is not there: run `semaphore vpn init`"
        )
    else:
        yield from checks.nat(settings)


def _applied(
    conn: Connection, installation: Installation, network: Network
) -> Iterator[Finding]:
    """Check that the device matches the database."""
    try:
        changes, damaged = planned(conn, installation)
    except (CommandError, DomainError) as problem:
        yield checks.error("applied", str(problem))
        return
    for sentence in damaged:
        yield checks.error("database", f"left out: {sentence}")
    if changes:
        yield checks.error(
            "applied",
            f"revision {network.revision} is not on the device, {len(changes)} changes "
            f"wait, the first: {changes[0]}; `semaphore vpn plan` shows all",
        )
    else:
        yield checks.ok("applied", f"the device has revision {network.revision}")
