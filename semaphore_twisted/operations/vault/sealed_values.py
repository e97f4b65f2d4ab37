"""Encrypted values of the installation itself, such as the local CA's key.

Rows of other tables are opened here too (:func:`opened_row`), so that few modules open
secrets.
"""

from semaphore_twisted.crypto.keyring import Keyring, SealContext
from semaphore_twisted.crypto.secret import Secret
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import sealed_value
from semaphore_twisted.persistence.statements.vault import sealed_values as statements

#: The purpose in the encryption context of these values.
PURPOSE = "installation"


def context(uuid: str) -> SealContext:
    """Return the encryption context of the value whose row has *uuid*."""
    return SealContext(PURPOSE, "sealed_value", "secret", uuid, "")


def keep(conn: Connection, keyring: Keyring, name: str, content: bytes) -> None:
    """Encrypt and store *content* as the value *name*; replace an earlier one."""
    conn.delete(sealed_value, name)
    uuid = conn.uuid()
    conn.insert(
        sealed_value,
        name=name,
        uuid=uuid,
        secret=keyring.seal(content, context(uuid)),
    )


def remove(conn: Connection, name: str) -> None:
    """Delete the value *name*, if it exists."""
    conn.delete(sealed_value, name)


def opened(conn: Connection, keyring: Keyring, name: str) -> Secret | None:
    """Decrypt the value *name*; ``None`` if it does not exist.

    :raises SecretUnreadable: if it cannot be decrypted.
    """
    stored = conn.one(statements.BY_NAME, statements.SealedValue, name=name)
    if stored is None:
        return None
    return opened_row(keyring, stored.secret, context(stored.uuid))


def opened_row(keyring: Keyring, sealed: str, place: SealContext) -> Secret:
    """Decrypt the envelope *sealed* of the row at *place*.

    :raises SecretUnreadable: if it cannot be decrypted.
    """
    return keyring.unseal(sealed, place)
