"""A parser of a command that is made, and its module imported, when it is used."""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

from typing_extensions import override


class LateParser(argparse.ArgumentParser):
    """The parser of a command, which *module* declares at its first use.

    To make a parser takes a fifth of a millisecond, and there are forty of them.
    """

    def __init__(self, *args: Any, module: str = "", **kwargs: Any) -> None:
        """Store the arguments; nothing is made or imported yet."""
        self._module = module
        self._late: tuple[tuple[Any, ...], dict[str, Any]] | None = (args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """Make the parser, whose attributes are missing until then."""
        late, self._late = self._late, None
        if late is None:
            raise AttributeError(name)
        super().__init__(*late[0], **late[1])
        return getattr(self, name)

    def load(self) -> None:
        """Make the module declare the options, once."""
        module, self._module = self._module, ""
        if module:
            found = importlib.import_module(f"semaphore_twisted.cli.{module}")
            found.declare(self, self.prog.rpartition(" ")[2])

    @override
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: object = None
    ) -> tuple[object, list[str]]:
        """Make the module declare the options, then parse."""
        self.load()
        return super().parse_known_args(args, namespace)
