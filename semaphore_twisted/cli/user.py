"""``semaphore user``: accounts and their tokens, also while a server runs.

Read access to the installation's files suffices for every command here, so events have
no user. A running server is notified of each change: websockets and tunnels of a
disabled account end at once.
"""

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from msgspec.structs import replace

from semaphore_twisted.cli import secret_argument, table
from semaphore_twisted.cli.confirmation import confirm
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.numbers import identifier
from semaphore_twisted.cli.semaphore_arguments import accept_common, show_help
from semaphore_twisted.cli.subparsers import Subparsers
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.crypto.passwords import hash_password
from semaphore_twisted.model.accounts import fold
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.users import Actor, TokenScope, User
from semaphore_twisted.operations.accounts import tokens, users
from semaphore_twisted.operations.accounts.users import ChangedUser, NewUser
from semaphore_twisted.operations.projects import projects
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.vpn import wake_socket

_Run = Callable[[argparse.Namespace], int]


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``user`` and its commands."""
    parser = commands.add_parser("user", help="accounts and their tokens")
    parser.set_defaults(run=show_help(parser))
    own = parser.add_subparsers(metavar="COMMAND")
    add = _command(own, "add", _add, "make an account")
    _names(add, required=True)
    secret_argument.add(
        add,
        "--password",
        help="the password",
        required=True,
        instead="--external",
        instead_help="an account of another system, which has no password here",
    )
    add.add_argument("--admin", action="store_true", help="make an administrator")
    _command(own, "list", _list, "list the accounts")
    _by_either(_command(own, "get", _get, "show an account"))
    for how in ("login", "email"):
        change = _command(
            own, f"change-by-{how}", _change, f"change the account with this {how}"
        )
        change.set_defaults(by=how)
        _names(change, required=False)
        change.add_argument(
            "--new-login" if how == "login" else "--new-email",
            dest=f"new_{how}",
            help=f"another {how}",
        )
        secret_argument.add(change, "--password", help="another password")
        change.add_argument(
            "--revoke-tokens",
            action="store_true",
            help="with another password: revoke the account's API tokens too",
        )
        change.add_argument(
            "--admin",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="grant or withdraw administrator rights",
        )
    delete = _command(own, "delete", _delete, "delete an account")
    _by_either(delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    _by_either(
        _command(
            own,
            "disable",
            _disable,
            "deactivate an account; its sessions and tokens end",
        )
    )
    _by_either(_command(own, "enable", _enable, "activate an account again"))
    totp = own.add_parser("totp", help="second factors, which are not served yet")
    totp.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    totp.set_defaults(run=_totp)
    token = own.add_parser("token", aliases=["tokens"], help="an account's API tokens")
    token.set_defaults(run=show_help(token))
    of_token = token.add_subparsers(metavar="COMMAND")
    make = _command(of_token, "create", _create_token, "make a token and print it")
    _by_either(make)
    make.add_argument("--name", default="", help="what the token is for")
    make.add_argument(
        "--ttl",
        metavar="TIME",
        help="let it expire after a time, such as 90d, 12h or 1h30m",
    )
    make.add_argument(
        "--read-only", action="store_true", help="let it read, and change nothing"
    )
    make.add_argument(
        "--project",
        metavar="PROJECT",
        help="let it be for one project only, by its name or number",
    )
    _by_either(_command(of_token, "list", _list_tokens, "list the tokens"))


def _command(
    own: Subparsers, name: str, run: _Run, summary: str
) -> argparse.ArgumentParser:
    parser = own.add_parser(name, help=summary, description=summary.capitalize() + ".")
    add_options(parser)
    accept_common(parser)
    parser.set_defaults(run=run)
    return parser


def _names(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--login", required=required, help="the login name")
    parser.add_argument("--name", required=required, help="the person's name")
    parser.add_argument("--email", required=required, help="the e-mail address")


def _by_either(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--login", help="the account's login name")
    group.add_argument("--email", help="the account's e-mail address")


@contextmanager
def _store(
    arguments: argparse.Namespace, *, write: bool = True
) -> Iterator[Connection]:
    """Open the database for one transaction; notify the server after a change."""
    installation = open_installation(arguments)
    conn = installation.connect(read_only=not write)
    try:
        with conn.transaction(write=write):
            yield conn
    finally:
        conn.close()
    if write:
        # revoked websockets and tunnels end now, not at the next check
        wake_socket.send(installation.state.path / wake_socket.NAME)


def _found(conn: Connection, text: str, *, by: str | None = None) -> User:
    """Return the account of a login name or address; *by* restricts the kind."""
    user = users.find(conn, text)
    fits = user is not None and (
        by is None or fold(text) == fold(user.username if by == "login" else user.email)
    )
    if user is None or not fits:
        raise CommandError(f"there is no user {quoted(text)}")
    return user


def _chosen(conn: Connection, arguments: argparse.Namespace) -> User:
    if arguments.login is not None:
        return _found(conn, arguments.login, by="login")
    return _found(conn, arguments.email, by="email")


def _hash(arguments: argparse.Namespace) -> str | None:
    password = secret_argument.read(arguments, "--password")
    if password is None:
        return None
    least = open_installation(arguments).config.password_min_length
    users.check_password(password, least)
    return hash_password(password)


def _add(arguments: argparse.Namespace) -> int:
    digest = _hash(arguments)
    new = NewUser(
        username=arguments.login,
        name=arguments.name,
        email=arguments.email,
        admin=arguments.admin,
        external=arguments.external,
    )
    with _store(arguments) as conn:
        user = users.create(conn, None, new, password_hash=digest or "")
    print(f"User {user.username} <{user.email}> added!")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with _store(arguments, write=False) as conn:
        found = [
            (user, users.is_active(conn, None, user.id))
            for user in users.list_users(conn, None)
        ]
    rows = []
    for user, active in found:
        notes = [
            note
            for note, holds in (
                ("admin", user.admin),
                ("external", user.external),
                ("disabled", not active),
            )
            if holds
        ]
        rows.append((user.username, user.email, user.name, ",".join(notes)))
    table.show(("LOGIN", "EMAIL", "NAME", "NOTES"), rows)
    return 0


def _get(arguments: argparse.Namespace) -> int:
    with _store(arguments, write=False) as conn:
        user = _chosen(conn, arguments)
        active = users.is_active(conn, None, user.id)
    for label, value in (
        ("ID", user.id),
        ("Created", user.created.isoformat()),
        ("Login", user.username),
        ("Name", user.name),
        ("Email", user.email),
        ("Admin", str(user.admin).lower()),
        ("External", str(user.external).lower()),
        ("Active", str(active).lower()),
    ):
        print(f"{label}: {value}")
    return 0


def _change(arguments: argparse.Namespace) -> int:
    by = arguments.by
    text = getattr(arguments, by)
    if text is None:
        raise CommandError(f"--{by} is missing: whose account?")
    digest = _hash(arguments)
    if arguments.revoke_tokens and digest is None:
        raise CommandError("--revoke-tokens: --password is missing, which it goes with")
    with _store(arguments) as conn:
        user = _found(conn, text, by=by)
        changed = ChangedUser(name=user.name, username=user.username, email=user.email)
        if arguments.name is not None:
            changed = replace(changed, name=arguments.name)
        login = arguments.new_login if by == "login" else arguments.login
        if login is not None:
            changed = replace(changed, username=login)
        email = arguments.new_email if by == "email" else arguments.email
        if email is not None:
            changed = replace(changed, email=email)
        changed = replace(changed, admin=arguments.admin)
        users.change(conn, None, user.id, changed)
        if digest is not None:
            users.set_password(
                conn,
                None,
                user.id,
                password_hash=digest,
                revoke_tokens=arguments.revoke_tokens,
            )
        user = users.get(conn, None, user.id)
        left = sum(
            not each.expired for each in tokens.list_tokens(conn, Actor(user=user))
        )
    if digest is not None:
        # The file with the initial password is obsolete.
        open_installation(arguments).state.initial_password.unlink(missing_ok=True)
    print(f"User {user.username} <{user.email}> changed!")
    if digest is not None and left:
        valid = "1 API token stays" if left == 1 else f"{left} API tokens stay"
        print(f"{valid} valid; --revoke-tokens ends them")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    with _store(arguments, write=False) as conn:
        asked = _chosen(conn, arguments)
    kind = "administrator" if asked.admin else "user"
    confirm(
        f"Delete the {kind} {table.plain(asked.username)} <{table.plain(asked.email)}>"
        " with sessions, tokens, memberships and devices?",
        yes=arguments.yes,
    )
    with _store(arguments) as conn:
        user = users.get(conn, None, asked.id)  # the confirmed account is deleted
        users.delete(conn, None, user.id)
    print(f"User {user.username} <{user.email}> deleted!")
    return 0


def _disable(arguments: argparse.Namespace) -> int:
    return _set_active(arguments, active=False)


def _enable(arguments: argparse.Namespace) -> int:
    return _set_active(arguments, active=True)


def _set_active(arguments: argparse.Namespace, *, active: bool) -> int:
    with _store(arguments) as conn:
        user = _chosen(conn, arguments)
        users.set_active(conn, None, user.id, active=active)
    print(f"User {user.username} {'enabled' if active else 'disabled'}")
    return 0


def _totp(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - a command's shape
    raise CommandError("user totp: second factors are not served yet")


def _create_token(arguments: argparse.Namespace) -> int:
    lifetime = None if arguments.ttl is None else duration(arguments.ttl)
    with _store(arguments) as conn:
        user = _chosen(conn, arguments)
        if not users.is_active(conn, None, user.id):
            raise CommandError(f"{user.username} is disabled")
        token = tokens.create(
            conn,
            Actor(user=user),
            name=arguments.name.strip(),
            lifetime=lifetime,
            scope=_scope(conn, user, arguments),
            on_server=True,
        )
    print(token.id)
    return 0


def _scope(conn: Connection, user: User, arguments: argparse.Namespace) -> TokenScope:
    """Return the scope of a new token; a project is one that *user* can see."""
    if arguments.project is None:
        return TokenScope(read_only=arguments.read_only)
    seen = projects.list_projects(conn, Actor(user=user))
    number = identifier(arguments.project)
    found = [each.id for each in seen if each.id == number]
    found = found or [each.id for each in seen if each.name == arguments.project]
    if len(found) != 1:
        names = ", ".join(f"{each.id} ({each.name})" for each in seen) or "none"
        raise CommandError(
            f"--project: invalid value {quoted(arguments.project)}; expected a project"
            f" of {user.username}: {names}"
        )
    return TokenScope(read_only=arguments.read_only, project_id=found[0])


def _list_tokens(arguments: argparse.Namespace) -> int:
    with _store(arguments, write=False) as conn:
        user = _chosen(conn, arguments)
        rows = tokens.list_tokens(conn, Actor(user=user))
    table.show(
        ("TOKEN", "CREATED", "EXPIRES", "NAME", "SCOPE", "NOTES"),
        [
            (
                token.id,
                table.moment(token.created),
                table.moment(token.expires or None, "never"),
                token.name or "",
                tokens.described(token.scope),
                "expired" if token.expired else "",
            )
            for token in rows
        ],
    )
    return 0


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([smhdw])")
_WHOLE = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{1,6})?[smhdw]){1,10}")


def duration(text: str) -> timedelta:
    """Return the duration in *text*: numbers, each with one of s, m, h, d, w.

    :raises CommandError: if it is not a duration, or none
    """
    found = timedelta()
    if _WHOLE.fullmatch(text):
        for number, unit in _PART.findall(text):
            found += timedelta(**{_UNITS[unit]: float(number)})
    if timedelta() < found < timedelta(days=100_000):
        return found
    raise CommandError(
        f"invalid value {quoted(text)}; expected a time such as 90d, 12h or 1h30m"
    )
