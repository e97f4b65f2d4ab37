"""One option of the configuration, and the types of values."""

from enum import StrEnum

import msgspec
from attrs import frozen


class OptionKind(StrEnum):
    """The type of a value; the texts are used in error messages."""

    TEXT = "text"
    FLAG = "true or false"
    NUMBER = "a whole number of 0 or more"
    LIST = "a list of texts"
    MAP = "a map of texts"
    OTHER = "anything"


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option of the configuration."""

    path: str
    variable: str | None = None
    kind: OptionKind = OptionKind.TEXT
    served: bool = False
    #: masked wherever the option is displayed; may be ``file:PATH`` in the file
    secret: bool = False
    #: not one of Semaphore's options
    own: bool = False
    #: the meaning of the value, in one line of Markdown
    help: str = ""
    #: the reason why the option is not served, if there is a particular one
    remark: str = ""


@frozen(kw_only=True)
class OptionRow:
    """What a field of the configuration's structs says of its option."""

    variable: str
    help: str
    secret: bool
    own: bool


def option(
    variable: str,
    *,
    help: str,  # noqa: A002 - as argparse calls it
    secret: bool = False,
    own: bool = False,
) -> OptionRow:
    """Return the annotation of a field: its *variable*, and the others of `Option`."""
    return OptionRow(variable=variable, help=help, secret=secret, own=own)
