"""``semaphore compact``: rewrite the database without free pages."""

import argparse

from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.persistence.maintenance import compact
from semaphore_twisted.start import state


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``compact``."""
    parser = commands.add_parser(
        "compact",
        help="rewrite the database without free space",
        description="Rewrite the database without the space of deleted data. "
        "Needed once for a database of a former version; afterwards the file shrinks "
        "by itself. The server must be stopped, and the disk needs as much free space "
        "as the database has.",
    )
    add_options(parser)
    parser.set_defaults(run=_compact)


def _compact(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    installation.require_database()
    try:
        lock = installation.lock()
    except state.StateInUse as error:
        raise CommandError(f"{error}; stop the server first") from None
    try:
        before = installation.database.stat().st_size
        conn = installation.connect()
        try:
            compact(conn)
        finally:
            conn.close()
    finally:
        lock.release()
    after = installation.database.stat().st_size
    print(f"{installation.database}: {before} bytes before, {after} bytes now")
    return 0
