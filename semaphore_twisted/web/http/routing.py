"""Routes as data, and the lookup of the route for a request; pure.

A pattern is the path below ``/api``: ``/project/{project_id}/keys/{key_id}``. A segment
in braces is an integer, ``{name:text}`` a text. A fixed segment takes precedence over
one in braces. One trailing slash is ignored; HEAD is handled as GET.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypedDict
from urllib.parse import unquote_to_bytes

from attrs import Factory, define, field, frozen
from msgspec import Struct
from typing_extensions import Unpack

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.users import Access, Demand
from semaphore_twisted.web.http.preconditions import Tagged

#: Methods without side effects.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

#: The largest integer of SQLite.
_LARGEST = 2**63 - 1


class NoSuchPath(Exception):
    """No route has this path (404)."""


class NoSuchMethod(Exception):
    """The path exists for other methods only (405)."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        """Store the *allowed* methods."""
        super().__init__(", ".join(allowed))
        self.allowed = allowed


class NotAnInteger(Exception):
    """A segment of the path should be an integer (400)."""

    def __init__(self, name: str) -> None:
        """Store the *name* of the parameter."""
        super().__init__(name)
        self.name = name


@frozen
class Parameter:
    """A segment in braces."""

    name: str
    text: bool


def _parameter(segment: str) -> Parameter | None:
    if not (segment.startswith("{") and segment.endswith("}")):
        return None
    name, _, kind = segment[1:-1].partition(":")
    return Parameter(name, text=kind == "text")


Handler = Callable[..., Awaitable[object]]


class RouteFields(TypedDict, total=False):
    """The fields of a route that have a default."""

    body: object
    query: type[Struct]
    answer: object
    status: int
    content: tuple[str, ...]
    refusals: frozenset[int]
    tagged: Tagged
    urgent: bool
    raw: bool
    changes_nothing: bool
    one_project: bool | None


@frozen(kw_only=True)
class Route:
    """One route: required access, handler, body type, response type and status.

    *handler* is ``async def handler(context, body)``, or without *body* if
    ``Route.body`` is ``None``.

    The four methods that are named after a method of HTTP make a row of a table of
    routes. Their *status* is by default 200, and 204 without an *answer*.
    """

    method: str
    pattern: str
    handler: Handler = field(eq=False)
    access: Access
    body: object = None
    #: the query parameters, apart from those that Semaphore has; see ``parameters``
    query: type[Struct] | None = None
    answer: object = None
    status: int = 200
    #: content types of a response, in addition to JSON or instead of it
    content: tuple[str, ...] = ()
    #: statuses of refusals that only this route has
    refusals: frozenset[int] = frozenset()
    #: the object that has an entity tag, if the route reads or changes one
    tagged: Tagged | None = field(default=None, eq=False)
    #: Whether it must work on a full disk; deletions always do.
    urgent: bool = False
    #: whether the handler reads the request itself, with any body: no JSON is decoded,
    #: and a page of another site may send it, since cookies say nothing here
    raw: bool = False
    #: whether it surely changes nothing though it is no GET: for read-only tokens
    changes_nothing: bool = False
    #: whether tokens for one project may use it; by default if the path has a project
    one_project: bool | None = None
    segments: tuple[str, ...] = field(init=False, eq=False)
    parameters: tuple[Parameter, ...] = field(init=False, eq=False)
    #: what the route demands of the caller
    demand: Demand = field(init=False, eq=False)

    @segments.default
    def _segments(self) -> tuple[str, ...]:
        return tuple(self.pattern.strip("/").split("/"))

    @parameters.default
    def _parameters(self) -> tuple[Parameter, ...]:
        found = [_parameter(segment) for segment in self.segments]
        return tuple(each for each in found if each is not None)

    @demand.default
    def _demand(self) -> Demand:
        only = self.in_project if self.one_project is None else self.one_project
        reads = self.changes_nothing or self.method in SAFE
        return Demand(self.access, reads=reads, one_project=only)

    @classmethod
    def get(
        cls,
        pattern: str,
        handler: Handler,
        access: Access,
        **fields: Unpack[RouteFields],
    ) -> "Route":
        """Return a route that reads."""
        return cls._row("GET", pattern, handler, access, fields)

    @classmethod
    def post(
        cls,
        pattern: str,
        handler: Handler,
        access: Access,
        **fields: Unpack[RouteFields],
    ) -> "Route":
        """Return a route that creates an object or does something with one."""
        return cls._row("POST", pattern, handler, access, fields)

    @classmethod
    def put(
        cls,
        pattern: str,
        handler: Handler,
        access: Access,
        **fields: Unpack[RouteFields],
    ) -> "Route":
        """Return a route that changes an object."""
        return cls._row("PUT", pattern, handler, access, fields)

    @classmethod
    def delete(
        cls,
        pattern: str,
        handler: Handler,
        access: Access,
        **fields: Unpack[RouteFields],
    ) -> "Route":
        """Return a route that deletes an object."""
        return cls._row("DELETE", pattern, handler, access, fields)

    @classmethod
    def _row(
        cls,
        method: str,
        pattern: str,
        handler: Handler,
        access: Access,
        fields: RouteFields,
    ) -> "Route":
        if "answer" not in fields:
            fields = {"status": 204, **fields}
        return cls(
            method=method, pattern=pattern, handler=handler, access=access, **fields
        )

    @property
    def name(self) -> str:
        """A unique name of the route, for documents and logs."""
        return f"{self.handler.__module__.rsplit('.', 1)[-1]}.{self.handler.__name__}"

    @property
    def in_project(self) -> bool:
        """Whether the path contains a project id."""
        return any(each.name == "project_id" for each in self.parameters)

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields of the body, and of the query parameters."""
        return frozenset(
            name
            for kind in (self.body, self.query)
            for name in getattr(kind, "__struct_encode_fields__", ())
        )

    @property
    def own_id(self) -> str | None:
        """The parameter that a body's ``id`` must equal: the last integer."""
        names = [each.name for each in self.parameters if not each.text]
        return names[-1] if names else None


