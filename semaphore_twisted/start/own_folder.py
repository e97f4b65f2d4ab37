"""Creates a directory that only root and the server can replace.

Jobs of other users traverse the directory of workspaces, so it is outside the state
directory, in ``/var/tmp`` for example, where every user can create directories and
links.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from semaphore_twisted.start.installation import InstallationRefused

#: The kernel follows as many (path_resolution(7)).
_MOST_LINKS = 40
_EXPECTED = (
    "expected a directory of the server's own, in directories that only root or the "
    "server can"
    " change, or that have the sticky bit, such as /var/tmp/semaphore"
)


def own_folder(path: Path, option: str, mode: int) -> None:
    """Create the absolute *path*, and its missing parents, with *mode*.

    No link is followed that another user could have created, and the last component
    must not be a link.

    :raises InstallationRefused: if another user can replace it; the error names
        *option*
    """

    def refused(why: str) -> InstallationRefused:
        return InstallationRefused(
            f'{option}: invalid value "{path}": {why}; {_EXPECTED}'
        )

    try:
        parent = Path(os.path.realpath(path.parent))
        for each in _way(path.parent):
            if why := _doubt(each):
                raise refused(why)
        for each in reversed([parent, *parent.parents]):
            if not each.exists():
                each.mkdir(0o700)
                each.chmod(mode)
        place = parent / path.name
        if not os.path.lexists(place):
            place.mkdir(0o700)
        if why := _taken(place, mode):
            raise refused(why)
    except OSError as error:
        raise refused(f"{error.filename or path}: {error.strerror}") from None


def _way(path: Path) -> Iterator[Path]:
    """Yield the existing directories and links of *path*, itself included."""
    left = list(path.parts[1:])
    at, links = Path("/"), 0
    yield at
    while left:
        name = left.pop(0)
        if name == "..":
            at = at.parent
            continue
        found = at / name
        if not os.path.lexists(found):
            return
        yield found
        if not found.is_symlink():
            at = found
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(found))
        target = found.readlink()
        if target.is_absolute():
            at = Path("/")
        left = [each for each in target.parts if each != "/"] + left


def _doubt(path: Path) -> str:
    """Return how another user could replace entries below *path*, or ``""``."""
    status = path.lstat()
    if status.st_uid not in {0, os.geteuid()}:
        return f"{path} belongs to another user ({status.st_uid})"
    if stat.S_ISLNK(status.st_mode):
        return ""
    if not stat.S_ISDIR(status.st_mode):
        return f"{path} is not a directory"
    shared = status.st_mode & 0o002 or (
        status.st_mode & 0o020 and status.st_gid not in {0, os.getegid()}
    )
    if shared and not status.st_mode & stat.S_ISVTX:
        return f"other users can write to {path}"
    return ""


def _taken(place: Path, mode: int) -> str:
    """Set the mode of *place*, or return why it is not exclusively the server's."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    if place.is_symlink():
        return "it is a symbolic link"
    opened = os.open(place, flags)
    try:
        status = os.fstat(opened)
        if status.st_uid != os.geteuid():
            return f"it belongs to another user ({status.st_uid})"
        if status.st_mode & (stat.S_ISVTX | 0o022):
            return "other users can write to it"
        os.fchmod(opened, mode)
    finally:
        os.close(opened)
    return ""
