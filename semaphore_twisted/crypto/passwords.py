"""Hashes of user passwords: argon2id; bcrypt for imported users until they log in.

Each function here is slow by design (20 ms and 19 MiB) and belongs in a worker thread.
"""

from contextlib import suppress

import bcrypt
import nacl.exceptions
import nacl.pwhash

#: OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
_MEMORY = 19 * 1024 * 1024
_PASSES = 2

_CURRENT = f"$argon2id$v=19$m={_MEMORY // 1024},t={_PASSES},p=1$"
_BCRYPT = ("$2a$", "$2b$", "$2y$")

#: Maximum number of bytes that bcrypt evaluates; it ignores the rest of a password.
_BCRYPT_LONGEST = 72

#: The hash of a discarded random password, with the current parameters.
_NOBODY = (
    _CURRENT + "l0SwZUg3noSnuppvSPl3cA$9MxFpFEqt705Hc9s3EmYU0NsAUsAPXLOh6ET5EO93jk"
)


def hash_password(password: str) -> str:
    """Return the hash to store for *password*; libsodium generates the salt."""
    return nacl.pwhash.argon2id.str(
        _bytes(password), opslimit=_PASSES, memlimit=_MEMORY
    ).decode("ascii")


def verify(password: str, stored: str) -> bool:
    """Return whether *stored* is a hash of *password*.

    A text that is no known kind of hash, such as the empty text of an external user,
    matches no password; the same work is done.
    """
    if stored.startswith(_BCRYPT):
        return _verify_bcrypt(_bytes(password), stored)
    if not stored.startswith("$argon2id$"):
        return verify_nobody(password)
    try:
        return nacl.pwhash.argon2id.verify(stored.encode("utf-8"), _bytes(password))
    except (nacl.exceptions.CryptoError, ValueError):
        return False


def verify_nobody(password: str) -> bool:
    """Do the work of :func:`verify` for an unknown account and return ``False``.

    The response time then does not disclose which accounts exist.
    """
    with suppress(nacl.exceptions.CryptoError):
        nacl.pwhash.argon2id.verify(_NOBODY.encode("ascii"), _bytes(password))
    return False


def needs_rehash(stored: str) -> bool:
    """Return whether *stored* was made with other parameters than the current ones."""
    return not stored.startswith(_CURRENT)


def _verify_bcrypt(password: bytes, stored: str) -> bool:
    if len(password) > _BCRYPT_LONGEST:
        return False
    try:
        return bcrypt.checkpw(password, stored.encode("utf-8"))
    except ValueError:
        return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
