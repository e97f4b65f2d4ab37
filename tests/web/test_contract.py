"""The answers of the tests are compared with the API's document: it is noticed."""

from collections.abc import Iterator
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.api.routes import ROUTES
from tests.support.contract import mismatches
from tests.support.http import api_client

_USER = {
    "id": 1,
    "created": "2026-01-02T03:04:05Z",
    "username": "a",
    "name": "A",
    "email": "a@example.com",
    "admin": False,
    "external": False,
    "alert": False,
}


class ContractTests(SynchronousTestCase):
    """An answer that differs from the document is reported."""

    def compare(
        self,
        body: object,
        path: str = "/users",
        status: int = 200,
        kind: str = "application/json",
    ) -> str:
        """Return the reported differences of an answer."""
        text = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return "; ".join(mismatches("GET", path, status, kind, text))

    def test_as_documented(self) -> None:
        """An answer that matches the document is not reported."""
        self.assertEqual(self.compare([_USER]), "")
        self.assertEqual(self.compare([{"id": 1, "username": "a", "name": "A"}]), "")
        self.assertEqual(self.compare(b"", status=401), "")
        self.assertEqual(self.compare({"error": "x"}, status=409), "")
        self.assertEqual(self.compare(b"pong", "/ping", kind="text/plain"), "")

    def test_told(self) -> None:
        """Other statuses, types, fields and values are reported."""
        for answer, word in (
            (self.compare([{**_USER, "more": 1}]), "more is not documented"),
            (self.compare([{**_USER, "id": "1"}]), "is no integer"),
            (self.compare([{**_USER, "id": True}]), "is no integer"),
            (self.compare([{"id": 1}]), "missing"),
            (self.compare({}), "is no array"),
            (self.compare([], status=418), "418 is not documented"),
            (self.compare([], kind="text/html"), "text/html"),
            (self.compare(b""), "has no body"),
            (self.compare({"message": "x"}, status=409), "error is missing"),
        ):
            self.assertIn(word, answer)

    def test_clients_compare(self) -> None:
        """Each request of a test is compared."""
        client = api_client()
        client.login()
        answer = client.get("/api/users")
        client.check("GET", "/api/users", answer)
        with self.assertRaises(AssertionError):
            client.check("GET", "/api/projects", answer)


class SchemaTests(SynchronousTestCase):
    """Fields of requests only are marked as such, and no other fields."""

    def setUp(self) -> None:
        """Get the document."""
        self.document = api_client().get("/api/openapi.json").json
        self.schemas = self.document["components"]["schemas"]

    def test_write_only(self) -> None:
        """A key is sent with its secret and shown with blanks."""
        sent = self.schemas["SshFields"]["properties"]["private_key"]
        shown = self.schemas["SshFieldsShown"]["properties"]["private_key"]
        self.assertTrue(sent["writeOnly"])
        self.assertNotIn("writeOnly", shown)
        reference = self.schemas["AccessKey"]["properties"]["ssh"]
        self.assertIn("SshFieldsShown", str(reference))
        reference = self.schemas["NewAccessKey"]["properties"]["ssh"]
        self.assertNotIn("SshFieldsShown", str(reference))

    def test_answers_have_none(self) -> None:
        """No answer has a field that is documented as never given."""
        for item in self.document["paths"].values():
            for operation in item.values():
                for answer in operation["responses"].values():
                    self.assertEqual(list(self.hidden(answer, ())), [])

    def hidden(self, value: Any, seen: tuple[str, ...]) -> Iterator[str]:
        """Yield the fields inside *value* that are never given."""
        if isinstance(value, list):
            for each in value:
                yield from self.hidden(each, seen)
        if not isinstance(value, dict):
            return
        reference = value.get("$ref", "")
        name = reference.rpartition("/")[2]
        if reference.startswith("#/components/schemas/") and name not in seen:
            yield from self.hidden(self.schemas[name], (*seen, name))
        for key, each in value.items():
            if isinstance(each, dict) and each.get("writeOnly"):
                yield key
            yield from self.hidden(each, seen)

    def test_times(self) -> None:
        """Times have the format of times."""
        for name, field in (
            ("User", "created"),
            ("Task", "start"),
        ):
            self.assertIn("date-time", str(self.schemas[name]["properties"][field]))
        name = str(self.schemas["User"]["properties"]["name"])
        self.assertNotIn("date-time", name)

    def test_refusals(self) -> None:
        """Each route documents its errors."""
        for route in ROUTES:
            path = route.pattern.replace(":text}", "}")
            if "LOCK" in route.method:  # OpenAPI does not know these methods
                continue
            responses = self.document["paths"][path][route.method.lower()]["responses"]
            wanted = {"400", "500"}
            if route.method != "GET":
                wanted |= {"403", "409", "507"}
            if route.body is not None:
                wanted.add("413")
            self.assertLessEqual(wanted, set(responses), path)
        login = self.document["paths"]["/auth/login"]["post"]["responses"]
        self.assertLessEqual({"401", "429"}, set(login))
        output = "/project/{project_id}/tasks/{task_id}/raw_output"
        content = self.document["paths"][output]["get"]["responses"]["200"]["content"]
        self.assertEqual(list(content), ["text/plain"])
