"""Output for people: aligned columns without control characters; JSON for programs."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from semaphore_twisted.model.peers import Peer


def show(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print *rows* below *head*; the last column is not padded."""
    lines = [list(head), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def plain(text: str) -> str:
    """Return *text* with unprintable characters replaced by ``?``."""
    return "".join(each if each.isprintable() else "?" for each in text)


def peer_state(peer: Peer) -> str:
    """Return the state of *peer*, or why an active one is not on the device."""
    return f"stopped ({peer.stopped})" if peer.stopped else peer.state


def moment(time: datetime | None, none: str = "-") -> str:
    """Return *time* in UTC, to the minute."""
    return none if time is None else f"{time:%Y-%m-%d %H:%M}Z"


def span(seconds: int | None) -> str:
    """Return how long ago something was, in the largest fitting unit."""
    if seconds is None:
        return "never"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit} ago"
    return f"{max(seconds, 0)}s ago"


def size(count: int) -> str:
    """Return a number of bytes with a binary unit."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def print_json(value: object) -> None:
    """Print *value* as JSON."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(text + "\n")
