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
        help="prepare the installation without serving",
        description="Create what is missing of configuration, key, database, "
        "certificates and the account admin (SEMAPHORE_ADMIN, "
        "SEMAPHORE_ADMIN_PASSWORD). Existing data stays as it is; nothing is asked.",
    )
    parser.add_argument(
        "--new-authority",
        action="store_true",
        help="create a new certificate authority (CA) for the host's current names; "
        "clients must then trust it",
    )
    parser.add_argument(
        "--new-database",
        action="store_true",
        help="start over after the database was lost: the remains of the installation "
        "are renamed, and clients must trust a new CA",
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
