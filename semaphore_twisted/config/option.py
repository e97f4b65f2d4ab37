"""One option of the configuration, and the types of values."""

from enum import StrEnum

import msgspec


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
