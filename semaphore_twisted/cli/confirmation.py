"""Asks for confirmation of an irreversible action."""

import sys

from semaphore_twisted.cli.failure import Failure


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on a terminal, unless *yes* is true.

    :raises Failure: if the answer is not yes, or there is no terminal
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{question} There is no terminal for the answer; give --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure("nothing was done")
