"""Paths into the JSON body of a delivery, and values as text; pure.

A path has segments that are separated by dots: ``repository.full_name``. ``[2]`` is the
item of a list, ``[-1]`` its last one, ``[*]`` each item; a dot before the bracket is
accepted, as Semaphore writes it (``commits.[0].id``). A key with a dot or bracket is
written in double quotes: ``labels."app.kubernetes.io/name"``.

A body is untrusted. Its depth is limited by ``documents.check_depth``, the number of
values that a path may select by ``limits.HOOK_SELECTED``.
"""

import re
from typing import Final

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.documents import DEEPEST, check_depth, check_values
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted

#: What Semaphore compares with if nothing is at a path, or null.
NOTHING: Final = "<nil>"

#: A key in quotes, an index, or a plain key.
_SEGMENT = re.compile(r'"([^"]++)"|\[(\*|-?[0-9]{1,9})\]|([^."\[\]]++)')

#: A segment of a path: a key, an index, or ``None`` for each item.
Segment = str | int | None


def path(text: str) -> tuple[Segment, ...]:
    """Return the segments of the path *text*.

    :raises Invalid: if it is not a path, or has too many segments
    """
    segments: list[Segment] = []
    place = 0
    while place < len(text):
        found = _SEGMENT.match(text, place)
        if found is None:
            raise _wrong(text)
        name, index, plain = found.groups()
        if index is None:
            segments.append(name if name is not None else plain)
        else:
            segments.append(None if index == "*" else int(index))
        place = found.end()
        if place < len(text) and text[place] == ".":
            place += 1
            if place == len(text):
                raise _wrong(text)
        elif place < len(text) and text[place] != "[":
            raise _wrong(text)
    if not segments or len(segments) > limits.HOOK_SEGMENTS:
        raise _wrong(text)
    return tuple(segments)


def _wrong(text: str) -> Invalid:
    return Invalid(
        f"key: invalid path {quoted(text, 100)}; expected keys and indexes such as"
        f" commits[0].author.name, at most {limits.HOOK_SEGMENTS}"
    )


def decoded(body: bytes) -> object:
    """Return the JSON value of *body*.

    :raises Invalid: if it is not JSON, is nested too deeply or has too many values
    """
    check_values(body, "The body")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        raise Invalid(
            "The body is not JSON; choose application/json as the sender's content type"
        ) from None
    except RecursionError:
        raise Invalid(
            f"The body has more than {DEEPEST} levels of lists and objects"
        ) from None
    check_depth(value, "The body")
    return value


def select(value: object, segments: tuple[Segment, ...]) -> list[object]:
    """Return the values at a path; nothing if there are none.

    :raises Invalid: if they are too many
    """
    found = [value]
    for segment in segments:
        found = [inner for each in found for inner in _inside(each, segment)]
        if len(found) > limits.HOOK_SELECTED:
            raise Invalid(
                f"The path selects more than {limits.HOOK_SELECTED} values of the body"
            )
    return found


def _inside(value: object, segment: Segment) -> list[object]:
    if isinstance(segment, str):
        if isinstance(value, dict) and segment in value:
            return [value[segment]]
        return []
    if not isinstance(value, list):
        return []
    if segment is None:
        return value
    if -len(value) <= segment < len(value):
        return [value[segment]]
    return []


def text_of(value: object) -> str:
    """Return *value* as text, as Semaphore does: a whole number without a point."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    return msgspec.json.encode(value).decode()
