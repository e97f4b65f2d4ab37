"""The parts of a list, as clients follow them."""

from collections.abc import Iterator
from typing import Any

from tests.support.http import Answer, ApiClient


def following(answer: Answer) -> str | None:
    """Return the query of the next part, from the ``Link`` header."""
    link = answer.header("link")
    if answer.header("x-has-next") == "false":
        assert link is None, link
        return None
    assert link is not None
    assert link.endswith('>; rel="next"'), link
    return link.removeprefix("<").partition(">")[0]


def parts(client: ApiClient, path: str, query: str) -> Iterator[list[Any]]:
    """Yield each part of a list, beginning with *query*."""
    more: str | None = query
    while more is not None:
        answer = client.get(f"{path}{more}")
        assert answer.status == 200, answer.body
        yield answer.json
        more = following(answer)
