"""The stored state of the ACME client, one record per CA.

The account's key is encrypted; the rest is not confidential.
"""

import msgspec

from semaphore_twisted.crypto.jws import AccountKey
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.operations.vault import sealed_values
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vault import vault as statements

_RECORD = "acme:"
_ASKED = "acme_asked:"
_KEY = "acme account "


def record(conn: Connection, directory: str) -> AcmeRecord:
    """Return the record of the CA at *directory*.

    An unreadable record counts as an empty one: the CA finds the account by its key.
    """
    text = conn.scalar(statements.FACT, name=_RECORD + directory)
    try:
        return msgspec.json.decode(text or b"{}", type=AcmeRecord)
    except msgspec.MsgspecError:
        return AcmeRecord()


def keep(conn: Connection, directory: str, known: AcmeRecord) -> None:
    """Store *known* as the record of the CA at *directory*."""
    _remember(conn, _RECORD + directory, msgspec.json.encode(known).decode())


def account_key(conn: Connection, keyring: Keyring, directory: str) -> AccountKey:
    """Return the account's key; generate it at the first call.

    :raises SecretUnreadable: if it cannot be decrypted.
    """
    name = _KEY + directory
    found = sealed_values.opened(conn, keyring, name)
    if found is not None:
        return AccountKey.load(found.reveal())
    made = AccountKey.make()
    sealed_values.keep(conn, keyring, name, made.pem)
    return made


def ask(conn: Connection, directory: str) -> None:
    """Request a new certificate from the running server."""
    _remember(conn, _ASKED + directory, "1")


def asked(conn: Connection, directory: str) -> bool:
    """Return whether a new certificate was requested."""
    return conn.scalar(statements.FACT, name=_ASKED + directory) is not None


def taken(conn: Connection, directory: str) -> None:
    """Delete the request for a new certificate."""
    conn.run(statements.FORGET_FACT, name=_ASKED + directory)


def _remember(conn: Connection, name: str, value: str) -> None:
    conn.run(statements.FORGET_FACT, name=name)
    conn.insert(schema.option, key=name, value=value)
