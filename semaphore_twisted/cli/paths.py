"""Paths on the command line."""

from collections.abc import Callable
from pathlib import Path

from semaphore_twisted.cli.failure import Failure


def path_of(option: str) -> Callable[[str], Path]:
    """Return what reads the path that *option* is given, for ``argparse``.

    An empty text is refused: as a path it would be the current folder, though it is
    mostly a variable of a script that is not set.
    """

    def read(text: str) -> Path:
        if not text:
            raise Failure(f"{option}: empty value; expected a path")
        return Path(text)

    return read
