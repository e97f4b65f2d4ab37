"""Database access of commands that change objects of an installation.

Read access to the installation's files suffices for every command. A running server is
notified of each change, so that it is applied at once.
"""

import argparse
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.users import User
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.migrations.migrate import pending
from semaphore_twisted.persistence.statements.projects import projects as statements
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.vpn import wake_socket


class _Rollback(Exception):
    """Rolls the transaction back at the end of a trial."""


@contextmanager
def reading(installation: Installation) -> Iterator[Connection]:
    """Open the database for one reading transaction.

    :raises CommandError: if there is none, or it needs a migration
    """
    with _opened(installation, read_only=True) as conn, conn.transaction(write=False):
        yield conn


@contextmanager
def changing(
    installation: Installation, *, wake: bool = True, kept: bool = True
) -> Iterator[Connection]:
    """Open the database for one writing transaction; notify the server afterwards.

    Unless *kept* is true, everything is rolled back at the end.

    :raises CommandError: if there is none, or it needs a migration
    """
    with (
        _opened(installation, read_only=False) as conn,
        suppress(_Rollback),
        conn.transaction(write=True),
    ):
        yield conn
        if not kept:
            raise _Rollback
    if wake and kept:
        wake_socket.send(installation.state.path / wake_socket.NAME)


@contextmanager
def _opened(installation: Installation, *, read_only: bool) -> Iterator[Connection]:
    try:
        todo = pending(installation.database) if installation.database.is_file() else []
        if todo:
            raise CommandError(
                f"{installation.database}: it lacks {', '.join(todo)}; start the "
                "server once, or run `semaphore migrate`"
            )
        conn = installation.connect(read_only=read_only)
    except (OSError, sqlite3.OperationalError) as error:
        raise _unusable(installation, error) from error
    try:
        yield conn
    except sqlite3.OperationalError as error:  # locked, full, read-only
        raise _unusable(installation, error) from error
    finally:
        conn.close()


def _unusable(installation: Installation, error: Exception) -> CommandError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return CommandError(f"{installation.database}: {reason}")


def user_of(conn: Connection, text: str, *, option: str = "--user") -> User:
    """Return the user of a login name or e-mail address, the value of *option*.

    :raises CommandError: if there is none
    """
    user = users.find(conn, text)
    if user is None:
        raise CommandError(f"{option}: there is no user {quoted(text)}")
    return user


def project_of(conn: Connection, text: str) -> Project:
    """Return the project of a name or number.

    :raises CommandError: if there is none, or more than one
    """
    every = conn.all(statements.every, Project)
    found = [each for each in every if each.name == text]
    found = found or [each for each in every if str(each.id) == text]
    return _only(found, text, "--project")


def project_by_name(conn: Connection, name: str) -> Project:
    """Return the project of ``--project-name``.

    :raises CommandError: if there is none, or more than one
    """
    every = conn.all(statements.every, Project)
    named = [each for each in every if each.name == name]
    # Semaphore compares without case
    named = named or [each for each in every if each.name.lower() == name.lower()]
    return _only(named, name, "--project-name", other="--project-id, one of")


def project_by_id(conn: Connection, number: int) -> Project:
    """Return the project of ``--project-id``.

    :raises CommandError: if there is none
    """
    every = conn.all(statements.every, Project)
    found = [each for each in every if each.id == number]
    return _only(found, str(number), "--project-id")


def _only(
    found: list[Project], text: str, option: str, *, other: str = "one of"
) -> Project:
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(str(each.id) for each in found)
        raise CommandError(
            f"{option}: {quoted(text)} is ambiguous; give {other} {numbers}"
        )
    raise CommandError(f"{option}: there is no project {quoted(text)}")


def first_administrator(conn: Connection) -> User:
    """Return the oldest active administrator.

    :raises CommandError: if there is none
    """
    found = [
        each
        for each in users.list_users(conn, None)
        if each.admin and users.is_active(conn, None, each.id)
    ]
    if not found:
        raise CommandError("--user: there is no active administrator; name a user")
    return min(found, key=lambda each: (each.created, each.id))


def owner_of(
    conn: Connection, arguments: argparse.Namespace
) -> tuple[UserId | None, ProjectId | None]:
    """Return the user, or the project, of ``--user`` and ``--project``.

    Both are ``None`` if neither is given.
    """
    if arguments.user is not None:
        return user_of(conn, arguments.user).id, None
    if arguments.project is not None:
        return None, project_of(conn, arguments.project).id
    return None, None
