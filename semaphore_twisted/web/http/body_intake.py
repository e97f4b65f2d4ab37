"""Limits how much of a request body is kept; little before its sender is known.

Credentials are in the head, so they are checked as soon as a body exceeds
:data:`limits.BODY_UNKNOWN`, before all of it is in memory. A refusal is sent at once;
the rest of that body is read and discarded, so that the client receives the response
and not a reset. Bytes count in two budgets: for unknown senders, by source, and for
accounts. Short bodies are not counted, so a login is never refused because of other
clients.

A client without credentials gets its response at the end of its body, as other requests
do, within the time limits of a body.
"""

from collections.abc import Callable
from io import SEEK_END, BytesIO
from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from semaphore_twisted.model import limits
from semaphore_twisted.runtime.deferreds import log_errors
from semaphore_twisted.web.http.memory_budget import BudgetShare, MemoryBudget
from semaphore_twisted.web.http.responses import Response, json

#: Returns the account of a request, ``None`` without a login.
Owner = Callable[[Any], "Deferred[str | None]"]


def nobody(request: object) -> "Deferred[str | None]":
    """Return no account."""
    del request
    return succeed(None)


def no_delivery(request: object) -> bool:
    """Take no request for a webhook's delivery."""
    del request
    return False


def no_state(request: object) -> bool:
    """Take no request for a state of Terraform."""
    del request
    return False


def too_large(request: object) -> Response:
    """Refuse a body that exceeds the limit for clients without a login."""
    del request
    sentence = f"Without a login a body may have {limits.BODY_UNKNOWN} bytes"
    return Response(413, json({"error": sentence}))


def _later() -> Response:
    sentence = "Too many bytes of other requests are waiting; send this one again"
    return Response(503, json({"error": sentence}), headers=((b"retry-after", b"5"),))


def _over(limit: int) -> Response:
    return Response(413, json({"error": f"The request is larger than {limit} bytes"}))


@define(eq=False, kw_only=True)
class BodyBudget:
    """The body limits of one or more sites.

    *owner* looks credentials up; *refused* returns the response if there are none.
    *delivers* returns whether a request is a webhook's delivery, whose sender only the
    handler can authenticate, by the body: it has limits of its own. *stores_state*
    returns whether it may be a state of Terraform, which has a larger limit.
    """

    owner: Owner = nobody
    refused: Callable[[Any], Response] = too_large
    delivers: Callable[..., bool] = no_delivery
    stores_state: Callable[..., bool] = no_state
    deliveries: MemoryBudget = field(
        factory=lambda: MemoryBudget(limits.HOOK_BODIES_OF_SOURCE, limits.HOOK_BODIES)
    )
    unknown: MemoryBudget = field(
        factory=lambda: MemoryBudget(
            limits.BODIES_UNKNOWN_OF_SOURCE, limits.BODIES_UNKNOWN
        )
    )
    known: MemoryBudget = field(
        factory=lambda: MemoryBudget(limits.BODIES_OF_ACCOUNT, limits.BODIES)
    )


@define(eq=False)
class Body:
    """The body of one request, as it arrives.

    *refuse* is called at most once, with the response; the body is discarded
    afterwards.
    """

    _log: ClassVar[Logger] = Logger()

    _request: Any
    _intake: BodyBudget
    _limit: int
    _source: str | None
    _refuse: Callable[[Response], None]
    content: BytesIO = field(factory=BytesIO, init=False)
    size: int = field(default=0, init=False)
    refused: bool = field(default=False, init=False)
    _share: BudgetShare = field(init=False)
    _account: str | None = field(default=None, init=False)
    #: the response to a refused body, sent at its end
    answer: Response | None = field(default=None, init=False)
    _asking: bool = field(default=False, init=False)
    _delivers: bool = field(default=False, init=False)
    _stores_state: bool = field(default=False, init=False)
    #: the sender is looked up because there is no room for an unknown one
    _crowded: bool = field(default=False, init=False)
    _waiting: list[bytes] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        """Start with an unknown sender."""
        self._delivers = self._intake.delivers(self._request)
        budget = self._intake.unknown
        if self._delivers:
            self._limit = min(self._limit, limits.HOOK_BODY)
            budget = self._intake.deliveries
        elif self._intake.stores_state(self._request):
            self._stores_state = True
            self._limit = limits.STATE
        self._share = BudgetShare(budget, self._source)

    @property
    def asking(self) -> bool:
        """Whether the lookup of the sender is still running."""
        return self._asking

    def announce(self, length: int) -> None:
        """Check the *length* that the head declares, before the body arrives."""
        if length > self._limit:
            self._end(_over(self._limit))
        elif length > limits.BODY_UNKNOWN and not self._delivers:
            self._ask()

    def add(self, data: bytes) -> None:
        """Append *data*, or refuse the body."""
        self.size += len(data)
        if self.refused:
            return
        if self.size > self._limit:
            self._end(_over(self._limit))
        elif self._asking:
            self._waiting.append(data)
        elif self._delivers:
            if self._holds():
                self.content.write(data)
            else:
                self._end(_later())
        elif self._account is None and self.size > limits.BODY_UNKNOWN:
            self._waiting.append(data)
            self._ask()
        elif self._holds():
            self.content.write(data)
        elif self._account is None:
            self._waiting.append(data)
            self._crowded = True
            self._ask()
        else:
            self._end(_later())

    def release(self) -> None:
        """Discard the body and release its budget."""
        self._share.release()
        self._waiting.clear()
        self.content = BytesIO()

    def _holds(self) -> bool:
        """Reserve the bytes that are kept; return false if a budget is exceeded."""
        if self.size <= limits.BODY_SMALL:
            return True
        return self._share.grow(self.size - self._share.size)

    def _ask(self) -> None:
        self._asking = True
        asked = self._intake.owner(self._request)
        if not asked.called:
            self._request.channel.pause_reading()
            _ = asked.addBoth(self._resumed)
        told = asked.addCallbacks(self._answered, self._failed)
        log_errors(told, log=self._log, sentence="Handling a request body failed")

    def _resumed(self, result: str | Failure | None) -> str | Failure | None:
        self._request.channel.resume_reading()
        return result

    def _answered(self, account: str | None) -> None:
        self._asking = False
        if self.refused:
            return
        if account is None:
            self.refused = True
            self.answer = (
                _later() if self._crowded else self._intake.refused(self._request)
            )
            self.release()
            self._request.decided()
            return
        self._account = account
        waiting, self._waiting = self._waiting, []
        if not (self._share.move(self._intake.known, account) and self._holds()):
            self._end(_later())
        else:
            self.content.seek(0, SEEK_END)
            self.content.write(b"".join(waiting))
            if self._stores_state:
                # its loss may be that of a state, so other connections end first
                self._request.channel.keep()
            self._request.decided()

    def _failed(self, failure: Failure) -> None:
        self._asking = False
        self._log.failure(
            "Checking the credentials of a request with a body failed", failure
        )
        if not self.refused:
            self._end(_later())

    def _end(self, answer: Response) -> None:
        self.refused = True
        self.release()
        self._refuse(answer)
        self._request.decided()
