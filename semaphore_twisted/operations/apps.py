"""The apps with the settings that hold, as each transaction finds them."""

from semaphore_twisted.model.apps import AppTable, StoredApp, with_settings
from semaphore_twisted.model.users import Actor
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import apps as statements


def stored(conn: Connection) -> dict[str, StoredApp]:
    """Return the stored settings of apps by their ids."""
    return {each.id: each for each in conn.all(statements.every, StoredApp)}


def table(conn: Connection) -> AppTable:
    """Return all apps with the settings that hold."""
    return with_settings(stored(conn).values())


def shown(conn: Connection, actor: Actor) -> AppTable:
    """Return the apps that *actor* sees: an administrator all, a user active ones."""
    found = table(conn)
    if actor.user.admin:
        return found
    return AppTable({each.id: each for each in found.listed() if each.active})
