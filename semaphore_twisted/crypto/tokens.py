"""Random tokens: made, digested for the store, compared.

The store holds digests only. A plain SHA-256 suffices, since the tokens are random
and long; passwords are another matter (:mod:`semaphore_twisted.crypto.passwords`).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable

#: Characters of an API token, as Semaphore's clients expect.
API_TOKEN_LENGTH = 44

#: What the token of an invite to the VPN begins with, so that scanners can tell it.
ENROLLMENT_TOKEN_START = "smp-enroll-"  # noqa: S105 - not secret

#: Characters of such a token: 256 bits follow the beginning.
ENROLLMENT_TOKEN_LENGTH = len(ENROLLMENT_TOKEN_START) + 43

_BYTES = 32


def new_api_token(entropy: Callable[[int], bytes]) -> str:
    """Return a new API token: 44 characters, lower case as Semaphore's are.

    Lower case costs less than a bit per character; more than 200 bits are left.
    """
    return base64.urlsafe_b64encode(entropy(_BYTES)).decode("ascii").lower()


def new_session_id(entropy: Callable[[int], bytes]) -> str:
    """Return a new session id: 43 characters that a cookie takes as they are."""
    return base64.urlsafe_b64encode(entropy(_BYTES)).rstrip(b"=").decode("ascii")


def digest(token: str) -> str:
    """Return what is stored of *token*: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(token: str, stored: str) -> bool:
    """Tell whether *stored* is the digest of *token*, in constant time."""
    return hmac.compare_digest(digest(token), stored)


def new_enrollment_token(entropy: Callable[[int], bytes]) -> str:
    """Return a new token of an invite to the VPN."""
    return ENROLLMENT_TOKEN_START + new_session_id(entropy)
