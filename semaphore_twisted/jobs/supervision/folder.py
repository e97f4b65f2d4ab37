"""The workspace: a job's private directory, created before it and removed after it."""

from __future__ import annotations

import contextlib
import json
import os
import stat

from semaphore_twisted.jobs.supervision.child import ProcessUser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

#: Prefix of subdirectories that were moved to the top, which makes depth irrelevant.
_PREFIX = f".removed-{os.urandom(6).hex()}-"


def make(
    workspace: str, files: list[tuple[str, bytes, bool]], user: ProcessUser | None
) -> None:
    """Create the workspace with *files* (path, content, executable).

    Its owner is set to *user* only when it is complete, so no process of that user can
    place a link in it before.

    :raises OSError: if that fails.
    :raises ValueError: if a path leaves the workspace.
    """
    os.makedirs(os.path.dirname(workspace), 0o700, exist_ok=True)
    os.mkdir(workspace, 0o700)
    made: dict[str, None] = {}
    for path, content, executable in files:
        names = path.split("/")
        if not all(names) or {".", ".."} & set(names) or "\0" in path:
            raise ValueError(f"{json.dumps(path)} is not a path inside the workspace")
        for depth in range(1, len(names)):
            folder = os.path.join(workspace, *names[:depth])
            if folder not in made:
                os.mkdir(folder, 0o700)
                made[folder] = None
        place = os.path.join(workspace, *names)
        mode = 0o700 if executable else 0o600
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as file:
            file.write(content)
        made[place] = None
    if user is not None:
        for place in (*made, workspace):
            os.chown(place, user.uid, user.gid)


def empty(
    descriptor: int,
    first: Container[str] = (),
    told: Callable[[], object] = lambda: None,
) -> str:
    """Empty the directory opened as *descriptor*; return what could not be removed.

    It becomes the current directory. Entries with a name in *first* are removed first,
    and *told* is called then.

    A tree is removed without recursion and without long paths: each subdirectory is
    moved to the top before it is listed. Modes that prevent this are changed first.
    """
    kept: dict[str, str] = {}
    os.fchmod(descriptor, 0o700)
    os.fchdir(descriptor)
    number = 0
    some = True
    while True:
        names = [name for name in os.listdir(".") if name not in kept]
        if some:
            names = [
                name for name in names if name in first or name.startswith(_PREFIX)
            ]
            if not names:
                some = False
                told()
                continue
        if not names:
            break
        for name in names:
            number = _remove(name, number, kept)
    return "; ".join(f"{name}: {reason}" for name, reason in list(kept.items())[:3])


def _remove(name: str, number: int, kept: dict[str, str]) -> int:
    """Remove one entry of the current directory; move its subdirectories up."""
    try:
        if not stat.S_ISDIR(os.lstat(name).st_mode):
            os.unlink(name)
            return number
        os.chmod(name, 0o700)
        for entry in os.listdir(name):
            place = f"{name}/{entry}"
            if not stat.S_ISDIR(os.lstat(place).st_mode):
                os.unlink(place)
                continue
            os.chmod(place, 0o700)
            number += 1
            with contextlib.suppress(FileNotFoundError):
                os.rename(place, f"{_PREFIX}{number}")
        os.rmdir(name)
    except FileNotFoundError:
        pass
    except OSError as error:
        kept[name] = error.strerror or str(error)
    return number
