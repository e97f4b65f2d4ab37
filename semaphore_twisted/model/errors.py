"""The reasons for refusing an operation: one class hierarchy, mapped to HTTP once.

Each error has one sentence for the user. ``web.http.error_responses`` maps the
classes to status codes; the command line prints the sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from semaphore_twisted.model.refusals import DomainError, Invalid

__all__ = ("DomainError", "Invalid")  # the others are defined here


@contextmanager
def at_field(name: str) -> Iterator[None]:
    """State in an error of the block that the field *name* is at fault."""
    try:
        yield
    except DomainError as error:
        error.field = error.field or name
        raise


class NotAuthenticated(DomainError):
    """The credentials are missing or no longer valid (401)."""

    sentence = "Please log in"


class NotPermitted(DomainError):
    """The actor is authenticated, but lacks the right (403)."""

    sentence = "You do not have the right to do this"


class ForeignPage(NotPermitted):
    """The request comes from another site's page, or ``web_host`` is wrong (403)."""

    sentence = (
        "The request comes from a page of another site; if that page is this site, "
        "add its address to the option web_host"
    )


class OutOfScope(NotPermitted):
    """The scope of the API token that was used leaves this out (403)."""

    sentence = "The scope of this API token does not include this"


class NotFound(DomainError):
    """The object does not exist, or the actor may not know of it (404)."""

    sentence = "Not found"


class InUse(Invalid):
    """The object is referenced and cannot be deleted (400, with ``inUse``)."""

    sentence = "The object is in use"


class Conflict(DomainError):
    """The current state does not permit the operation (409)."""

    sentence = "The present state does not allow this"


class ChangedMeanwhile(DomainError):
    """The object is not the one that the client has seen (412)."""

    sentence = "This was changed in the meantime; read it again"


class TooLarge(DomainError):
    """The body exceeds the limit (413)."""

    sentence = "The request is too large"


class TooManyAttempts(DomainError):
    """Too many failed attempts; the client must wait (429)."""

    sentence = "Too many failed attempts; wait and try again"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        """Ask the client to wait *retry_after* seconds."""
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A required service does not run or does not respond (503)."""

    sentence = "This is not available now"


class Busy(Unavailable):
    """Another program has locked the database; the client may retry (503)."""

    sentence = "The database is locked by another program; try again in a moment"
    retry_after: ClassVar[int] = 5


class NoRoom(Unavailable):
    """The disk has no space for the change; nothing was changed (507)."""

    sentence = (
        "The disk of the database is full; nothing was changed. Free some space, and "
        "try again"
    )
    retry_after: ClassVar[int] = 60


class Unwritable(Unavailable):
    """The database cannot be written, for a reason other than disk space (503)."""

    sentence = "The database cannot be written; the server's log has the reason"
    retry_after: ClassVar[int] = 60


class SecretUnreadable(DomainError):
    """A sealed value cannot be opened; the sentence names it and the reason (409).

    The sentence never contains the value.
    """

    sentence = "A stored secret cannot be opened"
