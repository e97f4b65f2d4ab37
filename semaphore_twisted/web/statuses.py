"""Refusals as HTTP: the one place where an error gets its status."""

from semaphore_twisted.model import errors
from semaphore_twisted.web.answers import Encoded, json

#: The first class that fits decides.
_STATUSES: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.NotAuthenticated, 401),
    (errors.NotPermitted, 403),
    (errors.NotFound, 404),
    (errors.Invalid, 400),
    (errors.Conflict, 409),
    (errors.SecretUnreadable, 409),
    (errors.TooLarge, 413),
    (errors.TooManyAttempts, 429),
    (errors.NoRoom, 507),
    (errors.Unavailable, 503),
)

#: Semaphore's clients expect these without a body; a foreign page is none of them.
_EMPTY = frozenset({401, 403, 404})


def status(error: errors.DomainError) -> int:
    """Return the status of *error*; a class that is not known is a bad request."""
    for kind, code in _STATUSES:
        if isinstance(error, kind):
            return code
    return 400


def refusal(error: errors.DomainError) -> Encoded:
    """Return the answer that tells of *error*."""
    code = status(error)
    if code in _EMPTY and not isinstance(error, errors.ForeignPage):
        return Encoded(code)
    body: dict[str, object] = {"error": error.message}
    if isinstance(error, errors.InUse):
        body["inUse"] = True
    headers: tuple[tuple[bytes, bytes], ...] = ()
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        headers = ((b"retry-after", str(wait).encode()),)
    return Encoded(code, json(body), headers=headers)


def failure(reference: str) -> Encoded:
    """Return the answer for a fault of ours; the log has the rest by *reference*."""
    return Encoded(500, json({"error": f"Internal error {reference}"}))
