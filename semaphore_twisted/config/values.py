"""Reads the value of one option, and displays it without secrets."""

import json
from collections.abc import Callable

import msgspec

from semaphore_twisted.config.option import Option, OptionKind
from semaphore_twisted.model.refusals import invalid

#: Replaces the value of a secret wherever options are displayed.
MASK = "********"

#: Reads the file that a ``*_FILE`` variable names; raises ``OSError``.
Read = Callable[[str], bytes]


class WrongOption(Exception):
    """An option has an unusable value; the sentence names it and the accepted value."""


class EffectiveOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option's effective value and its origin; *shown* masks secrets."""

    option: Option
    shown: str
    origin: str


def content_of(path: str, origin: str, read: Read) -> str:
    """Return the text of the file *path* without a final newline.

    *origin* is the variable or option that names the file.

    :raises WrongOption: if the file cannot be read
    """
    try:
        text = read(path).decode()
    except OSError as error:
        raise WrongOption(f"{origin}: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongOption(f"{origin}: {path}: the file is not UTF-8 text") from error
    return text.removesuffix("\n").removesuffix("\r")


_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def value_of(option: Option, raw: object, origin: str, read: Read) -> object:
    """Return *raw* converted to the option's kind, or ``None`` if it counts as unset.

    :raises WrongOption: if *raw* cannot be converted
    """
    if raw is None or raw == "":
        return None
    value = _READERS[option.kind](raw)
    if value is None:
        if option.secret:
            raise WrongOption(wrong_kind(option.path, raw, option.kind, origin))
        raise WrongOption(invalid(option.path, raw, option.kind, origin=origin))
    if option.secret and isinstance(value, str) and value.startswith("file:"):
        return content_of(value.removeprefix("file:"), option.path, read)
    return value


def _as_text(raw: object) -> str | None:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    return raw if isinstance(raw, str) else None


def _as_flag(raw: object) -> bool | None:
    if isinstance(raw, str):
        return _FLAGS.get(raw.strip().lower())
    return raw if isinstance(raw, bool) else None


def _as_number(raw: object) -> int | None:
    if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit():
        return int(raw) if len(raw) < 19 else None
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 1 << 62:
        return raw
    return None


def _as_list(raw: object) -> list[str] | None:
    if isinstance(raw, str):
        if raw.lstrip().startswith("["):
            raw = _json(raw)
        else:
            raw = [part.strip() for part in raw.split(",") if part.strip()]
    if isinstance(raw, list) and all(isinstance(each, str) for each in raw):
        return raw
    return None


def _as_map(raw: object) -> dict[str, str] | None:
    if isinstance(raw, str):
        raw = _json(raw)
    if not isinstance(raw, dict):
        return None
    if not all(isinstance(each, str | int | float) for each in raw.values()):
        return None
    return {
        key: each if isinstance(each, str) else json.dumps(each)
        for key, each in raw.items()
    }


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


_READERS: dict[OptionKind, Callable[[object], object]] = {
    OptionKind.TEXT: _as_text,
    OptionKind.FLAG: _as_flag,
    OptionKind.NUMBER: _as_number,
    OptionKind.LIST: _as_list,
    OptionKind.MAP: _as_map,
    OptionKind.OTHER: lambda raw: raw,
}

_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number"}


def kind_of(value: object) -> str:
    """Return the name of the type of *value*, for error sentences."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return _KINDS.get(type(value), "nothing")


def wrong_kind(where: str, value: object, expected: str, origin: str) -> str:
    """Return the sentence that refuses a *value* by its kind, without quoting it."""
    return f"{where}: {kind_of(value)} (from {origin}); expected {expected}"


def shown(option: Option, value: object, origin: str) -> EffectiveOption:
    """Return *option* as ``config show`` prints it; a secret is masked."""
    if value is None or value in ("", {}, (), []):
        text = "-"
    elif option.secret:
        text = MASK
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, default=str)
    return EffectiveOption(option=option, shown=text, origin=origin)
