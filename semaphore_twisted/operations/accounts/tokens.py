"""API tokens of the actor; a token's full text is shown once and never stored."""

from datetime import datetime, timedelta

import msgspec

from semaphore_twisted.crypto.tokens import API_TOKEN_LENGTH, digest, new_api_token
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.users import Actor, ApiToken
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import tokens as statements

#: Number of characters of a token that are stored.
PREFIX = 8

#: Expired tokens remain listed for this time, and are then deleted.
_REMEMBERED = timedelta(days=7)


class _TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: datetime
    name: str
    expires: datetime | None
    expired: bool | None
    user_id: UserId


def create(
    conn: Connection, actor: Actor, *, name: str = "", lifetime: timedelta | None = None
) -> ApiToken:
    """Create a token; it expires after *lifetime*, if one is given."""
    if lifetime is not None and lifetime <= timedelta():
        raise Invalid("A token's lifetime must be positive")
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
    )
    return ApiToken(
        id=token,
        created=created,
        expired=False,
        user_id=actor.user.id,
        name=name or msgspec.UNSET,
        expires=expires or msgspec.UNSET,
    )


def list_tokens(conn: Connection, actor: Actor) -> list[ApiToken]:
    """Return the actor's tokens; the id of each is the beginning of its text."""
    return [token for token, _ in with_ends(conn, actor)]


def with_ends(conn: Connection, actor: Actor) -> list[tuple[ApiToken, datetime | None]]:
    """Return the actor's tokens, each with its expiry time or ``None``."""
    rows = conn.all(statements.of_user, _TokenRow, user_id=actor.user.id, now=conn.now)
    return [
        (
            ApiToken(
                id=row.id,
                created=row.created,
                expired=bool(row.expired),
                user_id=row.user_id,
                name=row.name or msgspec.UNSET,
                expires=row.expires or msgspec.UNSET,
            ),
            row.expires,
        )
        for row in rows
    ]


def delete(conn: Connection, actor: Actor, token_id: str) -> None:
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
        digests = conn.column(
            statements.own_by_digest, user_id=actor.user.id, digest=digest(wanted)
        )
    else:
        digests = conn.column(
            statements.own_by_prefix, user_id=actor.user.id, prefix=wanted[:PREFIX]
        )
    if not digests:
        raise NotFound
    if len(digests) > 1:
        raise Conflict("Several tokens begin like this; give the whole one")
    conn.delete(schema.user_token, digests[0])


def delete_all_of_user(conn: Connection, user_id: UserId) -> int:
    """Delete all tokens of a user; return their number."""
    return conn.run(statements.delete_of_user, of_user=user_id)
