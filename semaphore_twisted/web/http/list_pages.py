"""Lists of which a client may ask for a part: searched, sorted, and page by page.

Without ``search``, ``limit`` and ``after`` a list is whole, as in Semaphore. The header
``Link`` (RFC 8288) leads to the next part; ``X-Has-Next`` says whether there is one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.lists import (
    Numbered,
    Position,
    Wanted,
    part_of,
)
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import lists
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.sorting import Sorted
from semaphore_twisted.web.http import batched_lists
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import StreamedResponse

T = TypeVar("T")
N = TypeVar("N", bound=Numbered)

#: A text that objects contain.
SearchText = Annotated[
    str, Meta(max_length=limits.NAME, description="Only objects with this text")
]

#: How many objects.
Limit = Annotated[
    int, Meta(ge=1, le=limits.LIST_PART, description="Maximum number of objects")
]


#: A number of Semaphore's API, which the route reads itself: it is only described here,
#: since Semaphore takes another text for an absent one.
OwnNumber = Annotated[str, Meta(extra_json_schema={"x-type": "integer"})]

#: One with which any text is accepted, as in Semaphore.
LenientNumber = Annotated[
    str,
    Meta(
        description="A number; another text counts as none",
        extra_json_schema={"x-type": ["integer", "string"]},
    ),
]


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a list that is wanted."""

    search: SearchText = ""
    sort: Annotated[
        str, Meta(description="A column; another text means the first one, the name")
    ] = ""
    order: Annotated[str, Meta(description="desc for a descending order")] = ""
    limit: Limit | None = None
    after: Annotated[
        str, Meta(description="Only objects after a position, from the Link header")
    ] = ""


def wanted(context: RequestContext) -> Wanted:
    """Return the part of the list that *context* asks for.

    :raises Invalid: naming the parameter that is not accepted
    """
    asked = context.parameters(ListQuery)
    return Wanted(
        search=asked.search,
        sort=asked.sort,
        descending=asked.order.lower() == "desc",
        after=_position(asked.after) if asked.after else None,
        limit=asked.limit,
    )


async def listed(
    context: RequestContext,
    orders: Sorted,
    page: batched_lists.Page[T],
    *,
    sort: str = "",
    descending: bool = False,
    **values: int,
) -> list[T] | StreamedResponse:
    """Return the wanted part of the objects that *orders* select; *page* reads them.

    *sort* and *descending* are the order of a list for which none is asked; *values*
    are further parameters of the statements.
    """
    asked = wanted(context)
    if sort and not asked.sort:
        asked = replace(asked, sort=sort, descending=descending)
    if asked.is_whole:
        return await batched_lists.listed(
            context, _whole, page, orders=orders, asked=asked, values=values
        )
    found = await context.long_read(lists.select, orders, asked, values)
    _lead_on(context, found.end)
    return await chosen(context, found.ids, page)


async def chosen(
    context: RequestContext, ids: Sequence[int], page: batched_lists.Page[T]
) -> list[T] | StreamedResponse:
    """Return the rows that *page* reads for *ids*."""
    return await batched_lists.listed(context, _given, page, given=ids)


def _whole(
    conn: Connection,
    actor: Actor,
    *,
    orders: Sorted,
    asked: Wanted,
    values: Mapping[str, int],
) -> Sequence[int]:
    return lists.select(conn, actor, orders, asked, values).ids


def _given(
    conn: Connection,  # noqa: ARG001
    actor: Actor,  # noqa: ARG001
    *,
    given: Sequence[int],
) -> Sequence[int]:
    return given


def of(
    context: RequestContext,
    objects: list[N],
    *,
    keys: Mapping[str, Callable[[N], str]],
    text: Callable[[N], str],
) -> list[N]:
    """Return the wanted part of *objects*, which are few and have an ``id``.

    *keys* are the sort keys by the names that clients use; without any part or sort key
    wanted the objects keep their order.
    """
    asked = wanted(context)
    if asked.is_whole and not asked.sort:
        return objects
    found, end = part_of(objects, asked, keys=keys, text=text)
    if not asked.is_whole:
        _lead_on(context, end)
    return found


def _lead_on(context: RequestContext, end: Position | None) -> None:
    """Add the headers that lead to the objects after *end*, if there are any."""
    link(context, "after", None if end is None else _cursor(end))


def link(context: RequestContext, name: str, value: str | None) -> None:
    """Add the headers that lead to the next part, which has *value* as *name*."""
    context.headers.append((b"x-has-next", b"false" if value is None else b"true"))
    if value is not None:
        query = urlencode({**context.query, name: value})
        context.headers.append((b"link", f'<?{query}>; rel="next"'.encode()))


def _cursor(position: Position) -> str:
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def _position(cursor: str) -> Position:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return msgspec.json.decode(urlsafe_b64decode(padded), type=Position)
    except (Error, ValueError, RecursionError):
        raise Invalid(
            invalid("after", cursor, "a position from a Link header")
        ) from None
