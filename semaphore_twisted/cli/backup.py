"""``semaphore backup``: a consistent copy of the database, beside a running server."""

import argparse
import os
import sqlite3
import sys
from pathlib import Path

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.start.installation import Installation

#: Pages copied at a time; a writer waits no longer than that.
PAGES = 2048


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``backup``."""
    parser = commands.add_parser(
        "backup",
        help="copy the database, beside a running server too",
        description="Copy the database into FILE, mode 0600, as it is at one moment; "
        "the server goes on. The key that its secrets are sealed with is not in it: "
        "keep access_key_encryption apart, and safe.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--force", action="store_true", help="replace FILE if it exists"
    )
    add_options(parser)
    parser.set_defaults(run=_backup)


def _backup(arguments: argparse.Namespace) -> int:
    found = open_installation(arguments)
    target: Path = arguments.file
    if not found.database.is_file():
        raise Failure(f"{found.database}: no database found; start the server once")
    if target.exists() and not arguments.force:
        raise Failure(f"{target} exists; --force replaces it")
    if target.exists() and target.samefile(found.database):
        raise Failure(f"{target} is the database itself")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        size = copy(found.database, beside)
        if arguments.force:
            beside.replace(target)
        else:
            os.link(beside, target)  # fails where somebody else was quicker
    except FileExistsError:
        raise Failure(f"{target} exists; --force replaces it") from None
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise Failure(f"{found.database}: {error}") from error
    finally:
        for leftover in (
            beside,
            *(beside.with_name(beside.name + end) for end in ENDS),
        ):
            leftover.unlink(missing_ok=True)
    print(f"{target}: {size} bytes")
    _remind(found)
    return 0


#: What SQLite may leave beside a file.
ENDS = ("-wal", "-shm", "-journal")


def copy(database: Path, target: Path) -> int:
    """Copy *database* into *target*, check the copy, and return its size."""
    source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        copied = sqlite3.connect(target)
        try:
            source.backup(copied, pages=PAGES)
            # One file that needs no write-ahead log beside it.
            copied.execute("PRAGMA journal_mode=DELETE").fetchall()
            ((verdict,), *_) = copied.execute("PRAGMA quick_check(1)").fetchall()
        finally:
            copied.close()
    finally:
        source.close()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return target.stat().st_size


def _remind(found: Installation) -> None:
    origin = found.settings.origin("access_key_encryption")
    print(
        f"Not in it: access_key_encryption (it is in {origin}); without that key the "
        "secrets of this copy do not open",
        file=sys.stderr,
    )
