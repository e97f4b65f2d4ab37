"""``semaphore vpn doctor``: checks whether the VPN works."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from semaphore_twisted.cli import table, vpn_checks, vpn_running, vpn_store
from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.vpn_bounds import site_port
from semaphore_twisted.cli.vpn_companion import ask
from semaphore_twisted.cli.vpn_files import FOLDER, Folder
from semaphore_twisted.cli.vpn_init import add_settings
from semaphore_twisted.cli.vpn_status import planned
from semaphore_twisted.model.errors import DomainError
from semaphore_twisted.model.peers import Network
from semaphore_twisted.operations import site_networks, vpn_network
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
    found, said, differing = vpn_running.as_it_runs(arguments)
    folder = Folder(arguments.vpn_settings or FOLDER, None)
    with vpn_store.reading(found) as conn:
        network = vpn_network.get(conn, None, options_of(found.config))
        findings = [
            *(vpn_checks.warning("options", each.sentence) for each in differing),
            *_server(said),
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


def _server(said: Running | None) -> Iterator[Finding]:
    """Report the running server's problem with the companion.

    The server's user may be refused although root is accepted.
    """
    if said is not None and said.trouble:
        yield vpn_checks.error(
            "server", f"it does not keep the VPN: {table.plain(said.trouble)}"
        )


def _findings(
    conn: Connection, found: Installation, network: Network, folder: Folder
) -> Iterator[Finding]:
    config = found.config
    yield from vpn_checks.modes(found.state.path, folder.path)
    yield from vpn_checks.endpoint(network, site_networks.listed(conn, None))
    yield from vpn_checks.resolvers(network)
    if state.holder(found.state.path) is None:
        yield vpn_checks.error(
            "server", "it does not run, so nothing is kept as it should be"
        )
    else:
        yield vpn_checks.ok("server", "it runs")
        yield from vpn_checks.names(network)
        if config.vpn.only:
            yield from vpn_checks.site(network.server4, config.vpn.port)
    yield from _written(folder)
    path = Path(config.vpn.socket)
    try:
        welcome = ask(path, wire.Hello(), wire.Welcome)
        yield vpn_checks.ok("companion", f"it answers at {path}")
        yield from ask(path, wire.Diagnose(), wire.Diagnosis).findings
        yield from vpn_checks.agreement(
            network, site_networks.listed(conn, None), welcome
        )
        yield from vpn_checks.ports(config, site_port(config), welcome)
        observed = ask(path, wire.Observe(), wire.Observed)
        yield from vpn_checks.clock(observed, utc_now())
    except Failure as failure:
        yield vpn_checks.error("companion", failure.sentence)
        return
    yield from _applied(conn, found, network)


def _written(folder: Folder) -> Iterator[Finding]:
    """Check the companion's settings, if they are readable."""
    try:
        settings = folder.settings()
    except Failure as failure:
        level = vpn_checks.warning if os.geteuid() else vpn_checks.error
        yield level("settings", failure.sentence)
        return
    if settings is None:
        yield vpn_checks.error(
            "settings", f"{folder.settings_file} is not there: run `semaphore vpn init`"
        )
    else:
        yield from vpn_checks.nat(settings)


def _applied(
    conn: Connection, found: Installation, network: Network
) -> Iterator[Finding]:
    """Check that the device matches the database."""
    try:
        changes, damaged = planned(conn, found)
    except (Failure, DomainError) as problem:
        yield vpn_checks.error("applied", str(problem))
        return
    for sentence in damaged:
        yield vpn_checks.error("database", f"left out: {sentence}")
    if changes:
        yield vpn_checks.error(
            "applied",
            f"revision {network.revision} is not on the device, {len(changes)} changes "
            f"wait, the first: {changes[0]}; `semaphore vpn plan` shows all",
        )
    else:
        yield vpn_checks.ok("applied", f"the device has revision {network.revision}")
