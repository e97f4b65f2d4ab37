"""Tests of the limits of texts, across the routes."""

from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.persistence import schema
from tests.support.http import api_client
from tests.support.memory import make_project
from tests.support.tasks import make_repository, make_template

#: A text that another rule limits: it has a form, or few values.
_FORM = {"enum", "format", "pattern", "const"}


class StatedTests(SynchronousTestCase):
    """The document states a limit for each text that is sent."""

    def setUp(self) -> None:
        """Get the document."""
        self.document = api_client().get("/api/openapi.json").json

    def texts(self, schema: Any, where: str, seen: tuple[str, ...]) -> Iterator[Any]:
        """Yield place and schema of each text inside *schema*."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in seen:
                found = self.document["components"]["schemas"][name]
                yield from self.texts(found, where, (*seen, name))
        for each in schema.get("anyOf", ()):
            yield from self.texts(each, where, seen)
        for name, each in schema.get("properties", {}).items():
            yield from self.texts(each, f"{where}.{name}", seen)
        if isinstance(schema.get("items"), dict):
            yield from self.texts(schema["items"], f"{where}[]", seen)
        if schema.get("type") == "string":
            yield where, schema

    def test_each_text(self) -> None:
        """Each text of each body has a length, or a form that limits it."""
        missing = [
            f"{method} {path}: {where}"
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if "requestBody" in operation
            # a delivery of a webhook has any type; only its bytes are limited
            for content in [operation["requestBody"]["content"]]
            if "*/*" not in content
            for where, schema in self.texts(
                content["application/json"]["schema"], "", ()
            )
            if not {"maxLength", *_FORM} & set(schema)
        ]
        self.assertEqual(missing, [])


class EnforcedTests(SynchronousTestCase):
    """The limits of the document are enforced for new and for changed objects."""

    def setUp(self) -> None:
        """Make a project with one object of each kind."""
        self.client = api_client()
        self.client.login()
        self.conn = self.client.database.conn
        self.project = make_project(self.conn)
        self.base = f"/api/project/{self.project.id}"
        repository = make_repository(self.conn, self.project)
        self.template = make_template(self.conn, self.project, repository_id=repository)
        key = self.client.get(f"{self.base}/keys").json[0]["id"]
        self.bodies: dict[str, dict[str, Any]] = {
            "/api/users": {
                "name": "B",
                "username": "bob",
                "email": "bob@example.com",
                "password": "long enough",
            },
            f"{self.base}/views": {"title": "V"},
            f"{self.base}/keys": {"name": "K", "type": "none"},
            f"{self.base}/repositories": {
                "name": "R",
                "git_url": "https://git.example/a.git",
                "git_branch": "main",
                "ssh_key_id": key,
            },
            f"{self.base}/inventory": {"name": "I", "type": "static"},
            f"{self.base}/environment": {"name": "E", "json": "{}", "env": "{}"},
            f"{self.base}/templates": {
                "name": "T",
                "app": "bash",
                "playbook": "a.sh",
                "repository_id": repository,
                "description": "",
                "git_branch": "main",
            },
            f"{self.base}/integrations": {"name": "H", "template_id": self.template},
        }

    #: texts that are kept as they are; the field and one character more than is allowed
    _FIELDS = (
        ("/users", "name", "x" * 256),
        ("/users", "username", "x" * 256),
        ("/users", "email", "x" * 250 + "@example.com"),
        ("/users", "password", "x" * 4097),
        ("/views", "title", "x" * 256),
        ("/keys", "name", "x" * 256),
        ("/repositories", "name", "\U0001f600" * 256),
        ("/repositories", "git_url", "https://git.example/" + "x" * 4096),
        ("/repositories", "git_branch", "x" * 251),
        ("/inventory", "name", "x" * 256),
        ("/inventory", "inventory", "#" + "x" * 2**20),
        ("/environment", "name", "x" * 256),
        ("/environment", "json", '{"a": "%s"}' % ("x" * 2**20)),
        ("/environment", "env", '{"A": "%s"}' % ("x" * 2**20)),
        ("/templates", "name", "x" * 256),
        ("/templates", "playbook", "x" * 4097),
        ("/templates", "description", "x" * 10_001),
        ("/templates", "git_branch", "x" * 251),
        ("/templates", "arguments", '["%s"]' % ("x" * 2**16)),
        ("/templates", "task_params", {"limit": ["x" * 2**16]}),
        ("/templates", "survey_vars", [{"name": "a", "title": "x" * 256}]),
        ("/integrations", "name", "x" * 256),
        ("/integrations", "auth_header", "x" * 256),
        ("/integrations", "auth_prefix", "x" * 256),
        ("/integrations", "task_params", {"message": "x" * 1001}),
        ("/integrations", "matchers", [{"name": "a", "value": "x" * 1001}]),
        ("/integrations", "extract_values", [{"name": "a", "key": "x" * 1001}]),
    )

    def test_made_and_changed(self) -> None:
        """A text that is too long is refused by its name, and nothing is stored."""
        for path, body in self.bodies.items():
            made = self.client.post(path, body)
            self.assertEqual(made.status, 201, made)
            one = f"{path}/{made.json['id']}"
            before = self.client.get(one).json
            for ending, field, value in self._FIELDS:
                if not path.endswith(ending):
                    continue
                for answer in (
                    self.client.post(path, {**body, field: value}),
                    self.client.put(one, {**before, field: value}),
                ):
                    self.assertEqual(answer.status, 400, (path, field))
                    said = answer.json["error"].lower()
                    named = said.partition(": ")[0].replace(" ", "_")
                    self.assertTrue(
                        field in named or "longer than" in said, answer.json
                    )
                self.assertEqual(self.client.get(one).json, before)

    def test_nul(self) -> None:
        """A NUL character is refused in each text."""
        for path, body in self.bodies.items():
            for field, value in body.items():
                if isinstance(value, str) and field not in {"type", "app"}:
                    answer = self.client.post(path, {**body, field: f"{value}\0"})
                    self.assertEqual(answer.status, 400, (path, field))

    def test_task(self) -> None:
        """Each text of a task has its limit."""
        path = f"{self.base}/tasks"
        body = {"template_id": self.template}
        for field, value in (
            ("message", "x" * 1001),
            ("environment", '{"a": "%s"}' % ("x" * 2**16)),
            ("secret", '{"a": "%s"}' % ("x" * 2**16)),
            ("arguments", '["%s"]' % ("x" * 2**16)),
            ("limit", "x" * (2**16 + 1)),
            ("params", {"limit": ["x" * 2**16]}),
            ("git_branch", "x" * 251),
            ("message", "a\0b"),
        ):
            answer = self.client.post(path, {**body, field: value})
            self.assertEqual(answer.status, 400, field)
            self.assertTrue(answer.json["error"].startswith(field), answer.json)
        message = "\U0001f600" * limits.MESSAGE
        answer = self.client.post(path, {**body, "message": message})
        self.assertEqual((answer.status, answer.json["message"]), (201, message))

    def test_older_rows(self) -> None:
        """Values stored by an older version are served, and may be saved unchanged."""
        long, text = "x" * 300, "# " + "x" * 2**20
        number = self.client.post(
            f"{self.base}/inventory", {"name": "I", "type": "static"}
        ).json["id"]
        self.conn.update(schema.inventory, number, name=long, inventory=text)
        survey = [{"name": "a", "title": long, "type": "enum", "required": False}]
        survey[0]["values"] = [{"name": "", "value": "v" * 2000}]
        self.conn.update(schema.template, self.template, name=long, survey_vars=survey)
        for path in (
            f"{self.base}/inventory/{number}",
            f"{self.base}/templates/{self.template}",
        ):
            shown = self.client.get(path).json
            self.assertEqual(shown["name"], long)
            self.assertEqual(self.client.put(path, shown).status, 204)
            self.assertEqual(self.client.get(path).json, shown)
            answer = self.client.put(path, {**shown, "name": f"{long}x"})
            self.assertEqual(answer.status, 400)
