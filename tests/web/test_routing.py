"""Tests of the router."""

import contextlib
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.users import Access
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.routing import (
    NoSuchMethod,
    NoSuchPath,
    NotAnInteger,
    Route,
    Router,
)


async def answer(context: object) -> None:
    """Return no answer."""


def route(method: str, pattern: str) -> Route:
    """Return a route that does nothing."""
    return Route(method=method, pattern=pattern, handler=answer, access=Access.USER)


KEYS = route("GET", "/project/{project_id}/keys")
KEY = route("GET", "/project/{project_id}/keys/{key_id}")
LAST = route("GET", "/project/{project_id}/keys/last")
CHANGE = route("PUT", "/project/{project_id}/keys/{key_id}")
TOKEN = route("DELETE", "/user/tokens/{token_id:text}")
ALL = (KEYS, KEY, LAST, CHANGE, TOKEN)

identifiers = st.integers(min_value=0, max_value=2**63 - 1)


class RouterTests(SynchronousTestCase):
    """A method and a path mean one route, or none."""

    def setUp(self) -> None:
        """Know a few routes."""
        self.router = Router(ALL)

    def test_values(self) -> None:
        """A match has the values of the pattern's segments."""
        match = self.router.match("GET", b"/project/7/keys/12")
        self.assertIs(match.route, KEY)
        self.assertEqual(match.path, {"project_id": 7, "key_id": 12})

    def test_one_slash_is_cut(self) -> None:
        """One slash at the end makes no difference; two do."""
        self.assertIs(self.router.match("GET", b"/project/7/keys/").route, KEYS)
        with self.assertRaises(NoSuchPath):
            self.router.match("GET", b"/project/7/keys//")

    def test_fixed_before_parameter(self) -> None:
        """A fixed segment is preferred to a parameter."""
        self.assertIs(self.router.match("GET", b"/project/7/keys/last").route, LAST)

    def test_head(self) -> None:
        """HEAD finds the route of GET."""
        self.assertIs(self.router.match("HEAD", b"/project/7/keys").route, KEYS)

    def test_other_method(self) -> None:
        """A method that the path does not know names those that it knows."""
        with self.assertRaises(NoSuchMethod) as caught:
            self.router.match("POST", b"/project/7/keys/1")
        self.assertEqual(caught.exception.allowed, ("GET", "HEAD", "PUT"))

    def test_not_an_integer(self) -> None:
        """A segment that is no integer is distinguished from an unknown path."""
        for segment in (b"x", b"1x", b"%31x", "\u0663".encode(), b"9" * 30, b"1.0"):
            with self.assertRaises(NotAnInteger) as caught:
                self.router.match("GET", b"/project/7/keys/" + segment)
            self.assertEqual(caught.exception.name, "key_id")

    def test_not_utf8(self) -> None:
        """A path that is not text is no path."""
        with self.assertRaises(NoSuchPath):
            self.router.match("GET", b"/project/%ff/keys")

    def test_text_is_decoded(self) -> None:
        """A text segment is percent-decoded after the path was split."""
        match = self.router.match("DELETE", b"/user/tokens/a%2Fb%3D")
        self.assertEqual(match.path, {"token_id": "a/b="})

    def test_twice(self) -> None:
        """Two routes for the same method and path are refused."""
        twin = route("GET", "/project/{other}/keys")
        with self.assertRaises(ValueError):
            Router((*ALL, twin))

    @given(project=identifiers, key=identifiers, slash=st.booleans())
    def test_every_integer(self, project: int, key: int, slash: bool) -> None:
        """Every integer of the store is returned unchanged."""
        path = f"/project/{project}/keys/{key}" + "/" * slash
        match = self.router.match("PUT", path.encode())
        self.assertIs(match.route, CHANGE)
        self.assertEqual(match.path, {"project_id": project, "key_id": key})

    @given(text=st.text(min_size=1))
    def test_every_text(self, text: str) -> None:
        """Every text is returned unchanged from a path."""
        match = self.router.match("DELETE", f"/user/tokens/{quote(text, '')}".encode())
        self.assertEqual(match.path, {"token_id": text})

    @given(path=st.binary(max_size=40), method=st.sampled_from(["GET", "PUT", "X"]))
    def test_noise(self, path: bytes, method: str) -> None:
        """Every request is a match or one of three errors."""
        with contextlib.suppress(NoSuchPath, NoSuchMethod, NotAnInteger):
            self.router.match(method, path)

    @given(data=st.data())
    def test_real_routes(self, data: st.DataObject) -> None:
        """Each route of the API is found by its own path."""
        chosen = data.draw(st.sampled_from(ROUTES))
        path = chosen.pattern
        for each in chosen.parameters:
            mark = f"{{{each.name}:text}}" if each.text else f"{{{each.name}}}"
            path = path.replace(mark, str(data.draw(identifiers)))
        found = Router(ROUTES).match(chosen.method, path.encode())
        self.assertIs(found.route, chosen)


class RowTests(SynchronousTestCase):
    """Rows of a table of routes."""

    def test_methods(self) -> None:
        """A row is named after the method of HTTP."""
        for make, method in (
            (Route.get, "GET"),
            (Route.post, "POST"),
            (Route.put, "PUT"),
            (Route.delete, "DELETE"),
        ):
            row = make("/x/{x_id}", answer, Access.USER, answer=int)
            expected = Route(
                method=method,
                pattern="/x/{x_id}",
                handler=answer,
                access=Access.USER,
                answer=int,
            )
            self.assertEqual(row, expected)
            self.assertIs(row.handler, answer)

    def test_status(self) -> None:
        """The status is 204 without an answer, unless another one is given."""
        self.assertEqual(Route.put("/x", answer, Access.USER, body=int).status, 204)
        self.assertEqual(Route.put("/x", answer, Access.USER, answer=int).status, 200)
        row = Route.post("/x", answer, Access.USER, answer=int, status=201)
        self.assertEqual(row.status, 201)
        self.assertEqual(Route.post("/x", answer, Access.USER, status=202).status, 202)
