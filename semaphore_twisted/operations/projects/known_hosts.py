"""Operations on known host keys: list them, and remove the keys of a host.

They are in a file to which jobs append at any time, and so not part of a transaction.
"""

import os
import stat
from pathlib import Path

from semaphore_twisted.common import atomic_file
from semaphore_twisted.crypto import knownhosts
from semaphore_twisted.crypto.knownhosts import KnownHost
from semaphore_twisted.model.errors import Conflict, NotFound
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.persistence.engine import Connection

#: Attempts to replace the file, since a job may append to it at the same time.
_ATTEMPTS = 20


def listed(path: Path) -> list[KnownHost]:
    """Return the keys in the file at *path*; none if the file is missing.

    :raises Conflict: if it cannot be read
    """
    return knownhosts.entries(_read(path)[0])


def forget(path: Path, text: str) -> list[KnownHost]:
    """Remove the keys of a host from the file at *path*, and return them.

    :raises Invalid: if *text* is not the name of a host
    :raises NotFound: if the file has no key of the host
    :raises Conflict: if the file cannot be read or replaced
    """
    host = knownhosts.host_name(text)
    place = Path(os.path.realpath(path))
    for _ in range(_ATTEMPTS):
        content, state = _read(place)
        rest, gone = knownhosts.without(content, host)
        if not gone:
            raise NotFound
        if _replace(place, rest, state):
            return gone
    raise Conflict(f"{place}: jobs add to the file all the time; try again")


def record(conn: Connection, actor: Actor | None, host: str) -> None:
    """Record that *actor* removed the keys of *host*."""
    events.record(
        conn,
        actor,
        object_type="known_host",
        object_id=None,
        object_name=host,
        description=f"Keys of the host {host} forgotten",
    )


def _read(path: Path) -> tuple[bytes, os.stat_result | None]:
    """Return the content of the file, and its status for detecting a change."""
    try:
        with path.open("rb") as file:
            content = file.read(knownhosts.LARGEST + 1)
            state = os.fstat(file.fileno())
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        raise Conflict(f"{path}: {error.strerror}") from None
    if len(content) > knownhosts.LARGEST:
        raise Conflict(f"{path}: the file has more than {knownhosts.LARGEST >> 20} MiB")
    return content, state


def _replace(path: Path, content: bytes, state: os.stat_result | None) -> bool:
    """Replace the file with *content*, unless its status differs from *state*."""
    mode, owner = 0o600, None
    if state is not None:
        mode = stat.S_IMODE(state.st_mode)
        if (state.st_uid, state.st_gid) != (os.geteuid(), os.getegid()):
            owner = state.st_uid, state.st_gid
    try:
        return atomic_file.write(
            path,
            content,
            mode,
            owner=owner,
            may_replace=lambda: state is None or _same(path.stat(), state),
        )
    except OSError as error:
        raise Conflict(f"{path}: cannot be replaced: {error.strerror}") from None


def _same(now: os.stat_result, before: os.stat_result) -> bool:
    """Return whether the file is unchanged."""
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )
