"""A parser of a command whose module is imported when the command is used."""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

from typing_extensions import override


class LateParser(argparse.ArgumentParser):
    """The parser of a command, which *module* declares at its first use."""

    def __init__(self, *args: Any, module: str = "", **kwargs: Any) -> None:
        """Store the name of the module; nothing is imported yet."""
        super().__init__(*args, **kwargs)
        self._module = module

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
