"""Values of the installation itself that are sealed, such as the authority's key."""

from semaphore_twisted.crypto.keyring import Context, Keyring
from semaphore_twisted.crypto.secret import Secret
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import sealed_value
from semaphore_twisted.persistence.statements import sealed_values as statements

#: What the values are sealed for.
PURPOSE = "installation"


def context(uuid: str) -> Context:
    """Return the place of the value whose row has *uuid*."""
    return Context(PURPOSE, "sealed_value", "secret", uuid, "")


def keep(conn: Connection, keyring: Keyring, name: str, content: bytes) -> None:
    """Seal *content* as the value *name*, in place of an earlier one."""
    conn.delete(sealed_value, name)
    uuid = conn.uuid()
    conn.insert(
        sealed_value,
        name=name,
        uuid=uuid,
        secret=keyring.seal(content, context(uuid)),
    )


def remove(conn: Connection, name: str) -> None:
    """Remove the value *name*, if there is one."""
    conn.delete(sealed_value, name)


def opened(conn: Connection, keyring: Keyring, name: str) -> Secret | None:
    """Open the value *name*; ``None`` where there is none.

    :raises SecretUnreadable: if it does not open.
    """
    found = conn.one(statements.BY_NAME, statements.SealedValue, name=name)
    if found is None:
        return None
    return keyring.unseal(found.secret, context(found.uuid))
