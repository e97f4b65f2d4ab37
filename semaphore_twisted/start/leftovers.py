"""Detects the remains of an installation without its database, and sets them aside.

A start without a database creates a new installation, with a new account and a new root
that no client trusts. That must not happen unintentionally: the database may have been
emptied, its disk not mounted, or an option may name another file.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from semaphore_twisted.common import atomic_file
from semaphore_twisted.persistence.migrations.migrate import is_empty
from semaphore_twisted.start.installation import Installation, InstallationRefused
from semaphore_twisted.start.state import StateDirectory

_MARK = b"The database of this installation was made. Please leave this file here.\n"


def mark(state: StateDirectory) -> None:
    """Record that the installation has a database; a full disk is not an error."""
    if not state.installed.exists():
        with suppress(OSError):
            atomic_file.write(state.installed, _MARK)


def check_database(installation: Installation) -> None:
    """Check that a database exists, or that there never was one.

    :raises InstallationRefused: with the possible remedies
    """
    database = installation.database
    kind = _kind(database)
    if kind == "filled":
        return
    remains = next(_remains(installation), None)
    if remains is None:
        return
    raise InstallationRefused(
        f"{database}: the database is {kind}, and {remains} is left of this "
        "installation; restore a backup of the database to that place, or begin anew "
        "with: semaphore setup --new-database"
    )


def check_writable(installation: Installation) -> None:
    """Check that this process may write the database, if it exists.

    :raises InstallationRefused: with the path, its owner and the remedy
    """
    database = installation.database
    for path in (database, *(_beside(database, end) for end in ("-wal", "-shm"))):
        try:
            status = path.stat()
        except OSError:
            continue  # missing, or the error appears when it is opened
        if os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            continue
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            raise InstallationRefused(f"{path}: its file system is read-only")
        if status.st_uid == os.geteuid():
            out = f"chmod 600 {path}"
        else:
            out = f"chown {os.geteuid()}:{os.getegid()} {path}; chmod 600 {path}"
        raise InstallationRefused(
            f"{path}: user {os.geteuid()} cannot write this file; its owner is user "
            f"{status.st_uid}, its mode {stat.S_IMODE(status.st_mode):04o}: {out}"
        )


def _beside(database: Path, end: str) -> Path:
    return database.with_name(database.name + end)


def set_aside(installation: Installation, now: datetime) -> list[Path]:
    """Rename the remains, so that a start creates a new installation.

    Returns the new names. The files of the local CA are included: their key was in the
    database.

    :raises InstallationRefused: if there is a database
    """
    if _kind(installation.database) == "filled":
        raise InstallationRefused(
            f"--new-database: {installation.database} holds a database; stop the "
            "server, and move that file away first"
        )
    end = f".former-{now:%Y%m%d%H%M%S}"
    moved = []
    for path in {installation.database: None, **dict.fromkeys(_remains(installation))}:
        if path.exists():
            target = path.with_name(path.name + end)
            path.rename(target)
            moved.append(target)
    installation.state.tls.mkdir(mode=0o700, exist_ok=True)
    return moved


def _kind(database: Path) -> str:
    """Return ``missing``, ``empty`` or ``filled``.

    :raises InstallationRefused: if it is not a regular file
    """
    try:
        status = database.stat()
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise InstallationRefused(f"{database}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InstallationRefused(
            f"{database}: not a regular file; expected the database"
        )
    return "empty" if is_empty(database) else "filled"


def _remains(installation: Installation) -> Iterator[Path]:
    """Yield the files that only an installation with a database creates."""
    state, database = installation.state, installation.database
    if state.installed.exists():
        yield state.installed
    if (state.tls / "root.pem").exists():
        yield state.tls
    for end in ("-wal", "-shm"):
        beside = database.with_name(database.name + end)
        if beside.exists():
            yield beside
    with suppress(OSError):
        yield from sorted(database.parent.glob(f"{database.name}.before-*"))
