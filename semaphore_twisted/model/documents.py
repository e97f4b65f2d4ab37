"""JSON inside a text field: variable groups, survey answers, arguments.

Semaphore's clients send these as strings that contain JSON. They are decoded again when
a job starts, and Ansible decodes the files made from them, so the nesting is limited to
a depth that each of these programs supports.
"""

import json
import re
from typing import Any, TypeAlias

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted

#: Maximum nesting of lists and objects; ansible-core 2.19 fails somewhat below 400.
DEEPEST = 100


#: A decoded JSON object, whose values have been checked or will be.
JsonObject: TypeAlias = dict[str, Any]


def json_object(text: str, what: str, *, unique: bool = True) -> dict[str, object]:
    """Return the object in the JSON *text*; an empty one for an empty text.

    With *unique*, an object with a repeated key is refused; otherwise its last value is
    used.

    :raises Invalid: naming *what*, never with the text
    """
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
        check_depth(value, what)
        if unique:
            json.loads(text, object_pairs_hook=_refuse_repeated)
    except RecursionError:
        raise _too_deep(what) from None
    except _RepeatedError as error:
        raise Invalid(
            f"{what}: the key {quoted(str(error))} comes twice in an object"
        ) from None
    except (msgspec.MsgspecError, ValueError):
        value = ...
    if not isinstance(value, dict):
        raise Invalid(f"{what} must be valid JSON: an object in a string")
    return value


def json_texts(text: str, sentence: str) -> tuple[str, ...]:
    """Return the strings of a JSON list; an empty tuple for an empty text or ``null``.

    :raises Invalid: with *sentence*, never with the text
    """
    if not text.strip():
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[str, ...] | None) or ()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Invalid(sentence) from None


#: A JSON string, whose commas and brackets are no values. One that does not end reaches
#: to the end, so that it is read once only.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)


def check_values(body: bytes, what: str, most: int = limits.BODY_VALUES) -> None:
    """Refuse JSON whose values would need much more memory than its bytes.

    :raises Invalid: naming *what*, if there are more than *most*
    """
    if _values(body) > most and _values(_TEXT.sub(b"", body)) > most:
        raise Invalid(f"{what} has more than {most} values")


def _values(body: bytes) -> int:
    return sum(body.count(each) for each in (b",", b"[", b"{"))


def check_depth(value: object, what: str) -> None:
    """Refuse lists and objects nested more than :data:`DEEPEST` levels deep.

    :raises Invalid: naming *what*
    """
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise _too_deep(what)


def _inside(value: object) -> list[object]:
    """Return the lists and objects that are direct members of *value*."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return []
    return [each for each in value if isinstance(each, dict | list | tuple)]


def _too_deep(what: str) -> Invalid:
    return Invalid(
        f"{what}: too many levels of lists and objects; expected at most {DEEPEST}"
    )


class _RepeatedError(Exception):
    """A key is repeated in an object; the message is the key."""


def _refuse_repeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _RepeatedError(name)
            seen.add(name)
    return found