@frozen
class Match:
    """A route with the values of its parameters."""

    route: Route
    path: JsonObject


@define
class _Node:
    fixed: "dict[str, _Node]" = Factory(dict)
    any: "_Node | None" = None
    routes: dict[str, Route] = Factory(dict)


def segments(path: bytes) -> tuple[str, ...] | None:
    """Return the decoded segments of *path*, or ``None`` if it is not UTF-8."""
    if path.endswith(b"/") and path != b"/":
        path = path[:-1]
    try:
        if b"%" not in path:
            return tuple(path.removeprefix(b"/").decode().split("/"))
        return tuple(
            unquote_to_bytes(segment).decode()
            for segment in path.removeprefix(b"/").split(b"/")
        )
    except UnicodeDecodeError:
        return None


def _integer(text: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    number = int(text)
    return number if abs(number) <= _LARGEST else None


class Router:
    """Finds the route of a method and a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Index *routes*; two for the same method and path are an error."""
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.segments:
            if _parameter(segment) is None:
                node = node.fixed.setdefault(segment, _Node())
            else:
                node.any = node.any or _Node()
                node = node.any
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.pattern}")
        node.routes[route.method] = route

    def match(self, method: str, path: bytes) -> Match:
        """Return the route of *path*, which is relative to ``/api``.

        :raises NoSuchPath: if no route has the path
        :raises NoSuchMethod: if the path exists for other methods only
        :raises NotAnInteger: if a segment is not an integer
        """
        parts = segments(path)
        found = None if parts is None else _find(self._root, parts, 0, ())
        if found is None:
            raise NoSuchPath
        node, values = found
        route = node.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = set(node.routes) | ({"HEAD"} if "GET" in node.routes else set())
            raise NoSuchMethod(tuple(sorted(allowed)))
        return Match(route, _converted(route, values))


def _find(
    node: _Node, parts: tuple[str, ...], index: int, values: tuple[str, ...]
) -> tuple[_Node, tuple[str, ...]] | None:
    if index == len(parts):
        return (node, values) if node.routes else None
    part = parts[index]
    fixed = node.fixed.get(part)
    if fixed is not None:
        found = _find(fixed, parts, index + 1, values)
        if found is not None:
            return found
    if node.any is not None and part:
        return _find(node.any, parts, index + 1, (*values, part))
    return None


def _converted(route: Route, values: tuple[str, ...]) -> dict[str, object]:
    path: dict[str, object] = {}
    for parameter, value in zip(route.parameters, values, strict=True):
        if parameter.text:
            path[parameter.name] = value
            continue
        number = _integer(value)
        if number is None:
            raise NotAnInteger(parameter.name)
        path[parameter.name] = number
    return path
