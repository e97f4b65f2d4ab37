"""The options that have an effect: the fields of :class:`Config` and of its groups.

The name of an option is the path of its field, its kind follows from the field's type,
and the field's annotation has the rest. ``docs/configuration.md`` is generated from it.
"""

from collections.abc import Iterator
from typing import Final, get_type_hints

import msgspec

from semaphore_twisted.config.option import Option, OptionKind, OptionRow
from semaphore_twisted.config.options import Config

_KINDS: Final[dict[object, OptionKind]] = {
    str: OptionKind.TEXT,
    bool: OptionKind.FLAG,
    bool | None: OptionKind.FLAG,
    int: OptionKind.NUMBER,
    int | None: OptionKind.NUMBER,
    tuple[str, ...]: OptionKind.LIST,
    dict[str, str]: OptionKind.MAP,
}


def _options(group: type[msgspec.Struct], prefix: str) -> Iterator[Option]:
    """Yield the options of *group*, whose names begin with *prefix*."""
    for name, kind in get_type_hints(group, include_extras=True).items():
        row = next(iter(getattr(kind, "__metadata__", ())), None)
        if isinstance(row, OptionRow):
            yield Option(
                path=prefix + name,
                variable=row.variable,
                kind=_KINDS[kind.__origin__],
                served=True,
                secret=row.secret,
                own=row.own,
                help=row.help,
            )
        else:
            yield from _options(kind, f"{prefix}{name}.")


#: Options that have an effect, in the order of their fields.
SERVED = tuple(_options(Config, ""))
