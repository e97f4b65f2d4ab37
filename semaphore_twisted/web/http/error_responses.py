"""Maps domain errors to HTTP responses."""

import re
from collections.abc import Collection

from semaphore_twisted.model import errors
from semaphore_twisted.web.http.responses import Response, json

#: The first matching class decides.
_STATUSES: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.NotAuthenticated, 401),
    (errors.NotPermitted, 403),
    (errors.NotFound, 404),
    (errors.Invalid, 400),
    (errors.Conflict, 409),
    (errors.SecretUnreadable, 409),
    (errors.ChangedMeanwhile, 412),
    (errors.TooLarge, 413),
    (errors.TooManyAttempts, 429),
    (errors.NoRoom, 507),
    (errors.Unavailable, 503),
)

#: Semaphore's clients expect these without a body.
_EMPTY = frozenset({401, 403, 404})

#: These have a body nevertheless: Semaphore has no such refusals.
_EXPLAINED = (errors.ForeignPage, errors.OutOfScope)


def status(error: errors.DomainError) -> int:
    """Return the status of *error*; an unknown class is a bad request."""
    for kind, code in _STATUSES:
        if isinstance(error, kind):
            return code
    return 400


#: The beginning of a sentence about a field: ``ssh.login: …``, ``name is required``.
_ABOUT = re.compile(r"((\w+)(?:\.\w++|\[\d++\])*+)(?:: | is required| must be )")


def refusal(
    error: errors.DomainError, fields: Collection[str] = frozenset()
) -> Response:
    """Return the response for *error*; *fields* are those of the request.

    Most sentences begin with the field that they are about, so it is taken from there
    unless the error states it.
    """
    code = status(error)
    if code in _EMPTY and not _is_explained(error):
        return Response(code)
    body: dict[str, object] = {"error": error.message}
    if field := error.field or _field(error.message, fields):
        body["field"] = field
    if isinstance(error, errors.InUse):
        body["inUse"] = True
    headers: tuple[tuple[bytes, bytes], ...] = ()
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        headers = ((b"retry-after", str(wait).encode()),)
    return Response(code, json(body), headers=headers)


def _is_explained(error: errors.DomainError) -> bool:
    """Return whether an error has a body, although Semaphore's are empty."""
    if isinstance(error, _EXPLAINED):
        return True
    # a missing right is clear by itself, unless the operation states another reason
    return isinstance(error, errors.NotPermitted) and error.message != error.sentence


def _field(sentence: str, fields: Collection[str]) -> str:
    found = _ABOUT.match(sentence)
    return found[1] if found is not None and found[2] in fields else ""


def failure(reference: str) -> Response:
    """Return the response for an internal error; the log has it by *reference*."""
    return Response(500, json({"error": f"Internal error {reference}"}))
