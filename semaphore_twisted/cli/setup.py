"""``semaphore setup``: prepare an installation like a first start, without serving."""

import argparse
import os
import sys

from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.start import banner, first_start


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``setup``."""
    parser = commands.add_parser(
        "setup",
        help="make what a first start makes, without serving",
        description="Make what is missing of configuration, key, database, "
        "certificates and the account admin (SEMAPHORE_ADMIN, "
        "SEMAPHORE_ADMIN_PASSWORD). What exists stays as it is; no question is asked.",
    )
    parser.add_argument(
        "--new-authority",
        action="store_true",
        help="make a new certificate authority for the present names of the host; "
        "clients have to trust it anew",
    )
    parser.add_argument(
        "--new-database",
        action="store_true",
        help="begin anew where the database of the installation is lost: what is left "
        "of it is renamed, and clients have to trust a new authority",
    )
    parser.add_argument("answers", nargs="?", help=argparse.SUPPRESS)
    add_options(parser)
    parser.set_defaults(run=_setup)


def _setup(arguments: argparse.Namespace) -> int:
    terminal = sys.stdout.isatty()
    begun = first_start.begin(
        config=arguments.config,
        state_path=arguments.state,
        environ=os.environ,
        new_database=arguments.new_database,
    )
    made = first_start.complete(
        begun, terminal=terminal, new_root=arguments.new_authority
    )
    for warning in made.warnings:
        print(f"semaphore: warning: {warning}", file=sys.stderr)
    config = made.installation.config
    print(
        banner.banner(
            made, url=banner.site_url(config, config.port_number), terminal=terminal
        ),
        end="",
    )
    made.lock.release()
    return 0
