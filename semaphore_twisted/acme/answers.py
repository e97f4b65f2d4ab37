"""What an authority answered, and what is wrong with it, as a person reads it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from attrs import frozen

from semaphore_twisted.acme.pacing import waiting_time

T = TypeVar("T")

_ERROR = "urn:ietf:params:acme:error:"

#: Characters of an authority's words that are kept.
_LONGEST = 300


class Trouble(Exception):
    """A certificate could not be had; the sentence says why."""

    def __init__(
        self,
        sentence: str,
        *,
        kind: str = "",
        wait: timedelta | None = None,
        order_lost: bool = False,
    ) -> None:
        """Say why in one *sentence*.

        *kind* is the authority's word for the error, without its prefix; *wait* is
        how long it wants not to be asked; *order_lost* says that this order leads
        nowhere any more.
        """
        super().__init__(sentence)
        self.sentence = sentence
        self.kind = kind
        self.wait = wait
        self.order_lost = order_lost


class Problem(msgspec.Struct, frozen=True):
    """A problem document (RFC 7807)."""

    type: str = ""
    detail: str = ""
    title: str = ""

    @property
    def kind(self) -> str:
        """The error's name, where it is one of RFC 8555."""
        if not self.type.startswith(_ERROR):
            return ""
        return plain(self.type.removeprefix(_ERROR))

    @property
    def words(self) -> str:
        """What the authority said."""
        said = plain(self.detail or self.title)
        kind = f" ({self.kind})" if self.kind else ""
        return f"“{said}”{kind}" if said else self.kind or "no reason was given"


@frozen
class Answer:
    """An HTTP response, read to its end; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> Problem:
        """What is wrong, where the authority says it."""
        try:
            return msgspec.json.decode(self.body, type=Problem)
        except msgspec.MsgspecError:
            return Problem()

    def header(self, name: str) -> str:
        """Return a header, empty where there is none."""
        return self.headers.get(name, "")

    def wait(self, now: datetime) -> timedelta | None:
        """Return how long the authority wants not to be asked."""
        return waiting_time(self.header("retry-after"), now)

    def decoded(self, kind: type[T], what: str) -> T:
        """Return the body as *kind*; *what* names it in the sentence.

        :raises Trouble: if it is something else.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError:
            raise Trouble(f"the authority's {what} cannot be understood") from None

    def refusal(self, what: str, now: datetime) -> Trouble:
        """Return why *what* was refused."""
        problem = self.problem
        return Trouble(
            f"the authority refused {what} with {self.status}: {problem.words}",
            kind=problem.kind,
            wait=self.wait(now),
        )


def address(text: Any, what: str) -> str:
    """Return *text*, which an authority gave as the address of *what*.

    :raises Trouble: if it is none that we would ask.
    """
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        good = False
    if not good or len(text) > 2048 or not text.isascii() or not text.isprintable():
        raise Trouble(f"the authority gave no usable address for {what}")
    return str(text)


def plain(text: str) -> str:
    """Return *text*, shortened, without characters that a terminal would obey."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(each if each.isprintable() else "?" for each in cut)
