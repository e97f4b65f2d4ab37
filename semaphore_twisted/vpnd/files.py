"""The companion's own small files, written atomically."""

from pathlib import Path
from typing import TypeVar

import msgspec
from twisted.logger import Logger

from semaphore_twisted.common import atomic_file

T = TypeVar("T")

_log = Logger()


def read(path: Path, type_: type[T]) -> T | None:
    """Return the value in *path*, ``None`` if it cannot be read or decoded."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (OSError, msgspec.DecodeError):
        return None


def write(path: Path, value: object) -> None:
    """Write *value* to *path*, readable by its owner only; a crash keeps the old file.

    :raises OSError: if that fails.
    """
    atomic_file.write(path, msgspec.json.encode(value), durable=False)


def keep(path: Path, value: object) -> None:
    """Write *value* to *path* and only log a failure, since nothing depends on it."""
    try:
        write(path, value)
    except OSError as error:
        _log.warn("{path} cannot be written: {why}", path=path, why=error.strerror)
