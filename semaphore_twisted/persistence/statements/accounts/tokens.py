"""Statements about API tokens; only digests and eight characters are stored."""

from sqlalchemy import bindparam, delete, select

from semaphore_twisted.persistence.schema import user_token

of_user = (
    select(
        user_token.c.prefix.label("id"),
        user_token.c.created,
        user_token.c.name,
        user_token.c.expires,
        (user_token.c.expires <= bindparam("now")).label("expired"),
        user_token.c.user_id,
    )
    .where(user_token.c.user_id == bindparam("user_id"))
    .order_by(user_token.c.created, user_token.c.prefix)
)

own_by_digest = select(user_token.c.digest).where(
    user_token.c.user_id == bindparam("user_id"),
    user_token.c.digest == bindparam("digest"),
)

own_by_prefix = select(user_token.c.digest).where(
    user_token.c.user_id == bindparam("user_id"),
    user_token.c.prefix == bindparam("prefix"),
)

delete_of_user = delete(user_token).where(user_token.c.user_id == bindparam("of_user"))

delete_expired = delete(user_token).where(user_token.c.expires <= bindparam("cutoff"))
