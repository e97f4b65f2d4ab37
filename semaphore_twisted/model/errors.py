"""Why an operation was refused; one family, mapped to HTTP in one place.

Each error carries one sentence for a person. ``web.statuses`` maps the classes to
status codes; the command line prints the sentence.
"""

from typing import ClassVar


class DomainError(Exception):
    """An operation was refused; nothing was changed."""

    sentence: ClassVar[str] = "The request was refused"

    def __init__(self, sentence: str | None = None) -> None:
        """Use *sentence*, or the class's own one."""
        super().__init__(sentence or self.sentence)

    @property
    def message(self) -> str:
        """The sentence to show."""
        return str(self.args[0])


class NotAuthenticated(DomainError):
    """No credentials, or ones that no longer hold (401)."""

    sentence = "Please log in"


class NotPermitted(DomainError):
    """The actor is known, and lacks the right (403)."""

    sentence = "You do not have the right to do this"


class ForeignPage(NotPermitted):
    """A page of another site asks, or this site is not where it thinks it is (403)."""

    sentence = (
        "The request comes from a page of another site; if that page is this site, "
        "its address belongs into the option web_host"
    )


class NotFound(DomainError):
    """There is no such thing, or not for this actor (404)."""

    sentence = "Not found"


class Invalid(DomainError):
    """What was sent cannot be accepted (400)."""

    sentence = "The request is not valid"


class InUse(Invalid):
    """The object is used by others and cannot be deleted (400, with ``inUse``)."""

    sentence = "The object is in use"


class Conflict(DomainError):
    """The present state does not allow it (409)."""

    sentence = "The present state does not allow this"


class TooLarge(DomainError):
    """The body is over the limit (413)."""

    sentence = "The request is too large"


class TooManyAttempts(DomainError):
    """Too many failed guesses; try again later (429)."""

    sentence = "Too many failed attempts; wait and try again"

    def __init__(self, sentence: str | None = None, *, retry_after: int = 60) -> None:
        """Ask the client to wait *retry_after* seconds."""
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """What is needed for it does not run or does not answer now (503)."""

    sentence = "This is not available now"


class Busy(Unavailable):
    """Another program holds the database; the request may be sent again (503)."""

    sentence = "The database is locked by another program; try again in a moment"
    retry_after: ClassVar[int] = 5


class NoRoom(Unavailable):
    """The disk does not take the change; nothing was changed (507)."""

    sentence = (
        "The disk of the database is full; nothing was changed. Free some space, and "
        "try again"
    )
    retry_after: ClassVar[int] = 60


class Unwritable(Unavailable):
    """The database cannot be written, for a reason other than room (503)."""

    sentence = "The database cannot be written; the server's log has the reason"
    retry_after: ClassVar[int] = 60


class SecretUnreadable(DomainError):
    """A sealed value cannot be opened; the sentence says which and why (409).

    The sentence never holds the value.
    """

    sentence = "A stored secret cannot be opened"
