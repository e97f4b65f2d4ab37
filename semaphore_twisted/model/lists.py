"""Parts of lists: what was searched, in which order, from where, and how many.

A part begins after a position, which is the sort key and the id of an object, so it
does not move when other objects are added or deleted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec


class Numbered(Protocol):
    """An object with an id."""

    @property
    def id(self) -> int:
        """The id, unique in its list."""


N = TypeVar("N", bound=Numbered)


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The place of an object in a sorted list; *key* is in lower case."""

    key: str | None
    id: int

    @property
    def rank(self) -> tuple[bool, str, int]:
        """The key by which objects are sorted; no key is the first, as in SQLite."""
        return self.key is not None, self.key or "", self.id


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An object of a list: its id, its sort key, and the *text* that is searched."""

    id: int
    key: str | None
    text: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a list that is wanted; by default the whole list.

    *search* must be contained, without regard to case. *sort* names a column; an
    unknown one is the first. There are at most *limit* objects, after *after*.
    """

    search: str = ""
    sort: str = ""
    descending: bool = False
    after: Position | None = None
    limit: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the whole list is wanted."""
        return not self.search and self.after is None and self.limit is None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of a part of a list; *end* is its last object, if more objects follow."""

    ids: Sequence[int]
    end: Position | None = None


def part(places: Iterable[Place], wanted: Wanted) -> Part:
    """Return the part of the sorted *places* that is wanted."""
    needle = wanted.search.casefold()
    is_next = _following(wanted)
    ids: list[int] = []
    last: Position | None = None
    for place in places:
        here = Position(place.key, place.id)
        if not is_next(here):
            continue
        if needle and needle not in place.text.casefold():
            continue
        if len(ids) == wanted.limit:
            return Part(ids=ids, end=last)
        ids.append(place.id)
        last = here
    return Part(ids=ids)


def _following(wanted: Wanted) -> Callable[[Position], bool]:
    """Return a function that tells whether a position is after the wanted one."""
    if wanted.after is None:
        return lambda _: True
    after = wanted.after.rank
    if wanted.descending:
        return lambda each: each.rank < after
    return lambda each: each.rank > after


def part_of(
    objects: Iterable[N],
    wanted: Wanted,
    *,
    keys: Mapping[str, Callable[[N], str]],
    text: Callable[[N], str],
) -> tuple[list[N], Position | None]:
    """Return the wanted part of *objects* in memory, and its end if more follow.

    *keys* are the sort keys by the names that clients use, the first by default.
    """
    key = keys.get(wanted.sort) or next(iter(keys.values()))
    by_id = {each.id: each for each in objects}
    places = [
        Place(id=number, key=key(each).lower(), text=text(each))
        for number, each in by_id.items()
    ]
    places.sort(
        key=lambda place: Position(place.key, place.id).rank, reverse=wanted.descending
    )
    selected = part(places, wanted)
    return [by_id[each] for each in selected.ids], selected.end


def matching(
    rows: Iterable[tuple[int, str]], search: str, *, count: int, most: int
) -> tuple[list[int], int | None]:
    """Return the ids of up to *count* of *rows* whose text contains *search*.

    Also return the id after which to go on, if there may be more: at most *most* rows
    are searched.
    """
    needle = search.casefold()
    found: list[int] = []
    for searched, (number, text) in enumerate(rows, 1):
        if needle in text.casefold():
            if len(found) == count:
                return found, found[-1]
            found.append(number)
        if searched == most:
            return found, number
    return found, None
