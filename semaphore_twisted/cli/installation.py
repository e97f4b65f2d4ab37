"""``--config`` and ``--state`` of every command that uses an installation."""

import argparse
import os

from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.start import installation
from semaphore_twisted.start.installation import Installation


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--config FILE`` and ``--state DIR`` to *parser*."""
    parser.add_argument(
        "--config",
        type=path_of("--config"),
        metavar="FILE",
        help="the configuration, JSON or TOML (default: DIR/config.json with --state, "
        "else where Semaphore looks)",
    )
    parser.add_argument(
        "--state",
        type=path_of("--state"),
        metavar="DIR",
        help="the state directory, with the database",
    )


def open_installation(arguments: argparse.Namespace) -> Installation:
    """Return the installation of *arguments*; nothing is created or changed.

    :raises Failure: with exit code 78 if there is none, or if its configuration is
        invalid
    """
    return installation.open_existing(
        config=arguments.config, state=arguments.state, environ=os.environ
    )
