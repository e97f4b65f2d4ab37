"""The session cookie: how it is written, and how it is found again."""

from collections.abc import Iterable
from datetime import timedelta

#: Semaphore's clients look for this name.
NAME = "semaphore"

_GUARDS = ("HttpOnly", "SameSite=Lax")


def session_cookie(value: str, *, path: str, secure: bool, lifetime: timedelta) -> str:
    """Return the ``Set-Cookie`` of a new session, which survives the browser's end.

    Whether it was used lately enough is for the server to know.
    """
    seconds = round(lifetime.total_seconds())
    attributes = [f"{NAME}={value}", f"Path={path}", f"Max-Age={seconds}", *_GUARDS]
    if secure:
        attributes.append("Secure")
    return "; ".join(attributes)


def expired_cookie(*, path: str, secure: bool) -> str:
    """Return the ``Set-Cookie`` that takes the session's cookie away."""
    gone = session_cookie("", path=path, secure=secure, lifetime=timedelta(0))
    return f"{gone}; Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def session_of(headers: Iterable[str]) -> str | None:
    """Return the session's value in the ``Cookie`` *headers*, or ``None``.

    Some clients send a whole ``Set-Cookie`` value back, so everything that is not
    the cookie itself is passed over.
    """
    for header in headers:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and name == NAME:
                return value.strip().strip('"') or None
    return None
