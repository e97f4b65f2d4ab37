"""``semaphore tls show``: the served chain, its names and expiry, and the renewal."""

import argparse

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start.certificates.report import CertificateReport, report

_DESCRIPTION = """\
Show the served certificate and the state of its renewal. Run as root or as the server's
user. Exit code 1: action is needed, since less than a third of the validity period is
left, or there is no certificate, and the renewal fails.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    del command
    parser.description = _DESCRIPTION
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser)
    parser.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    if not installation.config.tls.enabled:
        raise CommandError("tls.enabled is false: the server presents no certificate")
    with installation_database.reading(installation) as conn:
        made = report(installation, conn, utc_now())
    if arguments.json:
        table.print_json(made)
    else:
        _print(made)
    return 0 if made.healthy else 1


def _print(certificate_report: CertificateReport) -> None:
    served = (
        f", served: {certificate_report.served}"
        if certificate_report.served != certificate_report.mode
        else ""
    )
    print(f"mode: {certificate_report.mode}{served}")
    for place, each in enumerate(certificate_report.chain):
        print(
            f"{'certificate' if not place else 'issuer'}: {table.plain(each.subject)}"
        )
        if each.names:
            print(f"  names: {table.plain(', '.join(each.names))}")
        print(f"  issued by: {table.plain(each.issuer)}")
        print(f"  valid: {table.moment(each.begins)} to {table.moment(each.ends)}")
        print(f"  SHA-256: {each.sha256}")
    for root in certificate_report.roots:
        print(f"{'root' if root.takes_over is None else 'next root'}: {root.file}")
        print(f"  valid: {table.moment(root.begins)} to {table.moment(root.ends)}")
        if root.takes_over is not None:
            print(f"  takes over: {table.moment(root.takes_over)}")
        print(f"  SHA-256: {root.sha256}")
    if certificate_report.renewal is not None:
        print(f"renewal: {table.moment(certificate_report.renewal)}")
    if certificate_report.failing_since is not None:
        print(f"failing since: {table.moment(certificate_report.failing_since)}")
    if certificate_report.why:
        print(f"reason: {table.plain(certificate_report.why)}")
    if certificate_report.next_try is not None:
        print(f"next try: {table.moment(certificate_report.next_try)}")
