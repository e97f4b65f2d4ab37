"""The folders and sockets of the companion, made before it gives its rights up."""

import errno
import os
import pwd
import socket
from pathlib import Path

from semaphore_twisted.vpnd.userspace import WATCHED

_BACKLOG = 8


class CannotUse(Exception):
    """A place cannot be used; the sentence says which, and what to do."""


def folder(path: Path, owner: pwd.struct_passwd | None, mode: int = 0o700) -> None:
    """Have the folder *path*; a new one is *owner*'s, one that is there is left so.

    :raises CannotUse: if it cannot be had.
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
    """Refuse folders that this process cannot write.

    :raises CannotUse: with the first of them.
    """
    for path in folders:
        if not os.access(path, os.W_OK | os.X_OK):
            raise CannotUse(
                f"{path}: the user that the companion runs as cannot write it; chown it"
            )


def listen(path: Path) -> socket.socket:
    """Return a socket that listens on *path*, which everybody may connect to.

    Who that is, the kernel tells; a socket that nobody listens on is replaced.

    :raises CannotUse: if another companion listens there.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_dead(path):
            path.unlink()
        listening.bind(str(path))
        path.chmod(0o666)
        listening.listen(_BACKLOG)
        listening.settimeout(0)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotUse(f"{path}: another companion listens there") from None
        raise CannotUse(f"{path}: {error.strerror or error}") from None
    return listening


def show(interface: str, sockets: Path, watched: Path = WATCHED) -> None:
    """Let wireguard-go and ``wg`` find the socket in *sockets*, as root.

    ``/run/wireguard`` is shared with other tools: a link is put into it, no more.

    :raises CannotUse: if another program has that name there.
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
    """Whether *path* is a socket that nobody listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return path.is_socket() and probe.connect_ex(str(path)) == errno.ECONNREFUSED
