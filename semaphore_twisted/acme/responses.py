"""HTTP responses of an ACME server, and the errors in them as readable sentences."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from attrs import frozen

from semaphore_twisted.acme.schedule import waiting_time
from semaphore_twisted.model.refusals import quoted

T = TypeVar("T")

_ERROR = "urn:ietf:params:acme:error:"

#: Characters of a text from the CA that are kept in messages and logs.
_LONGEST = 300


class AcmeError(Exception):
    """A request to the CA, or an order, failed; the sentence gives the reason."""

    def __init__(
        self,
        sentence: str,
        *,
        kind: str = "",
        wait: timedelta | None = None,
        order_lost: bool = False,
    ) -> None:
        """Describe the failure in one *sentence*.

        *kind* is the ACME error type without its URN prefix. *wait* is the delay that
        the CA requested with ``Retry-After``. *order_lost* is true when this order
        cannot lead to a certificate any more.
        """
        super().__init__(sentence)
        self.sentence = sentence
        self.kind = kind
        self.wait = wait
        self.order_lost = order_lost


class ProblemDocument(msgspec.Struct, frozen=True):
    """A problem document (RFC 7807)."""

    type: str = ""
    detail: str = ""
    title: str = ""

    @property
    def kind(self) -> str:
        """The ACME error type without its URN prefix; empty for any other type."""
        if not self.type.startswith(_ERROR):
            return ""
        return plain(self.type.removeprefix(_ERROR))

    @property
    def words(self) -> str:
        """The problem's text and type, cleaned for terminals and logs."""
        said = plain(self.detail or self.title)
        kind = f" ({self.kind})" if self.kind else ""
        return (
            f"{quoted(said, len(said))}{kind}"
            if said
            else self.kind or "no reason was given"
        )


@frozen
class AcmeResponse:
    """A complete HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> ProblemDocument:
        """The problem document in the body; an empty one if the body has none."""
        try:
            return msgspec.json.decode(self.body, type=ProblemDocument)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return ProblemDocument()

    def header(self, name: str) -> str:
        """Return the value of the header *name*, or an empty text."""
        return self.headers.get(name, "")

    def wait(self, now: datetime) -> timedelta | None:
        """Return the delay in ``Retry-After``, ``None`` without that header."""
        return waiting_time(self.header("retry-after"), now)

    def decoded(self, kind: type[T], what: str) -> T:
        """Return the body decoded as *kind*; *what* names it in the error sentence.

        :raises AcmeError: if the body cannot be decoded as *kind*
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise AcmeError(f"the CA's {what} cannot be understood") from None

    def refusal(self, what: str, now: datetime) -> AcmeError:
        """Return the exception for a refused request; *what* names the request."""
        problem = self.problem
        return AcmeError(
            f"the CA refused {what} with {self.status}: {problem.words}",
            kind=problem.kind,
            wait=self.wait(now),
        )


def address(text: object, what: str) -> str:
    """Return *text*, a URL from the CA; *what* names its resource in the error.

    :raises AcmeError: if *text* is not a printable ASCII HTTPS URL of at most 2048
        characters
    """
    if not isinstance(text, str):
        raise AcmeError(f"the CA sent no valid URL of {what}")
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > 2048 or not text.isascii() or not text.isprintable():
        raise AcmeError(f"the CA sent no valid URL of {what}")
    return text


def plain(text: str) -> str:
    """Return *text*, truncated, with unprintable characters replaced by ``?``."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(each if each.isprintable() else "?" for each in cut)
