"""``semaphore tls renew`` and ``reload``: issue or reload the certificate."""

import argparse
import time

from cryptography import x509

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.confirmation import confirm
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.numbers import within
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.crypto.certificates import fingerprint
from semaphore_twisted.operations.vault import acme
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start import first_start, state
from semaphore_twisted.start.certificates import authority, reload, status
from semaphore_twisted.start.certificates.authority import AuthorityLost, Certificates
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.vpn import wake_socket

_DESCRIPTIONS = {
    "renew": "Get a new certificate now: from the local certificate authority (CA), or "
    "from the public one, and wait for it. Rate limits of the CA still apply.",
    "reload": "Make the server reload its certificate now, and wait for the result. "
    "Unusable files are refused, and nothing is changed. The signal SIGHUP does the "
    "same without a result.",
}

_NOT_OPENED = (
    "nothing was made: the key of the local CA cannot be decrypted; see: "
    "semaphore vault check"
)

#: Seconds within which a running server must answer.
_TIMEOUT = 20.0

#: Seconds between polls of the database.
_PAUSE = 0.5


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    parser.description = _DESCRIPTIONS[command]
    if command == "renew":
        parser.add_argument(
            "--new-root",
            action="store_true",
            help="create the local CA's next root, which takes over in a month",
        )
        parser.add_argument(
            "--yes",
            action="store_true",
            help="do not ask before a next root is created",
        )
        parser.add_argument(
            "--wait",
            type=within(1, 86_400),
            default=180,
            metavar="SECONDS",
            help="how long to wait for a public CA (default 180)",
        )
    add_options(parser)
    parser.set_defaults(run=_renew if command == "renew" else _reload)


def _renew(arguments: argparse.Namespace) -> int:
    found = _with_tls(arguments)
    mode = found.config.tls.origin
    if arguments.new_root:
        return _next_root(found, yes=arguments.yes)
    if mode == "files":
        raise CommandError(
            "tls.mode is files: the issuer renews the certificate; put the new files "
            "in "
            "place, then run: semaphore tls reload"
        )
    if mode == "acme":
        return _order(found, arguments.wait)
    if not _made(found, new_leaf=True).renewed:
        raise CommandError(_NOT_OPENED)
    print("The local CA has issued a new certificate")
    if state.holder(found.state.path) is not None:
        print(_request_check(found))
    return 0


def _made(installation: Installation, **wanted: bool) -> Certificates:
    """Make the local CA issue what *wanted* requests.

    :raises CommandError: if it cannot
    """
    try:
        with installation_database.changing(installation) as conn:
            return first_start.certificates(
                conn, installation.keyring(), installation, **wanted
            )
    except AuthorityLost as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None


def _next_root(installation: Installation, *, yes: bool) -> int:
    """Create the local CA's next root, and print what to do with it."""
    if installation.config.tls.origin == "files":
        raise CommandError(
            "tls.mode is files: there is no local certificate authority (CA)"
        )
    confirm(
        "Clients have to trust the next root before it takes over in "
        f"{authority.OVERLAP.days} days. Make it?",
        yes=yes,
    )
    made = _made(installation, next_root=True)
    if made.next_root is None or made.takes_over is None:
        raise CommandError(_NOT_OPENED)
    root = x509.load_pem_x509_certificate(made.next_root.read_bytes())
    print(f"The next root is {made.next_root}")
    print(f"  SHA-256: {fingerprint(root)}")
    print(f"It takes over at {table.moment(made.takes_over)}. Until then make clients")
    print("trust it too: semaphore tls trust, or the page /ca of the site. Other")
    print("clients keep the current root, and can verify only the names it covers.")
    return 0


def _order(installation: Installation, timeout: float) -> int:
    directory = installation.config.acme.directory
    begun = utc_now()
    with installation_database.changing(installation) as conn:
        acme.ask(conn, directory)
        before = acme.record(conn, directory)
    if state.holder(installation.state.path) is None:
        print("No server runs; it orders a certificate when it is started")
        return 0
    not_before = before.not_before
    if not_before is not None and not_before > begun:
        print(f"The CA accepts no request before {not_before:%Y-%m-%d %H:%M}Z")
        return 1
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        time.sleep(_PAUSE)
        with installation_database.reading(installation) as conn:
            waiting = acme.asked(conn, directory)
            record = acme.record(conn, directory)
        if not waiting:
            if record.issued is not None and record.issued >= begun:
                print("The CA has issued a new certificate")
                return 0
            if record.ended is not None and record.ended >= begun:
                raise CommandError(record.reason)
    raise CommandError(
        "the CA has not issued the certificate yet; see later: semaphore tls show"
    )


def _reload(arguments: argparse.Namespace) -> int:
    found = _with_tls(arguments)
    if found.config.tls.origin == "files":
        reload.read_pair(found.config)
    print(_request_check(found))
    return 0


def _request_check(installation: Installation) -> str:
    """Make the server check its certificate; return a sentence with the result.

    :raises CommandError: if the server does not use the newest one, or does not answer
    """
    before = status.last(installation.state.tls)
    if not wake_socket.send(installation.state.path / wake_socket.NAME):
        raise CommandError("no server runs with this state directory; start it first")
    deadline = time.monotonic() + _TIMEOUT
    while (latest := status.last(installation.state.tls)) is None or latest == before:
        if time.monotonic() > deadline:
            raise CommandError(
                f"the server did not react within {_TIMEOUT:.0f} s; see its log"
            )
        time.sleep(_PAUSE / 10)
    if latest.why:
        raise CommandError(
            f"the server still presents its former certificate: {latest.why}"
        )
    return f"The server presents the certificate with SHA-256 {latest.sha256}"


def _with_tls(arguments: argparse.Namespace) -> Installation:
    installation = open_installation(arguments)
    if not installation.config.tls.enabled:
        raise CommandError("tls.enabled is false: the server presents no certificate")
    return installation
