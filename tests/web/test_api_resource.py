"""Tests of the order of refusals, and of how answers are written."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict, InUse, Invalid, NotFound
from semaphore_twisted.model.users import Access, Role
from semaphore_twisted.web.http.api_resource import check_ids
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import PlainText, StreamedResponse
from semaphore_twisted.web.http.routing import Route
from tests.support.http import api_client, parse
from tests.support.memory import make_member, make_project, make_user


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """A body and an answer."""

    name: str
    size: int | None = None


class Handlers:
    """A few handlers whose ends a test decides."""

    def __init__(self) -> None:
        """Begin without anything to wait for."""
        self.waiting: Deferred[None] = Deferred()
        self.cancelled = self.followed = False
        self.sent = 0

    async def show(self, context: RequestContext) -> Thing:
        """Return a thing."""
        return Thing(name=context.query.get("name", ""), size=context.project_id)

    async def make(self, context: RequestContext, body: Thing) -> Thing:
        """Create a thing."""
        return body

    async def nothing(self, context: RequestContext) -> None:
        """Do nothing."""

    async def text(self, context: RequestContext) -> PlainText:
        """Return a text."""
        return PlainText("schön")

    async def fault(self, context: RequestContext) -> None:
        """Fail by our own fault."""
        raise ZeroDivisionError("a secret detail")

    async def conflict(self, context: RequestContext) -> None:
        """Raise a conflict."""
        raise Conflict("not <now>")

    async def in_use(self, context: RequestContext) -> None:
        """Raise that the object is in use."""
        raise InUse("by a & b")

    async def missing(self, context: RequestContext) -> None:
        """Raise that the object is missing."""
        raise NotFound("a reason that is not shown")

    async def wait(self, context: RequestContext) -> None:
        """Wait for the test."""
        try:
            await self.waiting
        finally:
            self.cancelled = True

    async def change(self, context: RequestContext) -> None:
        """Wait for the test, then do what follows from a change."""
        await self.waiting
        self.followed = True

    async def stream(self, context: RequestContext) -> StreamedResponse:
        """Return a stream."""
        return StreamedResponse("application/json", self.chunks())

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield a hundred chunks."""
        for _ in range(100):
            self.sent += 1
            yield b"x" * 10

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""

        def route(method: str, pattern: str, handler: Any, **more: Any) -> Route:
            more.setdefault("access", Access.USER)
            return Route(method=method, pattern=pattern, handler=handler, **more)

        project = "/project/{project_id}/things"
        return (
            route("GET", "/show", self.show),
            route("POST", "/things", self.make, body=Thing, status=201),
            route("DELETE", "/things", self.nothing, status=204),
            route("GET", "/open", self.text, access=Access.PUBLIC),
            route("POST", "/open", self.nothing, access=Access.PUBLIC, status=204),
            route("GET", "/fault", self.fault),
            route("GET", "/conflict", self.conflict),
            route("GET", "/inuse", self.in_use),
            route("GET", "/missing", self.missing),
            route("GET", "/wait", self.wait),
            route("POST", "/wait", self.change, status=204),
            route("GET", "/stream", self.stream),
            route("GET", project, self.show, access=Access.MEMBER),
            route(
                "PUT",
                project + "/{key_id}",
                self.make,
                access=Access.MANAGE_RESOURCES,
                body=Thing,
                status=204,
            ),
        )


class ResourceCase(SynchronousTestCase):
    """Has a site with those handlers."""

    def setUp(self) -> None:
        """Make the site; a guest and a manager of one project."""
        self.handlers = Handlers()
        self.client = api_client(routes=self.handlers.routes())
        conn = self.client.database.conn
        owner = make_user(conn, "olga")
        self.project = make_project(conn, owner)
        guest, manager = make_user(conn, "gus"), make_user(conn, "mary")
        make_member(conn, self.project, guest, Role.GUEST)
        make_member(conn, self.project, manager, Role.MANAGER)
        self.guest = self.client.as_user(guest)
        self.manager = self.client.as_user(manager)
        self.stranger = self.client.as_user(make_user(conn, "stan"))
        self.things = f"/api/project/{self.project.id}/things"


