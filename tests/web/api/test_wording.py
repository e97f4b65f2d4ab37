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
