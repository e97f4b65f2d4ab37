"""Dispatches API requests to handlers and writes their responses.

The order of checks: origin of the page (403), credentials (401, before any lookup,
except on public routes), path and method (404, 405, 400), membership (404), right
(403), body (400). The handler's transactions check credentials and right again.
"""

from collections.abc import Callable
from typing import ClassVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from semaphore_twisted.model import texts
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import (
    DomainError,
    ForeignPage,
    Invalid,
    NotAuthenticated,
    NotFound,
    Unavailable,
)
from semaphore_twisted.model.users import Access, Credentials, Demand
from semaphore_twisted.operations import access
from semaphore_twisted.operations.accounts import sessions
from semaphore_twisted.persistence.worker import Stopped
from semaphore_twisted.runtime.deferreds import log_errors, shielded
from semaphore_twisted.web.http.context import RequestContext, Services
from semaphore_twisted.web.http.error_responses import failure, refusal
from semaphore_twisted.web.http.preconditions import last_event, tag
from semaphore_twisted.web.http.request_bodies import decoded
from semaphore_twisted.web.http.request_info import RequestInfo
from semaphore_twisted.web.http.responses import Response, StreamedResponse, encoded
from semaphore_twisted.web.http.routing import (
    SAFE,
    Match,
    NoSuchMethod,
    NoSuchPath,
    NotAnInteger,
    Route,
    Router,
)
from semaphore_twisted.web.http.site import HttpRequest, logged_path
from semaphore_twisted.web.http.streaming import ResponseProducer
from semaphore_twisted.web.proxies.client_address import same_origin

#: What a path without a route demands: any login, whatever its scope.
_LOGIN = Demand(Access.USER, reads=True, one_project=True)

#: Semaphore's sentences for ids that differ.
_MISMATCH = {
    "project_id": "Project ID in body and URL must be the same",
    "key_id": "Access key ID in body and URL must be the same",
    "repository_id": "Repository ID in body and URL must be the same",
    "inventory_id": "Inventory ID in body and URL must be the same",
    "integration_id": "Integration ID in body and URL must be the same",
    "environment_id": "Environment ID in body and URL must be the same",
    "view_id": "View ID in URL and in body must be the same",
    "template_id": "template id in URL and in body must be the same",
    "user_id": "User ID in body and URL must be the same",
}


def check_ids(route: Route, path: JsonObject, outer: dict[str, object]) -> None:
    """Refuse a body whose ``id`` or ``project_id`` differs from the path's.

    An absent id, null, 0 and a negative number are accepted.

    :raises Invalid: if an id differs
    """
    if route.in_project:
        _same("project_id", path["project_id"], outer.get("project_id"))
    own = route.own_id
    if route.method == "PUT" and own is not None:
        _same(own, path[own], outer.get("id"))


def _same(name: str, wanted: object, sent: object) -> None:
    if sent is None or (isinstance(sent, int) and sent <= 0):
        return
    if sent != wanted or isinstance(sent, bool):
        raise Invalid(_MISMATCH.get(name, "ID in body and URL must be the same"))


