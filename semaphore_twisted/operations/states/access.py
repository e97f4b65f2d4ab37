"""The right to read and write a state by an alias of the state backend."""

import msgspec

from semaphore_twisted.crypto import signatures, tokens
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import NotAuthenticated, SecretUnreadable
from semaphore_twisted.model.keys import KeyRow, LoginPassword
from semaphore_twisted.model.state_files import StateAccess
from semaphore_twisted.operations.tasks.secrets import open_secret
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.projects import states as statements

#: Compared with if there is no such alias, so that the same work is done.
_NOBODY = LoginPassword(login="-", password="-")  # noqa: S106 - matches nothing


class UnknownAlias(NotAuthenticated):
    """There is no such alias; the client is told no more than of a wrong password."""


class _AliasLogin(msgspec.Struct, frozen=True, kw_only=True):
    access: StateAccess | None
    key: KeyRow | None


def authenticated(
    conn: Connection, keyring: Keyring, alias: str, login: str, password: str
) -> StateAccess:
    """Return what *alias* leads to, if login and password are those of the alias.

    An alias that does not exist, and one whose key cannot be opened, are refused as a
    wrong password is.

    :raises UnknownAlias: if there is no such alias
    :raises NotAuthenticated: if login or password is wrong
    """
    found = _found(conn, alias)
    access = found.access
    if access is not None and access.digest is not None:
        right = tokens.matches(password, access.digest)
        right = signatures.same_text(login, alias) and right
    else:
        secret = _secret(keyring, found.key)
        right = signatures.same_text(password, (secret or _NOBODY).password)
        name = (secret or _NOBODY).login
        right = (signatures.same_text(login, name) or not name) and right
        right = right and secret is not None
    if access is None:
        raise UnknownAlias
    if not right:
        raise NotAuthenticated
    return access


def again(conn: Connection, alias: str, before: StateAccess) -> None:
    """Check in the transaction that uses it that the alias *before* is unchanged.

    :raises NotAuthenticated: if it was deleted, or has another password now
    """
    if _found(conn, alias).access != before:
        raise NotAuthenticated


def _found(conn: Connection, alias: str) -> _AliasLogin:
    access = conn.one(statements.access, StateAccess, alias=alias)
    key = None
    if access is not None and access.key_id is not None:
        key = conn.one(
            statements.key, KeyRow, id=access.key_id, project_id=access.project_id
        )
    return _AliasLogin(access=access, key=key)


def _secret(keyring: Keyring, key: KeyRow | None) -> LoginPassword | None:
    if key is None:
        return None
    try:
        secret = open_secret(keyring, key)
    except SecretUnreadable:
        return None
    return secret if isinstance(secret, LoginPassword) else None
