"""Proofs of a sender: shared secrets and signatures (HMAC), compared in constant time.

Each comparison takes the same time for every wrong value of one length. A missing proof
is compared too, so its time says nothing about the secret.
"""

import hashlib
import hmac


def same_text(sent: str, secret: str) -> bool:
    """Return whether *sent* is the not empty *secret*."""
    # both are hashed first, so that the time does not depend on the length
    sent_digest, own_digest = (
        hashlib.sha256(each.encode("utf-8", "surrogatepass")).digest()
        for each in (sent, secret)
    )
    return hmac.compare_digest(sent_digest, own_digest) and bool(secret)


def signed(
    body: bytes, secret: str, *, sent: str, algorithm: str = "sha256", prefix: str = ""
) -> bool:
    """Return whether *sent* is the signature of *body* with the not empty *secret*.

    *sent* is in hexadecimal digits of either case. *prefix* may come before, and so may
    the name of the algorithm, as in ``sha256=``. A prefix that is set must be there.
    """
    own = hmac.digest(secret.encode("utf-8", "surrogatepass"), body, algorithm)
    if prefix and not sent.startswith(prefix):
        sent = ""
    digits = sent.removeprefix(prefix).strip()
    if digits[:7].lower() == f"{algorithm}=":
        digits = digits[7:]
    try:
        digest = bytes.fromhex(digits) if digits.isascii() else b""
    except ValueError:
        digest = b""
    return hmac.compare_digest(digest, own) and bool(secret)
