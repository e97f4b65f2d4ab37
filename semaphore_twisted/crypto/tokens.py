"""Random tokens: generation, digest for the database, and comparison.

The database contains only digests. A plain SHA-256 suffices, since tokens are random
and long. Passwords need a slow hash (:mod:`semaphore_twisted.crypto.passwords`).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable

#: Length of an API token in characters, as Semaphore's clients expect it.
API_TOKEN_LENGTH = 44

#: Prefix of an enrollment token (VPN invite), so that secret scanners recognise it.
ENROLLMENT_TOKEN_START = "smp-enroll-"  # noqa: S105 - not secret

#: Length of an enrollment token in characters: the prefix and 256 bits.
ENROLLMENT_TOKEN_LENGTH = len(ENROLLMENT_TOKEN_START) + 43

_BYTES = 32


def new_api_token(entropy: Callable[[int], bytes]) -> str:
    """Return a new API token: 44 lower-case characters, as in Semaphore.

    Lower case costs less than one bit per character; more than 200 bits remain.
    """
    return base64.urlsafe_b64encode(entropy(_BYTES)).decode("ascii").lower()


def new_session_id(entropy: Callable[[int], bytes]) -> str:
    """Return a new session id: 43 characters that need no escaping in a cookie."""
    return base64.urlsafe_b64encode(entropy(_BYTES)).rstrip(b"=").decode("ascii")


def digest(token: str) -> str:
    """Return the digest of *token* that is stored: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(token: str, stored: str) -> bool:
    """Return whether *stored* is the digest of *token*, in constant time."""
    return hmac.compare_digest(digest(token), stored)


def new_enrollment_token(entropy: Callable[[int], bytes]) -> str:
    """Return a new enrollment token for a VPN invite."""
    return ENROLLMENT_TOKEN_START + new_session_id(entropy)
