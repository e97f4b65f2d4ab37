"""Exports the local CA from one database and imports it into another.

Links of invites and devices refer to its root, so they remain valid on a new host only
if the CA moves with it.
"""

from collections.abc import Mapping

from cryptography import x509

from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model.errors import SecretUnreadable
from semaphore_twisted.operations.vault import sealed_values
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.certificates import authority
from semaphore_twisted.start.certificates.authority import (
    CROSSED,
    FORMER,
    INTERMEDIATE,
    NEXT,
    ROOT,
)

#: Values with a private key, and without.
_ISSUED, _CERTIFICATES = (ROOT, INTERMEDIATE, NEXT), (CROSSED, FORMER)


class Unusable(Exception):
    """The saved values are not a usable CA."""


def saved(conn: Connection, keyring: Keyring) -> tuple[dict[str, bytes], str]:
    """Return the CA's values by name, and the reason if they are left out."""
    found = {}
    try:
        for name in (*_ISSUED, *_CERTIFICATES):
            secret = sealed_values.opened(conn, keyring, name)
            if secret is not None:
                found[name] = secret.reveal()
    except SecretUnreadable as error:
        return {}, f"the local certificate authority (CA) was left out: {error.message}"
    return found, ""


def restore(conn: Connection, keyring: Keyring, values: Mapping[str, bytes]) -> str:
    """Replace the CA of this database by *values*.

    Returns the SHA-256 of its root, empty if it is the same CA. The server writes the
    certificate files at its next start.

    :raises Unusable: with the reason; nothing is changed
    """
    root = _checked(conn, values)
    present, _ = saved(conn, keyring)
    if present == dict(values):
        return ""
    for name in (*_ISSUED, *_CERTIFICATES):
        sealed_values.remove(conn, name)
        if name in values:
            sealed_values.keep(conn, keyring, name, values[name])
    return certificates.fingerprint(root)


def _checked(conn: Connection, values: Mapping[str, bytes]) -> x509.Certificate:
    """Return the root, after all values were parsed."""
    try:
        issued = {
            name: authority.stored(values[name]) for name in _ISSUED if name in values
        }
        for name in _CERTIFICATES:
            if name in values:
                x509.load_pem_x509_certificate(values[name])
    except ValueError as error:
        raise Unusable(f"the local CA cannot be read ({error})") from None
    if ROOT not in issued:
        raise Unusable("the local CA has no root")
    root = issued[ROOT].certificate
    if conn.now >= root.not_valid_after_utc:
        end = root.not_valid_after_utc
        raise Unusable(f"the root of the local CA expired at {end:%Y-%m-%d}")
    return root
