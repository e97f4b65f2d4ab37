"""``semaphore backup``: a consistent copy of the database, also while a server runs."""

import argparse
import contextlib
import fcntl
import os
import re
import secrets
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.target_file import ENDS, check_target
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.start.installation import Installation

#: SQLite virtual machine instructions between two checks for signals: milliseconds.
_STEPS = 100_000

#: Error codes that concern the copy and not the database.
_OF_TARGET = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``backup``."""
    parser = commands.add_parser(
        "backup",
        help="copy the database, beside a running server too",
        description="Copy the database into FILE, mode 0600, as it is at one moment; "
        "the server goes on. The key that encrypts its secrets is not in it: "
        "keep access_key_encryption apart, and safe.",
    )
    parser.add_argument(
        "file", type=path_of("FILE"), metavar="FILE", help="the copy of the database"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace FILE if it exists"
    )
    add_options(parser)
    parser.set_defaults(run=_backup)


def _backup(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    target: Path = arguments.file
    installation.require_database()  # an empty copy must not replace a good one
    check_target(target, installation.database, force=arguments.force)
    try:
        with _signals() as received, _part(target) as part:
            try:
                size = copy(installation.database, part, ended=lambda: received)
            finally:
                if received:
                    _end(received[0])
            if arguments.force:
                part.replace(target)
            else:
                os.link(part, target)  # fails if another program created it meanwhile
            _sync(target.parent)
    except FileExistsError:
        raise CommandError(f"{target} exists; --force replaces it") from None
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}") from error
    except sqlite3.Error as error:
        of_target = getattr(error, "sqlite_errorcode", None) in _OF_TARGET
        raise CommandError(
            f"{target if of_target else installation.database}: {error}"
        ) from error
    print(f"{target}: {size} bytes")
    _remind(installation)
    return 0


def _end(number: int) -> NoReturn:
    name = signal.Signals(number).name
    raise CommandError(f"ended by {name}; no copy was made", 128 + number)


@contextlib.contextmanager
def _part(target: Path) -> Iterator[Path]:
    """Create an empty file beside *target*, with mode 0600, and remove it at the end.

    A lock marks it as in use for other backups. Files of killed backups are removed
    first.
    """
    _remove_leftovers(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    descriptor = os.open(part, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield part
    finally:
        _remove(part)
        # not earlier: closing the file would release SQLite's locks on it
        os.close(descriptor)


def _remove(part: Path) -> None:
    for name in (part.name, *(part.name + end for end in ENDS)):
        part.with_name(name).unlink(missing_ok=True)


def _remove_leftovers(target: Path) -> None:
    """Remove the files that killed backups to *target* left beside it."""
    name = re.escape(target.name)
    ours = re.compile(rf"\.{name}\.(?:[0-9a-f]{{8}}\.part|[0-9]+)")
    for each in target.parent.iterdir():
        if ours.fullmatch(each.name) and _is_left(each):
            _remove(each)


def _is_left(part: Path) -> bool:
    """Return whether no process writes to *part* any more."""
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(part, flags)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    # former versions used the process number as suffix, and no lock
    number = part.name.rpartition(".")[2]
    return not number.isdigit() or not Path("/proc", number).exists()


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect termination signals, so that temporary files are removed first."""
    received: list[int] = []
    before = {
        each: signal.signal(each, lambda number, _: received.append(number))
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def copy(
    database: Path,
    target: Path,
    *,
    ended: Callable[[], object] = bool,
    steps: int = _STEPS,
) -> int:
    """Copy *database* into the empty file *target*, check the copy, return its size.

    The copy is made in one read transaction: writers need not wait, and commits do not
    restart it. It has no free pages, which would contain deleted data. *ended* is
    called every *steps* instructions; when it returns true, SQLite is interrupted with
    an error.
    """

    def progress_handler() -> bool:
        return bool(ended())

    uri = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.closing(_open(uri)) as source:
        source.set_progress_handler(progress_handler, steps)
        source.execute("VACUUM INTO ?", (str(target),))
    with contextlib.closing(_open(target.absolute().as_uri())) as copied:
        copied.set_progress_handler(progress_handler, steps)
        _remove_bodies(copied)
        _check_pages(copied)
    _sync(target)
    return target.stat().st_size


def _remove_bodies(copied: sqlite3.Connection) -> None:
    """Remove the bodies of webhooks' deliveries, which other programs have written.

    They serve to send a delivery again within days, and may have anything in them.
    """
    (present,) = copied.execute(
        "SELECT count(*) FROM sqlite_schema"
        " WHERE name = 'project__integration_delivery'"
    ).fetchone()
    if present:
        copied.execute("PRAGMA secure_delete=ON")
        copied.execute("UPDATE project__integration_delivery SET body = NULL")


def check_copy(path: Path) -> None:
    """Check the database at *path*, which is only read.

    :raises CommandError: if it is damaged
    """
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(_open(uri)) as copied:
            _check_pages(copied)
    except sqlite3.Error as error:
        raise CommandError(f"{path}: {error}") from error


def _check_pages(copied: sqlite3.Connection) -> None:
    ((verdict,), *_) = copied.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")


def _open(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _sync(path: Path) -> None:
    """Flush the file or directory *path* to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remind(installation: Installation) -> None:
    origin = installation.settings.origin("access_key_encryption")
    print(
        f"Not in it: access_key_encryption (it is in {origin}); without that key the "
        "secrets of this copy do not open",
        file=sys.stderr,
    )