class Api:
    """Answers requests below ``/api``, except the websocket."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, services: Services, *, reference: Callable[[], str]) -> None:
        """Serve ``services.routes``; *reference* names an internal error."""
        self._services = services
        self._router = Router(services.routes)
        self._reference = reference
        self._sending = ResponseProducer()

    def respond(self, request: HttpRequest, path: bytes, info: RequestInfo) -> None:
        """Answer *request*, whose path below ``/api`` is *path*."""
        work = Deferred.fromCoroutine(self._respond(request, path, info))
        gone = request.notifyFinish()
        _ = gone.addErrback(lambda _: work.cancel())
        _ = work.addErrback(self._failed, request)

    def _failed(self, failed: Failure, request: HttpRequest) -> None:
        if not failed.check(CancelledError):
            self._log.failure(
                "The answer to {method} {path} could not be written",
                failed,
                method=request.method.decode("ascii", "replace"),
                path=logged_path(request.path),
            )

    async def _respond(
        self, request: HttpRequest, path: bytes, info: RequestInfo
    ) -> None:
        headers: list[tuple[bytes, bytes]] = []
        try:
            value = await self._answer(request, path, info, headers)
        except CancelledError:
            raise
        except DomainError as error:
            value = refusal(error)
        except Stopped:
            value = refusal(Unavailable("The server is stopping; send this again"))
        except Exception:  # noqa: BLE001 - the end of the line; it is logged
            reference = self._reference()
            self._log.failure("Request {reference} failed", reference=reference)
            value = failure(reference)
        for name, content in headers:
            request.responseHeaders.addRawHeader(name, content)
        owner = info.account
        if owner is None:
            owner = request.channel.site.connections.key(info.client.address)
        await self._sending.send(request, value, owner)

    async def _answer(
        self,
        request: HttpRequest,
        path: bytes,
        info: RequestInfo,
        headers: list[tuple[bytes, bytes]],
    ) -> Response | StreamedResponse:
        method = request.method.decode("ascii", "replace")
        credentials = info.credentials
        if credentials.by_cookie and method not in SAFE:
            self._check_origin(info)
        try:
            match = self._router.match(method, path)
        except (NoSuchPath, NoSuchMethod, NotAnInteger) as error:
            await self._check(credentials, _LOGIN, None)
            return _no_route(error)
        route = match.route
        checked = None
        if route.access is not Access.PUBLIC:
            checked = await self._check(
                credentials, route.demand, match.path.get("project_id")
            )
            info.account = f"account:{checked.actor.user.id}"
        elif (
            method not in SAFE and not route.raw
        ):  # against login CSRF by a foreign page
            self._check_origin(info)
        context = self._context(info, match, checked, headers)
        if route.raw:
            context.delivery = info.delivery
        try:
            value = await self._run(context, request)
        except DomainError as error:
            return refusal(error, route.fields)
        if isinstance(value, StreamedResponse):
            return value
        return encoded(value, route.status)

    async def _run(self, context: RequestContext, request: HttpRequest) -> object:
        """Return the result of the handler; a client that leaves ends only a read.

        A change and its consequences, such as the order to a job that was approved, are
        one unit.
        """
        work = self._handle(context, request)
        if context.route.demand.reads and not context.route.raw:
            return await work
        return await shielded(Deferred.fromCoroutine(work))

    async def _handle(self, context: RequestContext, request: HttpRequest) -> object:
        route = context.route
        if route.body is None:
            return await self._tagged(context)
        body, outer = decoded(request.content.read(), route.body)
        check_ids(route, context.path, outer)
        if route.method != "PUT":  # a PUT is checked against the stored object
            texts.check(body)
        return await route.handler(context, body)

    async def _tagged(self, context: RequestContext) -> object:
        """Run a handler without a body; add the tag of the object that it returns."""
        route = context.route
        if route.tagged is None or route.method != "GET":
            return await route.handler(context)
        # first: with a change between the reads the tag is too old, and not too new
        event = await context.read(last_event, route.tagged.kind, context.own_number)
        shown = await route.handler(context)
        if isinstance(shown, msgspec.Struct):
            context.headers.append((b"etag", tag(shown, event).encode()))
        return shown

    def _check_origin(self, info: RequestInfo) -> None:
        if not same_origin(own=info.own_origins, header=info.header):
            self._log.warn(
                "{client}: refused a request from a page of another site; this one"
                " is at {own}. Is web_host right, and does the proxy send"
                " X-Forwarded-Host and X-Forwarded-Proto?",
                client=info.client.address,
                own=", ".join(sorted(info.own_origins)),
            )
            raise ForeignPage

    async def _check(
        self, credentials: Credentials, wanted: Demand, project_id: int | None
    ) -> access.Checked:
        if credentials.session_digest is None and credentials.token_digest is None:
            raise NotAuthenticated
        database = self._services.database
        checked: access.Checked = await database.read(
            access.checked, credentials, wanted, project_id
        )
        actor = checked.actor
        if actor.session_due and actor.session_id is not None:
            log_errors(
                database.write(sessions.touch, actor.session_id, credentials.limits),
                log=self._log,
                sentence="The last use of a session could not be stored",
            )
        return checked

    def _context(
        self,
        info: RequestInfo,
        match: Match,
        checked: access.Checked | None,
        headers: list[tuple[bytes, bytes]],
    ) -> RequestContext:
        return RequestContext(
            services=self._services,
            route=match.route,
            path=match.path,
            query=info.query,
            repeated=info.repeated,
            credentials=info.credentials,
            client=info.client,
            user_agent=info.header("user-agent") or "",
            accept=info.header("accept") or "",
            if_match=info.header("if-match"),
            basic=info.basic,
            secure=info.secure,
            cookie_path=info.cookie_path,
            checked=checked,
            headers=headers,
        )


def _no_route(error: Exception) -> Response:
    if isinstance(error, NoSuchMethod):
        allow = ", ".join(error.allowed).encode()
        return Response(405, headers=((b"allow", allow),))
    if isinstance(error, NotAnInteger):
        if error.name == "project_id":
            return refusal(Invalid("Invalid project ID"))
        return refusal(Invalid(f"Invalid {error.name.replace('_', ' ')}"))
    return refusal(NotFound())
