"""The log of a task, stored in compressed chunks.

A chunk contains consecutive lines of one task, compressed by zlib; each line is
``MICROSECONDS TAB TEXT NEWLINE``, numbered from ``first``. The last chunk is rewritten
as lines arrive, until it has 1,000 lines, 64 KiB, or a second of the job's time; then a
new one is started.
"""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.results import JobEvent
from semaphore_twisted.model.tasks import OutputLine
from semaphore_twisted.operations.tasks import approvals, results
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import task, task_output
from semaphore_twisted.persistence.statements.tasks import tasks as statements

#: Limits of a chunk.
MAX_LINES = limits.CHUNK_LINES
MAX_BYTES = limits.CHUNK
MAX_MICROSECONDS = 1_000_000

#: Overhead of a line in a portion, in characters, in addition to its text.
_OVERHEAD = 24

#: Facts that a job may report; each is a column of the task.
FACTS = frozenset({"commit_hash", "commit_message"})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEVEL = 1


class _Chunk(msgspec.Struct, frozen=True):
    first: int
    last: int
    lines: bytes


class _Progress(msgspec.Struct, frozen=True):
    lines: int
    spool_offset: int


def append(
    conn: Connection,
    task_id: TaskId,
    lines: Sequence[tuple[float, str]],
    *,
    offset: int | None = None,
    facts: Mapping[str, str] | None = None,
    events: Sequence[JobEvent] = (),
) -> list[OutputLine]:
    """Store *lines* (seconds since the epoch, text), numbered after the stored ones.

    The *offset* up to which the job's spool was read, and *facts* and *events* read
    with the lines, are stored in the same transaction, so that a crash neither loses
    nor repeats any of them. Nothing is stored for a task that was deleted.
    """
    progress = conn.one(statements.machinery, _Progress, id=task_id)
    if progress is None:
        return []
    changes: dict[str, object] = {
        name: value for name, value in (facts or {}).items() if name in FACTS
    }
    stored = [
        (_microseconds(moment), part)
        for moment, text in lines
        for part in text.split("\n")
    ]
    if stored:
        _write(conn, task_id, progress.lines, stored)
        changes["lines"] = progress.lines + len(stored)
    if offset is not None:
        changes["spool_offset"] = offset
    if changes:
        conn.update(task, task_id, **changes)
    if events:
        results.record(conn, task_id, progress.lines, events)
        approvals.record(conn, task_id, events)
    return [
        _line(task_id, number, moment, text)
        for number, (moment, text) in enumerate(stored, progress.lines + 1)
    ]


def page(
    conn: Connection,
    task_id: TaskId,
    *,
    above: int = 0,
    limit: int = MAX_LINES,
    most: int = limits.LOG_PAGE,
    raw: bool = False,
) -> list[OutputLine]:
    """Return some lines with numbers above *above*; none only if there are none.

    The result has up to *limit* lines, and up to *most* characters unless the first
    line is longer. With *raw*, lines keep the carriage return at the end.
    """
    lines: list[OutputLine] = []
    size = 0
    while len(lines) < limit:
        chunk = conn.one(
            statements.chunks, _Chunk, task_id=task_id, number=above, count=1
        )
        if chunk is None:
            break
        for number, row in _rows(chunk):
            if number <= above:
                continue
            size += len(row)
            if lines and (size > most or len(lines) >= limit):
                return lines
            lines.append(_line(task_id, number, *_parsed(row), raw=raw))
        above = chunk.last
    return lines[:limit]


def last_lines(
    conn: Connection,
    task_id: TaskId,
    *,
    last: int,
    above: int,
    most: int = limits.BATCH,
) -> list[OutputLine]:
    """Return the last lines with numbers above *above* and up to *last*.

    They have up to *most* characters, unless the last line alone is longer.
    """
    lines: list[OutputLine] = []
    size = 0
    while last > above:
        chunk = conn.one(statements.chunk_up_to, _Chunk, task_id=task_id, number=last)
        if chunk is None:
            break
        for number, row in reversed(list(_rows(chunk))):
            if number > last:
                continue
            size += len(row)
            if number <= above or (lines and size > most):
                return lines[::-1]
            lines.append(_line(task_id, number, *_parsed(row)))
        last = chunk.first - 1
    return lines[::-1]


