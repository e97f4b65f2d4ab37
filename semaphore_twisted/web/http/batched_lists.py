"""Lists with long texts: read and sent in batches, as the client reads them.

A short list is an ordinary response. A list longer than a batch is read and streamed
piece by piece, so that it is never in memory as a whole.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Concatenate, TypeVar

from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import StreamedResponse, json

T = TypeVar("T")

#: Reads the first objects with these ids, and returns how many ids it used.
Page = Callable[[Connection, Actor, Sequence[int]], tuple[list[T], int]]

#: Reads the ids of a list, in its order.
Ids = Callable[Concatenate[Connection, Actor, ...], Sequence[int]]


async def listed(
    context: RequestContext, ids: Ids, page: Page[T], **parameters: object
) -> list[T] | StreamedResponse:
    """Return the rows that *page* reads for the *ids* listed with *parameters*."""
    wanted, rows, taken = await context.read(_begun, ids, page, parameters)
    if taken >= len(wanted):
        return rows
    return StreamedResponse(
        "application/json", _array(context, page, rows, wanted[taken:])
    )


def _begun(
    conn: Connection,
    actor: Actor,
    ids: Ids,
    page: Page[T],
    parameters: dict[str, object],
) -> tuple[Sequence[int], list[T], int]:
    wanted = ids(conn, actor, **parameters)
    rows, taken = page(conn, actor, wanted)
    return wanted, rows, taken


async def _array(
    context: RequestContext, page: Page[T], rows: list[T], rest: Sequence[int]
) -> AsyncIterator[bytes]:
    before = b"["
    while True:
        if rows:
            yield before + json(rows)[1:-2]
            before = b","
        if not rest:
            break
        rows, taken = await context.long_read(page, rest)
        rest = rest[taken:]
    yield b"]\n" if before == b"," else b"[]\n"
