"""Asks for confirmation of an irreversible action."""

import sys

from semaphore_twisted.common.command_error import CommandError


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on a terminal, unless *yes* is true.

    :raises CommandError: if the answer is not yes, or there is no terminal
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            f"{question} There is no terminal for the answer; give --yes"
        )
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was done")
