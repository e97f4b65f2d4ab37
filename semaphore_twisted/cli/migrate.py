"""``semaphore migrate``: upgrade the database to this program's version."""

import argparse

from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.persistence.migrations.migrate import migrate, pending
from semaphore_twisted.start import state


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``migrate``."""
    parser = commands.add_parser(
        "migrate",
        help="upgrade the database to this program's version",
        description="Upgrade the database to this program's version, as a start does. "
        "A copy is kept beside it.",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only print the pending migrations; a server may run meanwhile",
    )
    add_options(parser)
    parser.set_defaults(run=_migrate)


def _migrate(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    installation.require_database()
    todo = pending(installation.database)
    if not todo:
        print("The database is up to date")
        return 0
    if arguments.dry_run:
        print(f"To do: {', '.join(todo)}")
        return 0
    try:
        lock = installation.lock()
    except state.StateInUse as error:
        raise CommandError(str(error)) from error
    migrate(installation.database, utc_now)
    lock.release()
    print(f"Done: {', '.join(todo)}")
    return 0
