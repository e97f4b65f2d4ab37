"""Operations on accounts.

Login names and e-mail addresses are stored as typed and compared case-folded
(``model.accounts``): no two differ only by case or Unicode composition, and no name
equals the address of another account.

There is always an administrator who can log in. The actor ``None`` is the command line
on the server, which has every right.
"""

import msgspec
from typing_extensions import override

from semaphore_twisted.model import accounts, limits, texts
from semaphore_twisted.model.errors import Invalid, NotFound, NotPermitted
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.texts import Name, Password
from semaphore_twisted.model.users import AccountAccess, Actor, SessionLimits, User
from semaphore_twisted.operations import events
from semaphore_twisted.operations.accounts import sessions, tokens
from semaphore_twisted.operations.vpn import network, peer_states
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import users as statements

_EXTERNAL = "An external user has no password here"


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates an account.

    An *external* account has no password here. Without a password, login is not
    possible until one is set.
    """

    name: Name = ""
    username: Name = ""
    email: Name = ""
    password: Password = ""
    admin: bool = False
    alert: bool = False
    external: bool = False

    @override
    def __repr__(self) -> str:
        """Show only the login name."""
        return f"NewUser(username={self.username!r})"


class ChangedUser(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that changes an account; ``None`` changes nothing.

    An empty password changes nothing either, since clients send back what they read.
    *external* must equal the account's value.
    """

    name: Name = ""
    username: Name = ""
    email: Name = ""
    admin: bool | None = None
    alert: bool | None = None
    external: bool | None = None
    password: Password | None = None
    current_password: Password | None = None
    revoke_tokens: bool = False

    @override
    def __repr__(self) -> str:
        """Show only the login name."""
        return f"ChangedUser(username={self.username!r})"


class PasswordCheck(msgspec.Struct, frozen=True, kw_only=True):
    """An account whose password is to be verified, and the hash to verify against."""

    id: UserId
    password: str

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


def check_password(password: str, least: int = limits.PASSWORD_LEAST) -> None:
    """Accept a new password of at least *least* characters.

    :raises Invalid: if it is empty, too short or too long.
    """
    if not password:
        raise Invalid("The password may not be empty", field="password")
    if len(password) < least:
        raise Invalid(
            f"The password is too short; at least {least} characters are accepted "
            "(option: password_min_length)",
            field="password",
        )
    if len(password) > limits.PASSWORD:
        raise Invalid(
            f"The password is longer than {limits.PASSWORD} characters",
            field="password",
        )


def credentials_of(conn: Connection, login: str) -> PasswordCheck | None:
    """Return the account with a name or address, if it may log in with a password."""
    user = find(conn, login)
    if user is None:
        return None
    return conn.one(statements.credentials, PasswordCheck, user_id=user.id)


def find(conn: Connection, login: str) -> User | None:
    """Return the user with a name or address, enabled or not."""
    return conn.one(
        statements.by_login, User, login=login.strip(), folded=accounts.fold(login)
    )


def list_users(conn: Connection, actor: Actor | None) -> list[User]:  # noqa: ARG001
    """Return all accounts, by login name."""
    return conn.all(statements.every, User)


def disabled(conn: Connection, actor: Actor) -> list[UserId]:
    """Return the ids of the accounts that are disabled."""
    _check_admin(actor)
    return [UserId(each) for each in conn.column(statements.disabled)]


def get(conn: Connection, actor: Actor | None, user_id: int) -> User:  # noqa: ARG001
    """Return an account.

    :raises NotFound: if there is none.
    """
    user = conn.one(statements.by_id, User, user_id=user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id}")
    return user


def is_active(conn: Connection, actor: Actor | None, user_id: int) -> bool:  # noqa: ARG001
    """Return whether an account is enabled."""
    return bool(conn.scalar(statements.active, user_id=user_id))


def access(
    conn: Connection, actor: Actor, user_id: int, limits: SessionLimits
) -> AccountAccess:
    """Count what an account can be used by: sessions within *limits*, tokens, devices.

    :raises NotFound: if there is no such account.
    """
    _check_admin(actor)
    found = conn.one(
        statements.access,
        AccountAccess,
        user_id=user_id,
        now=conn.now,
        cutoff=conn.now - limits.idle,
        oldest=conn.now - limits.lifetime,
    )
    if found is None:
        raise NotFound(f"There is no user {user_id}")
    return found


def create(
    conn: Connection, actor: Actor | None, new: NewUser, *, password_hash: str
) -> User:
    """Create an account; with an empty *password_hash* no password is accepted.

    :raises Invalid: if a name or an address is missing, not valid or in use.
    """
    _check_admin(actor)
    texts.check(new)
    if new.external and (new.password or password_hash):
        raise Invalid(_EXTERNAL)
    values = {
        **_names(conn, new),
        "created": conn.now.replace(microsecond=0),
        "admin": new.admin,
        "alert": new.alert,
        "external": new.external,
    }
    user_id = conn.insert(schema.user, **values, password=password_hash)
    user = get(conn, actor, user_id)
    events.USER.record(conn, actor, user.id, user.username, "created")
    return user


