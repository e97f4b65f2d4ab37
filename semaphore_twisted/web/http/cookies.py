"""The session cookie: its ``Set-Cookie`` header, and its value in a request."""

from collections.abc import Iterable
from datetime import timedelta

#: The name that Semaphore's clients expect.
NAME = "semaphore"

_GUARDS = ("HttpOnly", "SameSite=Lax")


def session_cookie(value: str, *, path: str, secure: bool, lifetime: timedelta) -> str:
    """Return the ``Set-Cookie`` of a new session; the cookie outlives the browser.

    The idle timeout of the session is checked by the server.
    """
    seconds = round(lifetime.total_seconds())
    attributes = [f"{NAME}={value}", f"Path={path}", f"Max-Age={seconds}", *_GUARDS]
    if secure:
        attributes.append("Secure")
    return "; ".join(attributes)


def expired_cookie(*, path: str, secure: bool) -> str:
    """Return the ``Set-Cookie`` that deletes the session cookie."""
    gone = session_cookie("", path=path, secure=secure, lifetime=timedelta(0))
    return f"{gone}; Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def session_of(headers: Iterable[str]) -> str | None:
    """Return the session's value in the ``Cookie`` *headers*, or ``None``.

    Some clients send a whole ``Set-Cookie`` value back, so everything except the cookie
    itself is ignored.
    """
    for header in headers:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and name == NAME:
                return value.strip().strip('"') or None
    return None
