"""Options that a user sets for the page; the server only keeps them."""

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.texts import Description, Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence.account_tables import user_option
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import options as statements

#: The options of Semaphore's page: the language, and the entries under "More".
KEYS = frozenset({"lang", "nav.unpinnedItems"})


class UserOption(msgspec.Struct, frozen=True, kw_only=True):
    """One option; an empty value stands for none."""

    key: Name
    value: Description = ""


def of_user(conn: Connection, actor: Actor) -> dict[str, str]:
    """Return the actor's options by their keys."""
    rows = conn.all(statements.of_user, UserOption, user_id=actor.user.id)
    return {each.key: each.value for each in rows}


def store(conn: Connection, actor: Actor, option: UserOption) -> UserOption:
    """Store an option of the actor.

    :raises Invalid: if no page of Semaphore's has an option of this key
    """
    if option.key not in KEYS:
        known = ", ".join(sorted(KEYS))
        raise Invalid(
            f"key: invalid value {quoted(option.key)}; expected one of {known}"
        )
    user_id = actor.user.id
    conn.run(statements.forget, of_user=user_id, name=option.key)
    if option.value:
        conn.insert(user_option, user_id=user_id, key=option.key, value=option.value)
    return option
