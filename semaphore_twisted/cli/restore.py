"""``semaphore restore``: replace the database by a copy."""

import argparse
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from semaphore_twisted.cli.backup import check_copy
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.target_file import ENDS
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.persistence.migrations.migrate import is_empty, pending
from semaphore_twisted.start import installation, state
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.tasks.job_directories import running


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``restore``."""
    parser = commands.add_parser(
        "restore",
        help="replace the database by a copy",
        description="Replace the database by FILE, which `semaphore backup` wrote. The "
        "server must be stopped, and no job may run any more. The former database is "
        "kept beside it. The key that encrypts the secrets in FILE must be the one in "
        "the configuration.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="the copy of the database"
    )
    add_options(parser)
    parser.set_defaults(run=_restore)


def _restore(arguments: argparse.Namespace) -> int:
    current = installation.load(
        config=arguments.config, state=arguments.state, environ=os.environ
    )
    source: Path = arguments.file
    try:
        _check(source)
        current.state.prepare()
        lock = current.lock()
        try:
            kept = _replace(current, source)
        finally:
            lock.release()
    except (state.StateInUse, state.ForeignDirectory) as error:
        raise CommandError(f"{error}; stop the server first") from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from error
    if kept is not None:
        print(f"The former database is {kept}")
    print(f"{current.database}: restored from {source}; start the server")
    return 0


def _check(source: Path) -> None:
    """Check that *source* is an undamaged database of this program.

    :raises CommandError: if it is not
    """
    if not source.is_file():
        raise CommandError(f"{source}: not a file; expected a copy of the database")
    if is_empty(source):
        raise CommandError(f"{source}: the copy is empty")
    pending(source)  # refuses databases of other programs and of newer versions
    check_copy(source)


def _replace(current: Installation, source: Path) -> Path | None:
    """Replace the database by *source*; return the path of the former database.

    :raises CommandError: if a job still runs
    """
    jobs = running(current.state.spools)
    if jobs:
        raise CommandError(
            f"jobs of this installation still run ({', '.join(jobs)}): their tasks may "
            "differ in the copy; start the server and stop them, or wait for their "
            "end"
        )
    database = current.database
    if database.exists() and source.samefile(database):
        raise CommandError(f"{source} is the database itself; nothing was changed")
    part = database.with_name(f".{database.name}.restored")
    part.unlink(missing_ok=True)
    owner = database if database.exists() else current.state.path
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
            status = owner.stat()
            if os.geteuid() == 0:
                os.fchown(written.fileno(), status.st_uid, status.st_gid)
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())
        kept = _set_aside(database)
        part.replace(database)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return kept


def _set_aside(database: Path) -> Path | None:
    """Rename the database with its log, so that neither is read with another file."""
    if not database.exists():
        return None
    kept = database.with_name(
        f"{database.name}.former-{datetime.now(UTC):%Y%m%d%H%M%S}"
    )
    for end in ("", *ENDS):
        path = database.with_name(database.name + end)
        if path.exists():
            path.rename(kept.with_name(kept.name + end))
    return kept
