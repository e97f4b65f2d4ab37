"""Statements about the options of users."""

from sqlalchemy import bindparam, delete, select

from semaphore_twisted.persistence.account_tables import user_option

of_user = (
    select(user_option.c.key, user_option.c.value)
    .where(user_option.c.user_id == bindparam("user_id"))
    .order_by(user_option.c.key)
)

forget = delete(user_option).where(
    user_option.c.user_id == bindparam("of_user"),
    user_option.c.key == bindparam("name"),
)
