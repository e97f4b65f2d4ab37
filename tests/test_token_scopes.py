"""The rights of API tokens of each scope, for every route."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.users import Access, TokenScope
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.routing import Route
from tests.support.checks import HeldRunner, MemoryDirectories, check_service
from tests.support.http import Answer, ApiClient, api_client
from tests.support.memory import MemoryDatabase, make_project, make_user
from tests.test_routes import path_of

#: A line per route: method, pattern, and whether a read-only token and a token for one
#: project may use it. A new route needs a line, which somebody has thought about.
TABLE = Path(__file__).parent / "token_scopes.txt"

_WORDS = {"yes": True, "no": False}


def table() -> dict[tuple[str, str], tuple[bool, bool]]:
    """Return what the table says of each method and pattern."""
    found = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            method, pattern, reads, project = line.split()
            found[method, pattern] = (_WORDS[reads], _WORDS[project])
    return found


class TokenScopeTests(SynchronousTestCase):
    """The table, and its effect in the site."""

    def setUp(self) -> None:
        """Make an administrator who owns two projects."""
        database = MemoryDatabase()
        checks = check_service(database, HeldRunner(), MemoryDirectories())
        self.client = api_client(database=database, checks=checks)
        conn = database.conn
        self.owner = make_user(conn, "olga", admin=True)
        self.project = make_project(conn, self.owner)
        self.other = make_project(conn, self.owner, "Other")
        self.reading = TokenScope(read_only=True)
        self.one = TokenScope(project_id=self.project.id)
        self.both = TokenScope(read_only=True, project_id=self.project.id)

    def ask(self, client: ApiClient, route: Route, project: int) -> Answer:
        """Ask for *route* with an empty body."""
        body = {} if route.method in {"POST", "PUT"} else b""
        return client.request(route.method, path_of(route, project), body)

    def token(self, scope: TokenScope) -> ApiClient:
        """Return a client with a token of the owner."""
        return self.client.with_token(self.owner, scope)

    def is_refused(self, answer: Answer) -> bool:
        """Whether *answer* refuses by the scope of the token, and says so."""
        said = answer.json if answer.status == 403 else None
        return said is not None and said["error"].startswith("This API token is ")

    def test_complete(self) -> None:
        """The table has each route that needs a login once, and no other one."""
        lines = [
            tuple(line.split()[:2])
            for line in TABLE.read_text().splitlines()
            if line and not line.startswith("#")
        ]
        self.assertEqual(lines, sorted(set(lines), key=lambda each: each[::-1]))
        routes = {
            (each.method, each.pattern)
            for each in ROUTES
            if each.access is not Access.PUBLIC
        }
        self.assertEqual(routes - set(lines), set(), "decide about these")
        self.assertEqual(set(lines) - routes, set(), "there are no such routes")

    def test_scopes(self) -> None:
        """Each route accepts exactly the tokens that its line in the table names."""
        said = table()
        clients = [(each, self.token(each)) for each in (self.reading, self.one)]
        clients.append((self.both, self.token(self.both)))
        for route in ROUTES:
            if (
                route.access is Access.PUBLIC
                or route.pattern == "/project/{project_id}"
            ):
                continue
            reads, project = said[route.method, route.pattern]
            for scope, client in clients:
                may = (reads or not scope.read_only) and (
                    project or scope.project_id is None
                )
                answer = self.ask(client, route, self.project.id)
                self.assertEqual(
                    self.is_refused(answer),
                    not may,
                    f"{route.method} {route.pattern}: {scope}, {answer}",
                )
                if may:
                    self.assertNotIn(answer.status, {401, 403}, route.pattern)

    def test_other_project(self) -> None:
        """In no other project anything is possible, and nothing is learned of it."""
        client = self.token(self.one)
        for route in ROUTES:
            if route.in_project:
                answers = [
                    self.ask(client, route, number) for number in (self.other.id, 999)
                ]
                for answer in answers:
                    self.assertTrue(self.is_refused(answer), route.pattern)
                self.assertEqual(answers[0].body, answers[1].body)
        whole = self.client.with_token(self.owner)
        self.assertEqual(whole.get(f"/api/project/{self.other.id}").status, 200)

    def test_the_project_itself(self) -> None:
        """A project is read, changed and deleted by its token; then the token ends."""
        path = f"/api/project/{self.project.id}"
        body = {"id": self.project.id, "name": "Renamed"}
        for scope in (self.reading, self.both):
            client = self.token(scope)
            self.assertEqual(client.get(path).status, 200)
            self.assertEqual(client.head(path).status, 200)
            self.assertTrue(self.is_refused(client.put(path, body)))
            self.assertTrue(self.is_refused(client.delete(path)))
        client = self.token(self.one)
        self.assertEqual(client.put(path, body).status, 204)
        self.assertEqual(client.get(path).json["name"], "Renamed")
        listed = client.get("/api/projects").json
        self.assertEqual([each["id"] for each in listed], [self.project.id])
        self.assertEqual(client.delete(path).status, 204)
        for again in ("/api/projects", path, "/api/nothing"):
            self.assertEqual(client.get(again).status, 401)

    def test_no_route(self) -> None:
        """A path without a route is 404 or 405 to any token."""
        for scope in (self.reading, self.one, self.both):
            client = self.token(scope)
            self.assertEqual(client.post("/api/nothing", {}).status, 404)
            self.assertEqual(client.request("PATCH", "/api/projects").status, 405)

    def test_tokens(self) -> None:
        """A token is made with a scope; a narrow one makes none."""
        whole = self.client.with_token(self.owner)
        for fields in (
            {},
            {"read_only": True},
            {"project_id": self.project.id},
            {"read_only": True, "project_id": self.project.id},
        ):
            answer = whole.post("/api/user/tokens", {"name": "ci", **fields})
            self.assertEqual(answer.status, 201)
            self.assertEqual(self.scope_of(answer.json), fields)
            shown = whole.get("/api/user/tokens").json[-1]
            self.assertEqual(self.scope_of(shown), fields)
            whole.delete(f"/api/user/tokens/{answer.json['id']}")
        answer = whole.post("/api/user/tokens", {"project_id": 999})
        self.assertEqual((answer.status, answer.json["field"]), (400, "project_id"))
        for scope in (self.reading, self.one, self.both):
            answer = self.token(scope).post("/api/user/tokens", {"name": "more"})
            self.assertTrue(self.is_refused(answer))

    def scope_of(self, token: dict[str, object]) -> dict[str, object]:
        """Return the fields of the scope of *token*."""
        names = ("read_only", "project_id")
        return {name: token[name] for name in names if name in token}
