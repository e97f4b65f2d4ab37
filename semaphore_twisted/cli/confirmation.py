"""A question before what cannot be taken back."""

import sys

from semaphore_twisted.cli.failure import Failure


def confirm(question: str, *, yes: bool) -> None:
    """Ask *question* on a terminal, unless *yes* was given.

    :raises Failure: if the answer is another, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{question} Nobody can be asked here; give --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure("nothing was done")
