"""Authenticates the sender of a request before its body is kept."""

from collections.abc import Callable
from typing import Protocol

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.model.errors import NotAuthenticated
from semaphore_twisted.model.integrations import RECEIVER
from semaphore_twisted.model.states import BACKEND
from semaphore_twisted.model.users import Access, Actor, Demand
from semaphore_twisted.operations import access
from semaphore_twisted.web.http.body_intake import too_large
from semaphore_twisted.web.http.error_responses import refusal
from semaphore_twisted.web.http.request_info import RequestInfo
from semaphore_twisted.web.http.responses import Response
from semaphore_twisted.web.http.site import HttpRequest


class HeadReader(Protocol):
    """Reads the head of a request; the site has one."""

    def below(self, path: bytes) -> tuple[bytes, bool]:
        """Return *path* without the base path, and whether it had that prefix."""

    def request_info(self, request: HttpRequest) -> RequestInfo:
        """Return the client and credentials of *request*."""


#: A body is kept for the holder of any token; the route decides about its scope.
_ANYBODY = Demand(Access.USER, reads=True, one_project=True)

StateSender = Callable[[str, tuple[str, str] | None, str], "Deferred[str | None]"]


def unknown_sender(
    alias: str, basic: tuple[str, str] | None, address: str
) -> "Deferred[str | None]":
    """Know no sender of states."""
    del alias, basic, address
    return succeed(None)


@define(eq=False)
class Senders:
    """Looks up the account of a request by its head.

    *reader* reads a request.
    """

    database: IDatabase
    reader: HeadReader
    #: looks up the sender of a state, by its alias, its password and its address
    state_sender: StateSender = unknown_sender

    def owner(self, request: HttpRequest) -> "Deferred[str | None]":
        """Return an id of the account of *request*, ``None`` without a login."""
        info: RequestInfo = self.reader.request_info(request)
        if self.stores_state(request):
            path, _ = self.reader.below(request.path)
            alias = path.removeprefix(BACKEND.encode()).decode("latin-1")
            return self.state_sender(alias, info.basic, info.client.address)
        credentials = info.credentials
        if credentials.session_digest is None and credentials.token_digest is None:
            return succeed(None)
        asked: Deferred[Actor] = self.database.read(
            access.actor, credentials, _ANYBODY, None
        )
        return asked.addCallbacks(_name, _nobody)

    def delivers(self, request: HttpRequest) -> bool:
        """Return whether *request* is a webhook's delivery."""
        path, _ = self.reader.below(request.path)
        return path.startswith(RECEIVER.encode())

    def stores_state(self, request: HttpRequest) -> bool:
        """Return whether *request* is one of Terraform's to the state backend."""
        path, _ = self.reader.below(request.path)
        return path.startswith(BACKEND.encode())

    def refused(self, request: HttpRequest) -> Response:
        """Return the response to a long body of a *request* without a login."""
        path, _ = self.reader.below(request.path)
        if path.startswith(b"/api/"):
            return refusal(NotAuthenticated())
        return too_large(request)


def _name(actor: Actor) -> str:
    return str(actor.user.id)


def _nobody(failure: Failure) -> None:
    _ = failure.trap(NotAuthenticated)
