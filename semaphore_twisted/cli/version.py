"""``semaphore version``."""

import argparse

from semaphore_twisted import __version__


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``version``."""
    parser = commands.add_parser("version", help="show the version")
    parser.set_defaults(run=_version)


def _version(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - as every command
    print(__version__)
    return 0
