"""The values of a plan: compared, divided into attributes, and written as texts."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import msgspec

ValuePath: TypeAlias = tuple[str | int, ...]


class Leaf(NamedTuple):
    """A value that is shown as one; *sensitive* if it is so on any side."""

    path: ValuePath
    before: object
    after: object
    sensitive: bool
    unknown: bool
    changed: bool


def leaves_of(
    path: ValuePath, before: object, after: object, unknown: object, *marks: object
) -> Iterator[Leaf]:
    """Yield the values of which *before* and *after* consist, where they differ or not.

    *unknown* tells by ``True`` which values after the change are not known, the two
    *marks* which values before and after are sensitive; all three are nested as the
    values, or are ``True`` or ``False`` for all of a value. A value that is sensitive
    on one side is so on the other. Marks in another form than that of the value count
    for all of it.
    """
    keys = _keys(before, after, unknown, *marks)
    whole = path and (unknown is True or any(each is True for each in marks))
    if keys is not None and not whole:
        for key in keys:
            values = (_member(each, key) for each in (before, after))
            signs = (_mark(each, key) for each in (unknown, *marks))
            yield from leaves_of((*path, key), *values, *signs)
        return
    not_known = marked(unknown)
    sensitive = [marked(each) for each in marks]
    if before is None and after is None and not not_known:
        return
    both = before is not None and after is not None
    marks_change = both and sensitive[0] != sensitive[1]
    changed = not_known or marks_change or encoded(before) != encoded(after)
    yield Leaf(path, before, after, any(sensitive), not_known, changed)


def _keys(
    before: object, after: object, unknown: object, *marks: object
) -> Iterable[str | int] | None:
    """Return the keys or indexes by which values are divided; ``None`` if not at all.

    Lists are divided if they contain objects or lists, or if marks differ inside.
    """
    values = [each for each in (before, after) if each is not None]
    objects = [each for each in values if isinstance(each, dict)]
    lists = [each for each in values if isinstance(each, list)]
    if objects and len(objects) == len(values):
        names: dict[str, None] = {}
        for each in (*objects, unknown):
            if isinstance(each, dict):
                names.update(dict.fromkeys(each))
        return names or None
    if lists and len(lists) == len(values):
        nested = any(isinstance(item, dict | list) for each in lists for item in each)
        signs = [each for each in (unknown, *marks) if isinstance(each, list)]
        if nested or any(map(marked, signs)):
            return range(max(len(each) for each in (*lists, *signs)))
    return None


def _member(value: object, key: str | int) -> object:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def _mark(marks: object, key: str | int) -> object:
    """Return the marks of the member *key* of a value with *marks*."""
    if isinstance(marks, dict) and isinstance(key, str):
        return marks.get(key, False)
    if isinstance(marks, list) and isinstance(key, int):
        return marks[key] if key < len(marks) else False
    return marked(marks)


def marked(marks: object) -> bool:
    """Return whether *marks*, or any of the marks inside, apply."""
    if isinstance(marks, dict):
        return any(map(marked, marks.values()))
    if isinstance(marks, list):
        return any(map(marked, marks))
    return marks is not False and marks is not None


def encoded(value: object) -> str:
    """Return *value* as JSON; equal values have the same text."""
    return msgspec.json.encode(value, order="sorted").decode()


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


def path_text(path: ValuePath) -> str:
    """Return *path* as Terraform writes it, such as ``rule[3].source_ips``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _IDENTIFIER.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += f"[{encoded(key)}]"
    return text


def visible(text: str) -> str:
    """Escape the characters that are not seen, or that change the order of a text."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else json.dumps(each)[1:-1] for each in text
    )


def meets(path: ValuePath, other: ValuePath) -> bool:
    """Return whether one of two paths begins with the other."""
    common = min(len(path), len(other))
    return path[:common] == other[:common]
