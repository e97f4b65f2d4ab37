"""Tests of the API's document."""

import re
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.openapi import SECRETS, document
from tests.support.http import api_client

_METHODS = {"get", "post", "put", "delete", "options"}


def references(value: Any) -> Iterator[str]:
    """Yield every reference inside *value*."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


class DocumentTests(SynchronousTestCase):
    """The document is what OpenAPI 3.1 asks for."""

    def setUp(self) -> None:
        """Get the document without credentials."""
        answer = api_client().get("/api/openapi.json")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], ["application/json"])
        self.document = answer.json

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield path, method and operation."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def test_frame(self) -> None:
        """It has the fields that must be there, and servers that name the prefix."""
        self.assertRegex(self.document["openapi"], r"^3\.1\.\d+$")
        self.assertLessEqual({"title", "version"}, set(self.document["info"]))
        self.assertEqual(self.document["servers"], [{"url": "/api"}])
        self.assertEqual(
            set(self.document["components"]["securitySchemes"]), {"bearer", "cookie"}
        )

    def test_paths(self) -> None:
        """Paths begin with a slash, without the prefix and without our own syntax."""
        for path in self.document["paths"]:
            self.assertTrue(path.startswith("/"), path)
            self.assertFalse(path.startswith("/api"), path)
            self.assertNotIn(":", path)

    def test_operations(self) -> None:
        """Each operation has an id of its own, its parameters and an answer."""
        identifiers: set[str] = set()
        for path, method, operation in self.operations():
            self.assertIn(method, _METHODS)
            self.assertNotIn(operation["operationId"], identifiers)
            identifiers.add(operation["operationId"])
            named = {
                each["name"]
                for each in operation.get("parameters", ())
                if each["in"] == "path"
            }
            self.assertEqual(named, set(re.findall(r"{(\w+)}", path)), path)
            self.assertTrue(operation["responses"], path)
            for code, answer in operation["responses"].items():
                self.assertRegex(code, r"^[1-5]\d\d$")
                self.assertTrue("description" in answer or "$ref" in answer, path)
        # OpenAPI does not know LOCK and UNLOCK, which Terraform sends
        known = [each for each in ROUTES if each.method.lower() in _METHODS]
        self.assertEqual(len(identifiers), len(known))
        self.assertEqual(len(ROUTES) - len(known), 2)

    def test_query(self) -> None:
        """A query parameter has its type, its limits and its default, and no null."""
        parameters = self.document["paths"]["/project/{project_id}/overview"]["get"][
            "parameters"
        ]
        found = {each["name"]: each for each in parameters if each["in"] == "query"}
        self.assertEqual(
            found["days"],
            {
                "name": "days",
                "in": "query",
                "required": False,
                "allowEmptyValue": True,
                "description": "Days, with today",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 366,
                    "default": 14,
                },
            },
        )
        for path, _, operation in self.operations():
            for each in operation.get("parameters", ()):
                self.assertIn("type", each["schema"], (path, each["name"]))
                self.assertNotIn("null", str(each["schema"]), (path, each["name"]))

    def test_lenient(self) -> None:
        """A number that Semaphore takes any text for is documented as both."""
        last = self.document["paths"]["/project/{project_id}/tasks/last"]["get"]
        found = {each["name"]: each["schema"] for each in last["parameters"]}
        for name in ("limit", "count", "before"):
            self.assertEqual(found[name]["type"], ["integer", "string"])
        self.assertEqual(found["template_id"]["type"], "integer")

    def test_references(self) -> None:
        """Every reference leads somewhere inside the document."""
        found = set(references(self.document))
        self.assertIn("#/components/schemas/Project", found)
        for reference in found:
            value: Any = self.document
            for name in reference.removeprefix("#/").split("/"):
                self.assertIn(name, value, reference)
                value = value[name]

    def test_secrets(self) -> None:
        """Fields that are accepted and never returned are marked so."""
        schemas = self.document["components"]["schemas"]
        hidden = {
            name
            for schema in schemas.values()
            for name, each in schema.get("properties", {}).items()
            if each.get("writeOnly")
        }
        self.assertEqual(hidden, SECRETS & hidden)
        self.assertTrue(schemas["SshFields"]["properties"]["private_key"]["writeOnly"])
        self.assertTrue(schemas["LoginRequest"]["properties"]["password"]["writeOnly"])

    def test_credentials(self) -> None:
        """Only public routes ask for no credentials."""
        for path, method, operation in self.operations():
            public = operation.get("security") == []
            if not public:
                self.assertIn("401", operation["responses"], path)
            self.assertNotEqual(public, "x-access" in operation, f"{method} {path}")

    def test_base(self) -> None:
        """The server's address has the base path in front."""
        made = document(ROUTES, base="/semaphore")
        self.assertEqual(made["servers"], [{"url": "/semaphore/api"}])
