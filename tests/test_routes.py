"""Every route: its required access. ``tests.web.test_permissions`` tries the roles."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.users import Access
from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.openapi import document
from semaphore_twisted.web.http.routing import Route
from tests.support.http import ApiClient, api_client

#: What may be asked for without credentials; nothing else.
PUBLIC = {
    ("GET", "/ping"),
    ("GET", "/auth/login"),
    ("POST", "/auth/login"),
    ("POST", "/auth/logout"),
    ("GET", "/metrics"),  # has credentials of its own
    ("GET", "/openapi.json"),  # the project publishes it anyway
    # a webhook: the handler authenticates the sender, and answers 204 to anybody
    *((each, "/integrations/{alias:text}") for each in ("GET", "POST", "OPTIONS")),
    # the state backend: the handler checks the password of the alias
    *((m, "/terraform/{alias:text}") for m in ("GET", "POST", "LOCK", "UNLOCK")),
    ("POST", "/vpn/enroll"),  # has a token of its own
    ("GET", "/vpn/ca"),  # a root certificate is public
}

#: Reading these needs the right to manage resources: they say where secrets are used.
GUARDED = ("/keys", "/environment")


def path_of(route: Route, project: int = 987654) -> str:
    """Return an address of *route* in *project*, of things that are not there."""
    path = route.pattern.replace("{project_id}", str(project))
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        path = f"{before}{'nothing-here' if ':text' in name else '987654'}{after}"
    return f"/api{path}"


class RouteTests(SynchronousTestCase):
    """The table of routes, and its effect in the site."""

    def ask(self, client: ApiClient, route: Route, **more: Any) -> int:
        """Ask for *route* with an empty body; return the status."""
        body = {} if route.method in {"POST", "PUT"} else b""
        return int(client.request(route.method, path_of(route), body, **more).status)

    def test_anonymous(self) -> None:
        """Without credentials every route but the listed ones says 401."""
        public = {
            (each.method, each.pattern)
            for each in ROUTES
            if each.access is Access.PUBLIC
        }
        self.assertLessEqual(public, PUBLIC)
        client = api_client()
        for route in ROUTES:
            if route.access is not Access.PUBLIC:
                self.assertEqual(self.ask(client, route), 401, route.pattern)

    def test_guarded(self) -> None:
        """Only users who manage keys and environments can read them."""
        for route in ROUTES:
            if route.pattern.startswith("/project/{project_id}") and any(
                route.pattern.endswith(each) or f"{each}/" in route.pattern
                for each in GUARDED
            ):
                self.assertIs(route.access, Access.MANAGE_RESOURCES, route.pattern)

    def test_foreign_pages(self) -> None:
        """A foreign page changes nothing with the cookie of a visitor."""
        client = api_client()
        client.login()
        for sent in (
            {"Origin": "https://evil.example"},
            {"Referer": "https://evil.example/x"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            for route in ROUTES:
                if route.method != "GET" and route.access is not Access.PUBLIC:
                    status = self.ask(client, route, headers=sent)
                    self.assertEqual(status, 403, f"{route.method} {route.pattern}")

    def test_document(self) -> None:
        """Every route is in the API document, with a summary."""
        paths: Any = document(ROUTES, base="")["paths"]
        for route in ROUTES:
            path = route.pattern.replace(":text}", "}")
            if "LOCK" in route.method:  # OpenAPI does not know these methods
                continue
            operation = paths[path][route.method.lower()]
            self.assertTrue(operation["summary"], path)
