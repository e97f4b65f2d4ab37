"""Splits the bytes of a job's output into lines of text.

The result does not depend on the sizes of the reads.
"""

from semaphore_twisted.jobs.supervision.text import whole_characters
from semaphore_twisted.model import limits

#: The longest line in bytes of UTF-8; a longer one is split into several.
LONGEST = limits.LOG_LINE


class LineSplitter:
    r"""Splits at ``\n``; each ``\r`` stays in its line, also one at its end.

    Bytes that are not UTF-8, and NUL (which not every store accepts), become U+FFFD.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Add *data* and return the lines that it completes."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        whole, self._rest = data[:end], data[end:]
        lines = _plain(whole) if whole else []
        if lines is None:
            lines = [text for line in whole[:-1].split(b"\n") for text in _texts(line)]
        # The byte after the limit may be a carriage return before the line's end.
        while len(self._rest) > LONGEST + 1:
            piece, self._rest = _cut(self._rest)
            lines.append(_text(piece))
        return lines

    @property
    def unfinished(self) -> bool:
        """Whether there is a line that has not ended."""
        return bool(self._rest)

    @property
    def begun(self) -> str:
        """The text so far of the line that has not ended.

        The whole line begins with this text. A carriage return at its end is left out,
        since the line may end there.
        """
        piece = self._rest if len(self._rest) <= LONGEST else _cut(self._rest)[0]
        return _text(piece).removesuffix("\r")

    def flush(self) -> list[str]:
        """Return the rest as lines, although the last one is not complete."""
        rest, self._rest = self._rest, b""
        return _texts(rest) if rest else []


def _plain(whole: bytes) -> list[str] | None:
    """Return the lines of *whole* by a fast path, ``None`` if it does not apply."""
    if not whole.isascii() or b"\r" in whole or b"\0" in whole:
        return None
    lines = whole[:-1].decode("ascii").split("\n")
    if len(whole) > LONGEST and max(map(len, lines)) > LONGEST:
        return None
    return lines


def _texts(line: bytes) -> list[str]:
    """Return *line* as one text, or as several if it is too long."""
    texts = []
    while len(line.removesuffix(b"\r")) > LONGEST:
        piece, line = _cut(line)
        texts.append(_text(piece))
    texts.append(_text(line))
    return texts


def _cut(line: bytes) -> tuple[bytes, bytes]:
    """Split *line* at the limit, between two characters."""
    end = whole_characters(line[:LONGEST]) or LONGEST
    return line[:end], line[end:]


def _text(line: bytes) -> str:
    """Decode a line."""
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")
