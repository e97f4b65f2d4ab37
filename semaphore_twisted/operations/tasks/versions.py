"""Computes the next version of a build (a pure function)."""

import re

#: The text before the last number, the number, and the text after it.
_PATTERN = re.compile(r"(?:(.*\D)?)(\d+)(\D.*)?", re.DOTALL)


def _parts(version: str) -> tuple[str, int, str] | None:
    match = _PATTERN.fullmatch(version)
    if match is None:
        return None
    return match[1] or "", int(match[2]), match[3] or ""


def next_version(start: str, last: str | None) -> str:
    """Return the version after *last*, for a template whose versions begin at *start*.

    The last number is incremented, and is never below that of *start*. If *last* has
    another form than *start*, the result is *start*.
    """
    if last is None:
        return start
    begun, ended = _parts(start), _parts(last)
    if begun is None or ended is None:
        return start
    if (begun[0], begun[2]) != (ended[0], ended[2]):
        return start
    return f"{begun[0]}{max(begun[1], ended[1] + 1)}{begun[2]}"