def portions(lines: Sequence[OutputLine]) -> Iterator[Sequence[OutputLine]]:
    """Split *lines* into parts that are encoded one at a time.

    Each part has at most ``limits.LOG_PORTION`` characters, or is a single line.
    """
    begin = size = 0
    for at, line in enumerate(lines):
        size += len(line.output) + _OVERHEAD
        if size > limits.LOG_PORTION and at > begin:
            yield lines[begin:at]
            begin, size = at, len(line.output) + _OVERHEAD
    if lines:
        yield lines[begin:]


def length(conn: Connection, task_id: TaskId) -> int:
    """Return the number of stored lines."""
    progress = conn.one(statements.machinery, _Progress, id=task_id)
    return 0 if progress is None else progress.lines


def line(task_id: TaskId, number: int, moment: float, text: str) -> OutputLine:
    """Return a line of *text* at *moment*, in seconds since the epoch."""
    return _line(task_id, number, _microseconds(moment), text)


def _microseconds(moment: float) -> int:
    return int(moment * 1_000_000)


def _line(
    task_id: TaskId, number: int, moment: int, text: str, *, raw: bool = False
) -> OutputLine:
    return OutputLine(
        id=number,
        task_id=task_id,
        time=_EPOCH + timedelta(microseconds=moment),
        output=text if raw else text.removesuffix("\r"),
    )


def _rows(chunk: _Chunk) -> "enumerate[str]":
    text = zlib.decompress(chunk.lines).decode()
    return enumerate(text.split("\n")[:-1], chunk.first)


def _parsed(row: str) -> tuple[int, str]:
    moment, _, text = row.partition("\t")
    return int(moment), text


def _write(
    conn: Connection, task_id: TaskId, before: int, lines: list[tuple[int, str]]
) -> None:
    """Append *lines* to the open chunk, then to as many new ones as needed."""
    rows = [
        (moment, f"{moment}\t{text}\n".encode(errors="replace"))
        for moment, text in lines
    ]
    first, content, begun, fresh = _open_chunk(conn, task_id, before)
    count = before + 1 - first
    while rows:
        taken = _fitting(rows, count=count, size=len(content), begun=begun)
        if taken == 0 and count == 0:
            taken = 1
        content += b"".join(row for _, row in rows[:taken])
        count += taken
        if taken:
            _store(conn, task_id, first, count, content, fresh=fresh)
        rows = rows[taken:]
        if rows:
            first, count, content = first + count, 0, b""
            begun, fresh = rows[0][0], True


def _open_chunk(
    conn: Connection, task_id: TaskId, before: int
) -> tuple[int, bytes, int | None, bool]:
    """Return the open chunk: first line, content, start time, and whether it is new."""
    chunk = conn.one(statements.last_chunk, _Chunk, task_id=task_id)
    if chunk is None or chunk.last - chunk.first + 1 >= MAX_LINES:
        return before + 1, b"", None, True
    content = zlib.decompress(chunk.lines)
    if len(content) >= MAX_BYTES:
        return before + 1, b"", None, True
    return chunk.first, content, int(content[: content.index(b"\t")]), False


def _fitting(
    rows: list[tuple[int, bytes]], *, count: int, size: int, begun: int | None
) -> int:
    """Return how many of *rows* fit into a chunk that has *count* lines already."""
    start = rows[0][0] if begun is None else begun

    def fits(row: tuple[int, bytes]) -> bool:
        nonlocal count, size
        count += 1
        size += len(row[1])
        late = row[0] - start > MAX_MICROSECONDS
        return count <= MAX_LINES and size <= MAX_BYTES and not late

    return sum(1 for _ in takewhile(fits, rows))


def _store(
    conn: Connection,
    task_id: TaskId,
    first: int,
    count: int,
    content: bytes,
    *,
    fresh: bool,
) -> None:
    packed = zlib.compress(content, _LEVEL)
    last = first + count - 1
    if fresh:
        conn.insert(task_output, task_id=task_id, first=first, last=last, lines=packed)
    else:
        conn.run(
            statements.rewrite_chunk,
            of_task=task_id,
            from_line=first,
            new_last=last,
            new_lines=packed,
        )


#: Control sequences of terminals (ECMA-48): CSI, strings such as OSC, and short ones.
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[ -/]*[0-~])"
)


def without_ansi(text: str) -> str:
    """Return *text* without colors and other control sequences."""
    return _ANSI.sub("", text) if "\x1b" in text else text
