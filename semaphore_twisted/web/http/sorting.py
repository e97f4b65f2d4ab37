"""Reads the requested order of a list."""

from collections.abc import Mapping
from typing import TypedDict


class SortOrder(TypedDict):
    """The keyword arguments of operations that list objects."""

    sort: str
    descending: bool


def order(query: Mapping[str, str]) -> SortOrder:
    """Return the order of ``?sort=…&order=desc``; unknown values are ignored."""
    return {
        "sort": query.get("sort", ""),
        "descending": query.get("order", "").lower() == "desc",
    }
