"""The base of all refusals, and the common form of their sentences.

A sentence says what is wrong, where, and what is accepted, in one line:
``port: invalid value "abc"; expected 1 to 65535``.
"""

import json
from typing import ClassVar

#: Maximum number of characters of a name that a sentence quotes.
_NAME = 255

#: Maximum number of characters of a refused value.
_VALUE = 100


class DomainError(Exception):
    """An operation was refused; nothing was changed."""

    sentence: ClassVar[str] = "The request was refused"

    def __init__(self, sentence: str | None = None, *, field: str = "") -> None:
        """Use *sentence*, or the class's default.

        *field* is the field of the request that is at fault, if it is one field.
        """
        super().__init__(sentence or self.sentence)
        self.field = field

    @property
    def message(self) -> str:
        """The sentence to show to the user."""
        return str(self.args[0])


class Invalid(DomainError):
    """The input is not accepted (400)."""

    sentence = "The request is not valid"


def quoted(text: str, most: int = _NAME) -> str:
    r"""Return *text* in double quotes, as one line of printable characters.

    Quotes, backslashes and control characters are escaped as in JSON (``\n``,
    ``\u001b``). A text of more than *most* characters is cut, which ``...`` shows.
    """
    cut = text if len(text) <= most else text[:most] + "..."
    return "".join(
        each if each.isprintable() else _escaped(each)
        for each in json.dumps(cut, ensure_ascii=False)
    )


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def shown(value: object) -> str:
    """Return a refused *value* for a sentence: a text quoted, other values as JSON."""
    if isinstance(value, str):
        return quoted(value, _VALUE)
    text = json.dumps(value, default=str)
    return text if len(text) <= _VALUE else text[:_VALUE] + "..."


def invalid(where: str, value: object, expected: str, *, origin: str = "") -> str:
    """Return the sentence that refuses *value*.

    *where* is the option, argument or field, *expected* describes the accepted values
    and, where needed, how to get one. *origin* is where the value comes from, such as
    the name of a file. A secret must not be passed as *value*.
    """
    source = f" (from {origin})" if origin else ""
    return f"{where}: invalid value {shown(value)}{source}; expected {expected}"
