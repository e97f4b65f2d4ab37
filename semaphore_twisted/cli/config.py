"""``semaphore config show``: the effective options and their origins."""

import argparse
import os
import sys

from semaphore_twisted.cli import table
from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.start import installation


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``config`` and its verbs."""
    parser = commands.add_parser(
        "config", help="show the effective options and where they come from"
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser(
        "show",
        help="print each option, its value and its origin",
        description="Print each option, its effective value and where that comes "
        "from. An environment variable overrides the file, and the file the "
        "default. Secrets are masked.",
    )
    add_options(show)
    show.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    current = installation.load(
        config=arguments.config, state=arguments.state, environ=os.environ
    )
    rows = []
    for each in sorted(current.settings.effective, key=lambda each: each.option.path):
        served = "" if each.option.served else " (no effect)"
        rows.append((each.option.path, each.shown, each.origin + served))
    table.show(("OPTION", "VALUE", "ORIGIN"), rows)
    print(f"\nstate directory: {current.state.path}")
    print(f"configuration:   {current.config_file or '(no file)'}")
    for warning in current.settings.warnings:
        print(f"semaphore: warning: {warning}", file=sys.stderr)
    return 0
