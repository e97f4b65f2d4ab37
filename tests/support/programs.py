"""Programs that tests run: a test whose program is missing is skipped.

``tests/programs.txt`` has the Debian package of each, which the reason names.
"""

import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import SkipTest, skipIf

_FILE = Path(__file__).parents[1] / "programs.txt"


@lru_cache(maxsize=1)
def packages() -> dict[str, str]:
    """Return the Debian package of each program."""
    lines = [line.split() for line in _FILE.read_text().splitlines()]
    return {line[0]: line[1] for line in lines if line and line[0] != "#"}


def found(program: str) -> str | None:
    """Return the path of *program*, also of one that is in root's search path only."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def missing(*programs: str) -> str:
    """Return which of *programs* are missing and their packages; empty if none is.

    :raises KeyError: if a program is not in ``tests/programs.txt``.
    """
    table = packages()
    return ", ".join(
        f"{program} is missing (Debian package {package})"
        for program, package in ((each, table[each]) for each in programs)
        if found(program) is None
    )


def needs(*programs: str) -> Callable[[Any], Any]:
    """Return a decorator that skips a test or its class unless *programs* are there."""
    reason = missing(*programs)
    return skipIf(bool(reason), reason)


def program(name: str) -> str:
    """Return the path of the program *name*, for use inside a test.

    :raises SkipTest: if it is missing.
    """
    reason = missing(name)
    if reason:
        raise SkipTest(reason)
    path = found(name)
    assert path is not None
    return path


def require(*programs: str) -> None:
    """Skip the running test unless *programs* are there.

    :raises SkipTest: if one is missing.
    """
    for each in programs:
        program(each)
