"""The companion's own small files, which a crash leaves whole."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec
from twisted.logger import Logger

T = TypeVar("T")

_log = Logger()


def read(path: Path, type_: type[T]) -> T | None:
    """Return the value in *path*, ``None`` where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (OSError, msgspec.DecodeError):
        return None


def write(path: Path, value: Any) -> None:
    """Put *value* into *path*, for its owner alone; nothing is lost by a crash.

    :raises OSError: where that is not possible.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_bytes(msgspec.json.encode(value))
    new.replace(path)


def keep(path: Path, value: Any) -> None:
    """Put *value* into *path*, if that is possible: nothing depends on it."""
    try:
        write(path, value)
    except OSError as error:
        _log.warn("{path} cannot be written: {why}", path=path, why=error.strerror)
