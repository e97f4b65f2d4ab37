"""Tests of the errors for bodies that are not accepted, for all routes."""

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.api.routes import ROUTES
from tests.support.http import api_client
from tests.support.memory import make_project


class WordingTests(SynchronousTestCase):
    """No answer has a decoder's words."""

    def test_each_field(self) -> None:
        """A value of another type is refused by the field's name, in plain words."""
        client = api_client()
        client.login()
        project = make_project(client.database.conn)
        document = client.get("/api/openapi.json").json
        schemas = document["components"]["schemas"]
        asked = 0
        for route in ROUTES:
            if route.body is None or route.body == dict[str, int]:
                continue
            path = route.pattern.replace("{project_id}", str(project.id))
            for each in route.parameters:
                path = re.sub(rf"{{{each.name}(:text)?}}", "1", path)
            documented = route.pattern.replace(":text}", "}")
            operation = document["paths"][documented][route.method.lower()]
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            name = schema["$ref"].rpartition("/")[2]
            for field in schemas[name]["properties"]:
                values: tuple[Any, ...] = ({"a": 1}, [[]], 1.5, "x" * 9, True)
                for value in values:
                    answer = client.request(route.method, f"/api{path}", {field: value})
                    if answer.status != 400:
                        continue
                    asked += 1
                    said = answer.json["error"]
                    self.assertNotRegex(said, r"[`$]|Expected|^Object", (path, field))
        self.assertGreater(asked, 200)

    def test_template_id(self) -> None:
        """The field is named as it was sent."""
        client = api_client()
        client.login()
        project = make_project(client.database.conn)
        path = f"/api/project/{project.id}/tasks"
        for body, said in (
            ({"template_id": "1"}, "template_id must be an integer"),
            ({}, "template_id is required"),
            ({"template_id": 1, "params": {"debug": 1}}, "params.debug must be"),
        ):
            answer = client.post(path, body)
            self.assertEqual(answer.status, 400)
            self.assertTrue(answer.json["error"].startswith(said), answer.json)

    def test_numbers(self) -> None:
        """A number that nothing has room for is said to be one."""
        client = api_client()
        client.login()
        project = make_project(client.database.conn)
        path = f"/api/project/{project.id}/tasks"
        for number in ("1e400", "-1e400", "9" * 20, "9" * 5000, "1e19"):
            for body in (
                f'{{"template_id": {number}}}',
                f'{{"x": [{{"y": {number}}}]}}',
            ):
                answer = client.post(path, body.encode())
                self.assertEqual(answer.status, 400)
                self.assertEqual(answer.json["error"], "A number is too large")

    def test_required(self) -> None:
        """A missing reference is said to be missing, as null and 0 are."""
        client = api_client()
        client.login()
        base = f"/api/project/{make_project(client.database.conn).id}"
        for kind, body, field in (
            (
                "repositories",
                {"name": "R", "git_url": "https://git.example/r.git"},
                "ssh_key_id",
            ),
            (
                "templates",
                {"name": "T", "app": "bash", "playbook": "a.sh"},
                "repository_id",
            ),
        ):
            for sent in ({}, {field: None}, {field: 0}):
                answer = client.post(f"{base}/{kind}", {**body, **sent})
                self.assertEqual(answer.status, 400)
                self.assertEqual(
                    answer.json, {"error": f"{field} is required", "field": field}
                )
