"""Directories and sockets of the companion, created before it drops its privileges."""

import errno
import grp
import os
import pwd
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from twisted.logger import Logger

from semaphore_twisted.vpnd.userspace import WATCHED

_BACKLOG = 128

_log = Logger()


class CannotUse(Exception):
    """A path cannot be used; the sentence names it and the remedy."""


def folder(path: Path, owner: pwd.struct_passwd | None, mode: int = 0o700) -> None:
    """Create the directory *path* for *owner*; an existing one is not changed.

    :raises CannotUse: if it cannot be created.
    """
    try:
        path.mkdir(parents=True)
        path.chmod(mode)
        if owner is not None:
            os.chown(path, owner.pw_uid, owner.pw_gid)
    except FileExistsError:
        pass
    except OSError as error:
        raise CannotUse(f"{path}: {error.strerror}") from None


def check(*folders: Path) -> None:
    """Refuse directories that this process cannot write.

    :raises CannotUse: with the first of them.
    """
    for path in folders:
        if not os.access(path, os.W_OK | os.X_OK):
            raise CannotUse(
                f"{path}: the user that the companion runs as cannot write it; chown it"
            )


def reach(users: Iterable[int]) -> tuple[int, int | None]:
    """Return mode and group of a socket to which *users* and root may connect.

    The users usually have one group, the server's. If they have several groups, or the
    system does not know them, the socket is open to all users: the companion closes the
    connections of other users.
    """
    others = set(users) - {0}
    if not others:
        return 0o600, None
    try:
        groups = {pwd.getpwuid(each).pw_gid for each in others}
    except KeyError:
        return 0o666, None
    return (0o660, groups.pop()) if len(groups) == 1 else (0o666, None)


def listen(
    path: Path,
    mode: int = 0o666,
    group: int | None = None,
    owner: pwd.struct_passwd | None = None,
) -> socket.socket:
    """Return a socket that listens on *path*, with *mode*, *group* and *owner*.

    The companion learns the user of each connection from the kernel. A stale socket is
    replaced. If the group cannot be set, all users may connect, since the server could
    not connect otherwise; a warning is logged.

    :raises CannotUse: if another companion listens there, or the socket cannot be made.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_dead(path):
            path.unlink()
        listening.bind(str(path))
        path.chmod(assign(path, mode, group, owner))
        listening.listen(_BACKLOG)
        listening.settimeout(0)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotUse(f"{path}: another companion listens there") from None
        raise CannotUse(f"{path}: {error.strerror or error}") from None
    return listening


def assign(
    path: Path,
    mode: int,
    group: int | None,
    owner: pwd.struct_passwd | None,
    *,
    chown: Callable[[Path, int, int], None] = os.chown,
) -> int:
    """Set owner and group of *path*; return the mode that lets the server connect."""
    if owner is not None:
        chown(path, owner.pw_uid, owner.pw_gid)
    if group is None:
        return mode
    try:
        chown(path, -1, group)
    except PermissionError:
        _log.warn(
            "{path}: every local user may connect, since the socket cannot be given "
            "to the group {group} of the server; add SupplementaryGroups={group} to "
            "the unit of the companion",
            path=str(path),
            group=_name(group),
        )
        return 0o666
    return mode


def _name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def show(interface: str, sockets: Path, watched: Path = WATCHED) -> None:
    """Link the socket in *sockets* to the path where wireguard-go and ``wg`` look.

    ``/run/wireguard`` is shared with other tools, so only the link is placed there.
    This needs root.

    :raises CannotUse: if another program uses that name there.
    """
    target = sockets / f"{interface}.sock"
    link = watched / target.name
    try:
        folder(watched, None, 0o711)
        if link.is_symlink() or _is_dead(link):
            link.unlink()
        link.symlink_to(target)
    except FileExistsError:
        raise CannotUse(
            f"{link}: another program serves an interface of that name"
        ) from None
    except OSError as error:
        raise CannotUse(f"{link}: {error.strerror}") from None


def _is_dead(path: Path) -> bool:
    """Whether *path* is a socket without a listener."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return path.is_socket() and probe.connect_ex(str(path)) == errno.ECONNREFUSED
