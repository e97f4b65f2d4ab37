"""Paths as command-line arguments."""

from collections.abc import Callable
from pathlib import Path

from semaphore_twisted.common.command_error import CommandError


def path_of(option: str) -> Callable[[str], Path]:
    """Return an argparse type for the path of *option*.

    An empty text is refused: as a path it would be the current directory, but it
    usually comes from an unset script variable.
    """

    def read(text: str) -> Path:
        if not text:
            raise CommandError(f"{option}: empty value; expected a path")
        return Path(text)

    return read
