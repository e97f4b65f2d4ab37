"""API tokens of the actor; a token's full text is shown once and never stored.

A token has a scope: all that its owner may do, or less. A token cannot be used to make
one with a wider scope.
"""

from datetime import datetime, timedelta

import msgspec

from semaphore_twisted.crypto.tokens import API_TOKEN_LENGTH, digest, new_api_token
from semaphore_twisted.model import texts
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, OutOfScope
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor, ApiToken, TokenScope
from semaphore_twisted.operations import events
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import tokens as statements

#: Number of characters of a token that are stored.
PREFIX = 8

#: Expired tokens remain listed for this time, and are then deleted.
_REMEMBERED = timedelta(days=7)


#: The whole scope: what the owner may do.
EVERYTHING = TokenScope()


class _TokenTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a new token, with its limit."""

    name: Name


class _TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: datetime
    name: str
    expires: datetime | None
    expired: bool | None
    user_id: UserId
    read_only: bool
    project_id: ProjectId | None

    @property
    def scope(self) -> TokenScope:
        return TokenScope(read_only=self.read_only, project_id=self.project_id)


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    name: str
    prefix: str


def create(
    conn: Connection,
    actor: Actor,
    *,
    name: str = "",
    lifetime: timedelta | None = None,
    scope: TokenScope = EVERYTHING,
    on_server: bool = False,
) -> ApiToken:
    """Create a token; it expires after *lifetime*, if one is given.

    *on_server* means that the command line acts for the actor, as in :func:`delete`.

    :raises Invalid: if *name* is no line of text or too long, or the project of *scope*
        is not one that the actor can see.
    :raises OutOfScope: if *scope* is wider than that of the actor's own token.
    """
    texts.check(_TokenTexts(name=name))
    if lifetime is not None and lifetime <= timedelta():
        raise Invalid("A token's lifetime must be positive")
    if not actor.scope.includes(scope):
        raise OutOfScope("An API token cannot make a token with a wider scope")
    _check_project(conn, actor, scope)
    conn.run(statements.delete_expired, cutoff=conn.now - _REMEMBERED)
    token = new_api_token(conn.entropy)
    created = conn.now.replace(microsecond=0)
    expires = None if lifetime is None else conn.now + lifetime
    conn.insert(
        schema.user_token,
        digest=digest(token),
        prefix=token[:PREFIX],
        user_id=actor.user.id,
        name=name,
        created=created,
        expires=expires,
        read_only=scope.read_only,
        project_id=scope.project_id,
    )
    what = f"created ({described(scope)})"
    _record(conn, actor, _named(name, token), what, on_server=on_server)
    return _shown(
        _TokenRow(
            id=token,
            created=created,
            name=name,
            expires=expires,
            expired=False,
            user_id=actor.user.id,
            read_only=scope.read_only,
            project_id=scope.project_id,
        )
    )


def described(scope: TokenScope) -> str:
    """Return *scope* in words, such as ``read-only, project 3 only``."""
    parts = ["read-only"] if scope.read_only else []
    if scope.project_id is not None:
        parts.append(f"project {scope.project_id} only")
    return ", ".join(parts) or "all rights of the account"


def _check_project(conn: Connection, actor: Actor, scope: TokenScope) -> None:
    """Check that the actor can see the project of *scope*, if it has one.

    :raises Invalid: if there is no such project, or the actor is not a member
    """
    if scope.project_id is None:
        return
    seen = conn.scalar(
        statements.seen_project, user_id=actor.user.id, project_id=scope.project_id
    )
    if seen is None:
        raise Invalid(
            f"project_id: there is no project {scope.project_id} that you can see",
            field="project_id",
        )


def _record(
    conn: Connection, actor: Actor, named: str, what: str, *, on_server: bool
) -> None:
    """Record an event about a token of *actor*; without a user from the server."""
    by = None if on_server else actor
    events.TOKEN.record(conn, by, actor.user.id, named, what)


def _named(name: str, token: str) -> str:
    """Return what events call a token: the beginning of its text, and its name."""
    start = f"{token[:PREFIX]}…"
    return f"{start} ({name})" if name else start


def _shown(row: _TokenRow) -> ApiToken:
    scope = row.scope
    return ApiToken(
        id=row.id,
        created=row.created,
        expired=bool(row.expired),
        user_id=row.user_id,
        name=row.name or msgspec.UNSET,
        expires=row.expires or msgspec.UNSET,
        read_only=scope.read_only or msgspec.UNSET,
        project_id=scope.project_id or msgspec.UNSET,
    )


def list_tokens(conn: Connection, actor: Actor) -> list[ApiToken]:
    """Return the actor's tokens; the id of each is the beginning of its text."""
    rows = conn.all(statements.of_user, _TokenRow, user_id=actor.user.id, now=conn.now)
    return [_shown(row) for row in rows]


def delete(
    conn: Connection, actor: Actor, token_id: str, *, on_server: bool = False
) -> None:
    """Delete one of the actor's tokens, by its text or at least eight characters of it.

    Only the first eight characters are stored; further ones of a shortened text are not
    compared.

    :raises NotFound: if no token matches.
    :raises Conflict: if several match.
    """
    wanted = token_id.lower()
    if len(wanted) < PREFIX:
        raise Invalid(f"Give the first {PREFIX} characters of the token, or more")
    if len(wanted) >= API_TOKEN_LENGTH:
        rows = conn.all(
            statements.own_by_digest,
            _Found,
            user_id=actor.user.id,
            digest=digest(wanted),
        )
    else:
        rows = conn.all(
            statements.own_by_prefix,
            _Found,
            user_id=actor.user.id,
            prefix=wanted[:PREFIX],
        )
    if not rows:
        raise NotFound
    if len(rows) > 1:
        raise Conflict("Several tokens begin like this; give the whole one")
    (row,) = rows
    conn.delete(schema.user_token, row.digest)
    named = _named(row.name, row.prefix)
    _record(conn, actor, named, "deleted", on_server=on_server)


def delete_all_of_user(conn: Connection, user_id: UserId) -> int:
    """Delete all tokens of a user; return their number."""
    return conn.run(statements.delete_of_user, of_user=user_id)