class RefusalTests(ResourceCase):
    """Errors have their order, and the bodies that clients expect."""

    def test_anonymous(self) -> None:
        """Without credentials the answer to any request is 401."""
        for method, path, body in (
            ("GET", "/api/show", None),
            ("GET", "/api/nothing", None),
            ("GET", "/api", None),
            ("PATCH", "/api/show", None),
            ("GET", "/api/project/x/things", None),
            ("POST", "/api/things", b"{junk"),
        ):
            answer = self.client.request(method, path, body or b"")
            self.assertEqual((answer.status, answer.body), (401, b""), path)
            self.assertEqual(answer.headers["content-type"], ["application/json"])

    def test_bad_credentials(self) -> None:
        """Credentials that do not hold are as good as none."""
        self.client.token = "x" * 44
        self.assertEqual(self.client.get("/api/show").status, 401)
        self.client.token = ""
        self.assertEqual(self.client.get("/api/show").status, 401)

    def test_unknown_path(self) -> None:
        """An unknown path is an empty 404."""
        answer = self.guest.get("/api/nothing")
        self.assertEqual((answer.status, answer.body), (404, b""))
        self.assertEqual(answer.headers["content-type"], ["application/json"])

    def test_wrong_method(self) -> None:
        """A wrong method is an empty 405 that names the right ones."""
        answer = self.guest.put("/api/show", b"")
        self.assertEqual((answer.status, answer.body), (405, b""))
        self.assertEqual(answer.header("allow"), "GET, HEAD")

    def test_no_integer(self) -> None:
        """An id that is no integer is a 400."""
        answer = self.guest.get("/api/project/x/things")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json, {"error": "Invalid project ID"})

    def test_stranger(self) -> None:
        """A project without one's membership, or a missing one, is not found."""
        for path in (self.things, "/api/project/999/things"):
            answer = self.stranger.get(path)
            self.assertEqual((answer.status, answer.body), (404, b""))

    def test_right_before_body(self) -> None:
        """Without the permission, the answer reveals nothing about the body."""
        answer = self.guest.put(self.things + "/1", b"{junk")
        self.assertEqual((answer.status, answer.body), (403, b""))
        self.assertEqual(self.manager.put(self.things + "/1", b"{junk").status, 400)

    def test_sentences(self) -> None:
        """Other errors give the reason, safe inside HTML."""
        answer = self.guest.get("/api/conflict")
        self.assertEqual(answer.status, 409)
        self.assertEqual(answer.body, b'{"error":"not \\u003cnow\\u003e"}\n')
        answer = self.guest.get("/api/inuse")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json, {"error": "by a & b", "inUse": True})
        self.assertEqual(self.guest.get("/api/missing").body, b"")

    def test_fault(self) -> None:
        """A fault of ours is a 500 with a reference; the log has the rest."""
        answer = self.guest.get("/api/fault")
        self.assertEqual(answer.status, 500)
        self.assertNotIn(b"secret", answer.body)
        self.assertIn("Internal error ", answer.json["error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class ForeignPageTests(ResourceCase):
    """A page of another site can change nothing."""

    def test_cookie(self) -> None:
        """With the cookie, each of the three headers is looked at."""
        for headers in (
            {"Origin": "https://evil.example"},
            {"Referer": "https://evil.example/x"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            answer = self.guest.delete("/api/things", headers=headers)
            self.assertEqual(answer.status, 403, headers)
            self.assertIn("web_host", answer.json["error"])
        own = {"Origin": "https://semaphore.example"}
        self.assertEqual(self.guest.delete("/api/things", headers=own).status, 204)
        self.assertEqual(self.guest.delete("/api/things").status, 204)

    def test_reading(self) -> None:
        """Reading is served; no page of another site sees the answer."""
        evil = {"Origin": "https://evil.example"}
        answer = self.guest.get("/api/show", headers=evil)
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.header("access-control-allow-origin"))

    def test_token(self) -> None:
        """A token is never asked for its origin."""
        user = make_user(self.client.database.conn, "tom")
        client = self.client.with_token(user)
        evil = {"Origin": "https://evil.example"}
        self.assertEqual(client.delete("/api/things", headers=evil).status, 204)

    def test_public(self) -> None:
        """A page of another site cannot log a user in."""
        evil = {"Origin": "https://evil.example"}
        self.assertEqual(self.client.post("/api/open", headers=evil).status, 403)
        self.assertEqual(self.client.post("/api/open").status, 204)

    def test_all_routes(self) -> None:
        """Every real route that changes something refuses it."""
        client = api_client()
        client.login()
        evil = {"Origin": "https://evil.example"}
        for route in client.routes:
            if route.method in {"GET", "OPTIONS"}:
                continue
            path = "/api" + route.pattern
            for each in route.parameters:
                path = path.replace(f"{{{each.name}{':text' * each.text}}}", "1")
            answer = client.request(route.method, path, b"{}", headers=evil)
            self.assertEqual(answer.status, 403, path)


class AnswerTests(ResourceCase):
    """Answers are written as Semaphore writes them."""

    def test_json(self) -> None:
        """An object is JSON with one newline at its end and its length in front."""
        answer = self.guest.get("/api/show?name=a&name=%3Cb%3E")
        self.assertEqual(answer.body, b'{"name":"\\u003cb\\u003e","size":null}\n')
        self.assertEqual(answer.headers["content-type"], ["application/json"])
        self.assertEqual(answer.header("content-length"), str(len(answer.body)))

    def test_created(self) -> None:
        """The status is the route's; the body is read with any content type."""
        for kind in ("application/json", "application/x-www-form-urlencoded", "x/y"):
            answer = self.guest.post(
                "/api/things", {"NAME": "a"}, headers={"Content-Type": kind}
            )
            self.assertEqual(answer.status, 201)
            self.assertEqual(answer.json, {"name": "a", "size": None})

    def test_nothing(self) -> None:
        """An empty answer is a 204 without a body, but with the type."""
        answer = self.guest.delete("/api/things")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.headers["content-type"], ["application/json"])
        self.assertNotIn("transfer-encoding", answer.headers)

    def test_text(self) -> None:
        """A text is text."""
        answer = self.client.get("/api/open")
        self.assertEqual(answer.body.decode(), "schön")
        self.assertEqual(answer.header("content-type"), "text/plain; charset=utf-8")

    def test_head(self) -> None:
        """HEAD is GET without the body."""
        answer = self.guest.head("/api/show")
        self.assertEqual((answer.status, answer.body), (200, b""))
        got = self.guest.get("/api/show").body
        self.assertEqual(answer.header("content-length"), str(len(got)))

    def test_slash(self) -> None:
        """One slash at the end makes no difference."""
        self.assertEqual(self.guest.get("/api/show/").status, 200)
        self.assertEqual(self.guest.get("/api/show//").status, 404)

    def test_gone(self) -> None:
        """When the client goes, a read is cancelled and nothing is logged."""
        transport = self.guest.open("GET", "/api/wait")
        self.assertEqual(transport.value(), b"")
        self.guest.hang_up(transport)
        self.assertTrue(self.handlers.cancelled)

    def test_gone_during_a_change(self) -> None:
        """A change that has begun is made with all that follows from it."""
        transport = self.guest.open("POST", "/api/wait")
        self.guest.hang_up(transport)
        self.handlers.waiting.callback(None)
        self.assertTrue(self.handlers.followed)

    def test_keep_alive(self) -> None:
        """Two requests on one connection get two answers."""
        lines = self.guest.head_of("GET", "/api/show", {})
        data = "\r\n".join(lines).encode() + b"\r\n\r\n"
        got = self.guest.send(data + data).value()
        self.assertEqual(got.count(b"HTTP/1.1 200"), 2)


class StreamTests(ResourceCase):
    """A stream is written as it is read."""

    def test_whole(self) -> None:
        """Every chunk arrives."""
        answer = self.guest.get("/api/stream")
        self.assertEqual(answer.body, b"x" * 1000)
        self.assertEqual(answer.header("content-type"), "application/json")

    def test_back_pressure(self) -> None:
        """A client that does not read holds the stream back."""
        transport = self.guest.open("GET", "/api/stream", paused=True)
        self.assertLess(self.handlers.sent, 3)
        producer: Any = transport.producer
        producer.resumeProducing()
        self.assertEqual(self.handlers.sent, 100)
        self.assertEqual(parse(transport.value()).body, b"x" * 1000)

    def test_gone(self) -> None:
        """When the client goes, the stream ends."""
        transport = self.guest.open("GET", "/api/stream", paused=True)
        self.guest.hang_up(transport)
        self.assertLess(self.handlers.sent, 3)


class IdTests(SynchronousTestCase):
    """An id in a body must be the path's."""

    ROUTE = Route(
        method="PUT",
        pattern="/project/{project_id}/keys/{key_id}",
        handler=Handlers().nothing,
        access=Access.USER,
    )

    def check(self, **outer: Any) -> None:
        """Check a body for key 5 of project 3."""
        check_ids(self.ROUTE, {"project_id": 3, "key_id": 5}, outer)

    def test_fine(self) -> None:
        """Missing, null, zero, a new object's and the right id are accepted."""
        self.check()
        self.check(id=None, project_id=None)
        self.check(id=0, project_id=0)
        self.check(id=-100000000)
        self.check(id=5, project_id=3)

    def test_wrong(self) -> None:
        """Another one is refused with Semaphore's sentence."""
        for outer, sentence in (
            ({"id": 4}, "Access key ID in body and URL must be the same"),
            ({"project_id": 4}, "Project ID in body and URL must be the same"),
            ({"id": "5"}, "Access key ID in body and URL must be the same"),
            ({"id": True}, "Access key ID in body and URL must be the same"),
        ):
            error = self.assertRaises(Invalid, self.check, **outer)
            self.assertEqual(str(error), sentence)

    def test_new(self) -> None:
        """On a new object only the project counts."""
        route = Route(
            method="POST",
            pattern="/project/{project_id}/keys",
            handler=Handlers().nothing,
            access=Access.USER,
        )
        check_ids(route, {"project_id": 3}, {"id": 77, "project_id": 3})
