"""Authenticates the sender of a request before its body is kept."""

from typing import Protocol

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.model.errors import NotAuthenticated
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations import access
from semaphore_twisted.web.answers import Encoded
from semaphore_twisted.web.intake import too_large
from semaphore_twisted.web.requests import Arrival
from semaphore_twisted.web.site import Request
from semaphore_twisted.web.statuses import refusal


class RequestReader(Protocol):
    """Reads the head of a request; the site has one."""

    def below(self, path: bytes) -> tuple[bytes, bool]:
        """Return *path* without the base path, and whether it had that prefix."""

    def arrival(self, request: Request) -> Arrival:
        """Return the client and credentials of *request*."""


@define(eq=False)
class Senders:
    """Looks up the account of a request by its head.

    *door* reads a request.
    """

    database: IDatabase
    door: RequestReader

    def owner(self, request: Request) -> "Deferred[str | None]":
        """Return an id of the account of *request*, ``None`` without a login."""
        came: Arrival = self.door.arrival(request)
        credentials = came.credentials
        if credentials.session_digest is None and credentials.token_digest is None:
            return succeed(None)
        asked: Deferred[Actor] = self.database.read(
            access.actor, credentials, Access.USER, None
        )
        return asked.addCallbacks(_name, _nobody)

    def refused(self, request: Request) -> Encoded:
        """Return the response to a long body of a *request* without a login."""
        path, _ = self.door.below(request.path)
        if path.startswith(b"/api/"):
            return refusal(NotAuthenticated())
        return too_large(request)


def _name(actor: Actor) -> str:
    return str(actor.user.id)


def _nobody(failure: Failure) -> None:
    _ = failure.trap(NotAuthenticated)