def change(
    conn: Connection,
    actor: Actor | None,
    user_id: int,
    changed: ChangedUser,
    *,
    password_hash: str | None = None,
) -> None:
    """Change an account: the actor's own, or any one as an administrator.

    With a *password_hash* the password changes too, as in :func:`set_password`.
    Changing the administrator flag ends the account's sessions.

    :raises NotPermitted: if the actor changes the own administrator flag, or is no
        administrator.
    :raises Invalid: if a value is not accepted; nothing was changed then.
    """
    before = subject(conn, actor, user_id)
    texts.check(changed, before)
    if changed.external not in {None, before.external}:
        raise Invalid("external: this cannot be changed; make another account")
    if changed.revoke_tokens and password_hash is None:
        raise Invalid("revoke_tokens: allowed only together with a new password")
    values = _names(conn, changed, before)
    if before.external and "username" in values:
        raise Invalid(
            "The login of an external user cannot be changed", field="username"
        )
    admin = before.admin if changed.admin is None else changed.admin
    alert = before.alert if changed.alert is None else changed.alert
    if admin != before.admin:
        _check_admin(actor)
        if actor is not None and actor.user.id == before.id:
            raise NotPermitted("You cannot change your own administrator right")
        if not admin:
            _check_other_admin(conn, before.id)
        sessions.end_all_of_user(conn, before.id)
    conn.update(schema.user, before.id, **values, admin=admin, alert=alert)
    after = get(conn, actor, before.id)
    events.USER.record(conn, actor, after.id, after.username, "changed")
    if password_hash is not None:
        set_password(
            conn,
            actor,
            before.id,
            password_hash=password_hash,
            revoke_tokens=changed.revoke_tokens,
        )


def delete(conn: Connection, actor: Actor | None, user_id: int) -> None:
    """Delete an account, with its sessions, tokens and memberships; revoke its devices.

    :raises Invalid: if no other administrator would be left.
    """
    user = subject(conn, actor, user_id)
    if user.admin:
        _check_other_admin(conn, user.id)
    peer_states.end_all_of_user(conn, actor, user.id)
    conn.delete(schema.user, user.id)
    network.bump(conn)
    gone = actor is not None and actor.user.id == user.id
    events.USER.record(conn, None if gone else actor, user.id, user.username, "deleted")


def set_active(
    conn: Connection, actor: Actor | None, user_id: int, *, active: bool
) -> None:
    """Enable or disable an account; disabling deletes its sessions and tokens.

    :raises Invalid: if it is the actor's own, or no other administrator would be left.
    """
    _check_admin(actor)
    user = get(conn, actor, user_id)
    if not active:
        if actor is not None and actor.user.id == user.id:
            raise Invalid("You cannot disable your own account")
        if user.admin:
            _check_other_admin(conn, user.id)
        sessions.end_all_of_user(conn, user.id)
        tokens.delete_all_of_user(conn, user.id)
    conn.update(schema.user, user.id, active=active)
    network.bump(conn)
    events.USER.record(
        conn, actor, user.id, user.username, "enabled" if active else "disabled"
    )


def own_password_hash(conn: Connection, actor: Actor) -> str:
    """Return the hash for verifying the actor's current password."""
    return str(conn.scalar(statements.password, user_id=actor.user.id) or "")


def set_password(
    conn: Connection,
    actor: Actor | None,
    user_id: int,
    *,
    password_hash: str,
    revoke_tokens: bool = False,
) -> None:
    """Set a password; end all sessions of the account except the actor's.

    Tokens stay valid, for the programs that use them, unless *revoke_tokens* is set.

    :raises Invalid: if the user is external.
    """
    user = subject(conn, actor, user_id)
    if user.external:
        raise Invalid(_EXTERNAL)
    conn.update(schema.user, user.id, password=password_hash)
    sessions.end_all_of_user(
        conn, user.id, but=None if actor is None else actor.session_id
    )
    if revoke_tokens:
        tokens.delete_all_of_user(conn, user.id)
    events.USER.record(conn, actor, user.id, user.username, "password changed")


def _check_admin(actor: Actor | None) -> None:
    if actor is not None and not actor.user.admin:
        raise NotPermitted


def subject(conn: Connection, actor: Actor | None, user_id: int) -> User:
    """Return the account to change: the actor's own, or any for an administrator."""
    if actor is not None and actor.user.id != user_id:
        _check_admin(actor)
    return get(conn, actor, user_id)


def _check_other_admin(conn: Connection, user_id: UserId) -> None:
    if not conn.scalar(statements.other_admins, user_id=user_id):
        raise Invalid("This is the last administrator who can log in")


def _names(
    conn: Connection, new: NewUser | ChangedUser, present: User | None = None
) -> dict[str, str]:
    """Return the name columns of *new*; *present* is the account before the change."""
    name = new.name.strip()
    if not name:
        raise Invalid("The user's name may not be empty", field="name")
    if not name.isprintable() and (present is None or name != present.name):
        raise Invalid("The user's name has control characters", field="name")
    values = {"name": name}
    for field, check in (
        ("username", accounts.check_login),
        ("email", accounts.check_email),
    ):
        text = str(getattr(new, field)).strip()
        if not text:
            raise Invalid(f"The user's {field} may not be empty", field=field)
        if present is not None and text == getattr(present, field):
            continue  # values accepted by an older version are kept
        check(text)
        folded = accounts.fold(text)
        if _taken(conn, present, text, folded):
            raise Invalid(
                f"{field}: the login name or e-mail address belongs to another user"
            )
        values |= {field: text, f"{field}_folded": folded}
    return values


def _taken(conn: Connection, present: User | None, text: str, folded: str) -> bool:
    number = 0 if present is None else present.id
    found = conn.scalar(statements.taken, user_id=number, login=text, folded=folded)
    return found is not None
