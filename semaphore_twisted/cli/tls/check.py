"""``semaphore tls check``: checks whether the CA can issue a certificate."""

import argparse
import http.client
import socket

from semaphore_twisted.acme import preflight
from semaphore_twisted.acme.challenges import HTTP
from semaphore_twisted.acme.exchange import AgentTransport
from semaphore_twisted.acme.preflight import Mark, Preflight, PreflightFinding
from semaphore_twisted.cli import installation_database, table, under_reactor
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config.options import Config
from semaphore_twisted.model.acme import NO_CHALLENGE
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.operations.vault import acme as operations
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start.certificates import acme
from semaphore_twisted.start.local_addresses import own_addresses

#: Timeout of a probe in seconds.
_TIMEOUT = 10.0

_DESCRIPTION = """\
Check whether the certificate authority (CA) can issue a certificate: names, port,
clock, CA, and the state of earlier attempts. Nothing is ordered. Exit code 1: there is
a fault. A note may be harmless; it can be decided only from outside.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    del command
    parser.description = _DESCRIPTION
    add_options(parser)
    parser.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    config = installation.config
    if not config.orders_certificate:
        raise CommandError(
            invalid("tls.mode", config.tls.mode, "acme, which this command checks")
        )
    checks = Preflight(
        names=config.acme_names,
        kind=config.acme.challenge,
        port=_port(config),
        own=frozenset(own_addresses()),
        resolve=_resolve,
        probe=_probe_http if config.acme.challenge == HTTP else _probe_tls,
    )
    findings = [each for name in checks.names for each in checks.name(name)]
    findings += _authority(config)
    with installation_database.reading(installation) as conn:
        record = operations.record(conn, config.acme.directory)
    findings += preflight.known(record, utc_now())
    for each in findings:
        print(f"{each.mark}: {table.plain(each.sentence)}")
    return 1 if any(each.mark is Mark.FAULT for each in findings) else 0


def _port(config: Config) -> int:
    if config.acme.challenge == HTTP:
        return config.acme.http_port
    return config.port_number


def _authority(config: Config) -> list[PreflightFinding]:
    """Check the CA's directory, under the reactor."""
    from twisted.internet import reactor  # noqa: PLC0415 - a root chooses the reactor

    exchange = AgentTransport(acme.agent(config, reactor), reactor)

    async def work() -> list[PreflightFinding]:
        return await preflight.authority(
            exchange,
            config.acme.directory,
            bound=bool(config.acme.eab_kid),
            now=utc_now,
        )

    try:
        return under_reactor.run(reactor, work)
    except under_reactor.Interrupted:
        raise KeyboardInterrupt from None


def _resolve(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _probe_http(name: str, port: int) -> str:
    connection = http.client.HTTPConnection(name, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", preflight.PROBE)
        response = connection.getresponse()
        said = response.read(100).decode("latin-1").strip()
    except http.client.HTTPException as error:
        return f"no HTTP ({type(error).__name__})"
    else:
        return said if said == NO_CHALLENGE else f"{response.status} {response.reason}"
    finally:
        connection.close()


def _probe_tls(name: str, port: int) -> str:
    with socket.create_connection((name, port), timeout=_TIMEOUT):
        return ""
