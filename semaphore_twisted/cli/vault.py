"""``semaphore vault``: checks the stored secrets and encrypts them with a new key."""

import argparse
import fcntl
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from semaphore_twisted.cli import secret_argument, table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.semaphore_arguments import accept_common, refuse, show_help
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.persistence import maintenance
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start import state
from semaphore_twisted.start.installation import Installation, InstallationRefused

#: Exit code of a check that found undecryptable values.
UNREADABLE = 3

_REKEY = """\
Encrypt every stored secret with the key in access_key_encryption.

Put the new key into the configuration first; the former one is given here, or is in
access_key_encryption_old. It happens in one transaction: all or nothing.
"""


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``vault`` and its verbs."""
    parser = commands.add_parser(
        "vault", help="check and re-encrypt the stored secrets"
    )
    parser.set_defaults(run=show_help(parser))
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")

    check = verbs.add_parser(
        "check",
        help="check whether each stored secret can be decrypted",
        description="Check whether each stored secret can be decrypted; a server may "
        "run meanwhile. Exit code 0: all can, 3: some cannot.",
    )
    add_options(check)
    accept_common(check)
    check.set_defaults(run=_check)

    rekey = verbs.add_parser(
        "rekey",
        help="encrypt every secret with the configured key",
        description=_REKEY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    secret_argument.add(rekey, "--old-key", help="the former key, base64")
    rekey.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="skip secrets that cannot be decrypted, and list them",
    )
    refuse(
        rekey,
        "--backup",
        "--backup: not needed, since all secrets are encrypted anew in one transaction;"
        " `semaphore backup FILE` copies the database before",
    )
    refuse(
        rekey,
        "--rollback",
        "--rollback: not served; give the keys in access_key_encryption and --old-key"
        " the other way round, or `semaphore restore FILE` the copy of the database",
    )
    add_options(rekey)
    accept_common(rekey)
    rekey.set_defaults(run=_rekey)


def _check(arguments: argparse.Namespace) -> int:
    with _opened(arguments, read_only=True) as (_, keyring, conn):
        with conn.transaction(write=False):
            reports = vault.check(conn, keyring)
        _print_rows(reports)
        counts = Counter(each.key_id for each in reports)
        for key_id, count in sorted(counts.items()):
            print(f"{_described(key_id, keyring)}: {count}")
        broken = sum(1 for each in reports if each.why)
        print(
            f"{len(reports) - broken} of {len(reports)} stored secrets can be decrypted"
        )
        return UNREADABLE if broken else 0


def _rekey(arguments: argparse.Namespace) -> int:
    old = secret_argument.read(arguments, "old_key")
    with _opened(arguments) as (installation, configured, conn), _alone(installation):
        keyring = configured
        if old is not None:
            keyring = configured.with_old(MasterKey.parse(old, "--old-key"))
        with conn.transaction(write=True):
            report = vault.rekey(
                conn,
                keyring,
                skip_unreadable=arguments.skip_unreadable,
                server_runs=state.holder(installation.state.path) is not None,
            )
            leftovers = vault.has_leftovers(conn)
        if report.resealed:
            print(
                f"{report.resealed} stored secrets were encrypted with {keyring.key_id}"
            )
        else:
            print(
                f"Nothing to do: {report.already} stored secrets are encrypted with "
                f"{keyring.key_id}"
            )
        if report.skipped:
            print(f"{len(report.skipped)} cannot be decrypted and were skipped:")
            _print_rows(report.skipped)
        if leftovers:
            _scrub(conn)
        return 0


def _scrub(conn: Connection) -> None:
    """Erase former ciphertexts from the database files, and name their other copies."""
    if maintenance.scrub(conn, pause=time.sleep):
        with conn.transaction(write=True):
            vault.forget_leftovers(conn)
        print("Backups and snapshots still hold the secrets under the former key")
    else:
        print(
            "semaphore: warning: the database is in use, so its files still hold the "
            "secrets under the former key; repeat this command later",
            file=sys.stderr,
        )


@contextmanager
def _opened(
    arguments: argparse.Namespace, *, read_only: bool = False
) -> Iterator[tuple[Installation, Keyring, Connection]]:
    try:
        installation = open_installation(arguments)
        keyring = installation.keyring()
        conn = installation.connect(read_only=read_only)
    except InstallationRefused as error:
        raise CommandError(error.sentence, error.exit_code) from error
    try:
        yield installation, keyring, conn
    finally:
        conn.close()


@contextmanager
def _alone(installation: Installation) -> Iterator[None]:
    """Exclude a second rekey; the lock is on the directory, so no file is left."""
    folder: Path = installation.database.parent
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"{folder}: another rekey is running") from None
        yield
    finally:
        os.close(descriptor)


def _described(key_id: str, keyring: Keyring) -> str:
    if not key_id:
        return "no readable key id"
    if key_id == keyring.key_id:
        return f"key {key_id} (configured)"
    if key_id in keyring.key_ids:
        return f"key {key_id} (former, `semaphore vault rekey` replaces it)"
    return f"key {key_id} (not configured)"


def _print_rows(reports: Sequence[vault.RowReport]) -> None:
    table.show(
        ("WHAT", "ID", "PROJECT", "NAME", "KEY", "OPENS"),
        (
            (
                each.table,
                each.row,
                each.project or "-",
                each.name,
                each.key_id or "-",
                each.why or "yes",
            )
            for each in reports
        ),
    )
