"""Bounded numbers as command-line arguments."""

import argparse
import re
from collections.abc import Callable

from semaphore_twisted.model.refusals import quoted

_NUMBER = re.compile(r"-?[0-9]{1,18}")

#: The largest id of a database row.
LARGEST = 2**63 - 1


def within(least: int, most: int) -> Callable[[str], int]:
    """Return an argparse type that accepts whole numbers from *least* to *most*."""

    def number(text: str) -> int:
        found = int(text) if _NUMBER.fullmatch(text) else None
        if found is None or not least <= found <= most:
            raise argparse.ArgumentTypeError(
                f"invalid value {quoted(text)}; expected {least} to {most}"
            )
        return found

    return number


def identifier(text: str) -> int | None:
    """Return the id in *text*, ``None`` if it is not a number."""
    fits = text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if fits else None
