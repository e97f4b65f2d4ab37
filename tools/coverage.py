"""The generated tables of ``docs/api-coverage.md``: Semaphore's routes and ours.

``tools/semaphore_routes.tsv`` has each pair of method and path that Semaphore is known
to serve, with the versions or documents that it is known from.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from semaphore_twisted.web.api.routes import ROUTES

TABLE = Path(__file__).with_name("semaphore_routes.tsv")

#: Served outside of the table of routes: method and path, and the module.
_ELSEWHERE = {("GET", "/ws"): "web.websocket.endpoint"}

#: Why the pairs of an area are not served, as far as they are not.
REASONS = {
    "2FA": "later, with the second factor",
    "backup": "later, with the backup of a project",
    "cluster": "later, with several servers on one database",
    "custom roles": "later, with roles of one's own",
    "debugging": "never: they concern the Go runtime",
    "integrations": "later, with integrations",
    "invites": "later, with invites to a project",
    "LDAP/OIDC": "later, with LDAP and OpenID Connect",
    "notifications": "later, with notifications",
    "runners": "later, with remote runners",
    "schedules": "later, with schedules",
    "secret storages": "later, with secret storages",
    "subscription": "never: no feature is sold",
    "task JWT": "later, with tokens of tasks",
    "workflows": "later, with workflows",
}


class Pair(msgspec.Struct, frozen=True):
    """A method and a path of Semaphore, without ``/api``.

    *module* serves it; empty if none does.
    """

    area: str
    method: str
    path: str
    known_from: str
    module: str = ""

    @property
    def state(self) -> str:
        """The cell of the table: the module that serves the pair, or the reason."""
        return f"`{self.module}`" if self.module else REASONS[self.area]


def pairs() -> tuple[Pair, ...]:
    """Return every pair, in the order of the table."""
    served = {
        (route.method, _shape(route.pattern)): _module(route.handler.__module__)
        for route in ROUTES
    }
    served |= {(method, _shape(path)): of for (method, path), of in _ELSEWHERE.items()}
    rows = [line.split("\t") for line in TABLE.read_text().splitlines()[1:]]
    return tuple(
        Pair(area, method, path, known, served.get((method, _shape(path)), ""))
        for area, method, path, known in rows
    )


def _shape(path: str) -> str:
    """Return a path without the names of its parts, which differ."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _module(name: str) -> str:
    return name.removeprefix("semaphore_twisted.")


def text() -> str:
    """Return the counts, and a table for each area."""
    every = pairs()
    areas = list(dict.fromkeys(each.area for each in every))
    return "\n".join((*_counts(every), *(_area(name, every) for name in areas)))


def _counts(every: tuple[Pair, ...]) -> Iterator[str]:
    """Yield how many pairs of each source are served."""
    sources = {
        "all": "",
        "router of 2.10": "2.10",
        "API document of 2.10": "2.10 document",
        "API document of 2.16": "2.16 document",
        "API document of August 2026": "2026-08 document",
    }
    yield "| known from | pairs | served |"
    yield "|---|---|---|"
    for name, mark in sources.items():
        of = [each for each in every if not mark or mark in each.known_from.split(", ")]
        yield f"| {name} | {len(of)} | {sum(bool(each.module) for each in of)} |"
    yield ""


def _area(name: str, every: tuple[Pair, ...]) -> str:
    rows = "\n".join(
        f"| {each.method} | `{each.path}` | {each.known_from} | {each.state} |"
        for each in every
        if each.area == name
    )
    head = "| method | path | known from | served by, or why not |\n|---|---|---|---|"
    return f"## {name[:1].upper()}{name[1:]}\n\n{head}\n{rows}\n"
