"""Writes a file in one step: readers see the old content or the new one."""

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex


def write(
    path: Path,
    content: bytes,
    mode: int = 0o600,
    *,
    owner: tuple[int, int] | None = None,
    durable: bool = True,
    may_replace: Callable[[], bool] = lambda: True,
) -> bool:
    """Write *content* to *path* with *mode*, whatever the umask is.

    The file is on the disk when the call returns; without *durable* a power cut may
    lose it, and the call does not wait. *owner* is the user and group of the file,
    those of this process if not given. *may_replace* is called at the last moment: the
    old file stays if it returns ``False``. Return whether the file was replaced.

    :raises OSError: if the file cannot be written; the old one stays.
    """
    beside = path.with_name(f".{path.name}.{token_hex(4)}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(beside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if not may_replace():
            beside.unlink()
            return False
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(path.parent)
    return True


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
