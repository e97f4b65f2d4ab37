"""Tests of fields that this version does not serve, and of those that it ignored."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import api_client
from tests.support.memory import make_project
from tests.support.tasks import make_repository, make_template

#: Says nothing, in the ways of different clients.
_NOTHING: tuple[Any, ...] = (None, "", 0, False, [], {}, {"enabled": False, "ttl": 60})


class FieldTests(SynchronousTestCase):
    """An unsupported field that would change a run is refused if it has a value."""

    def setUp(self) -> None:
        """Make a project with a template."""
        self.client = api_client()
        self.client.login()
        conn = self.client.database.conn
        project = make_project(conn)
        self.base = f"/api/project/{project.id}"
        self.repository = make_repository(conn, project)
        self.template = make_template(conn, project, repository_id=self.repository)
        self.key = self.client.get(f"{self.base}/keys").json[0]["id"]
        self.new_template = {
            "name": "T",
            "app": "bash",
            "playbook": "a.sh",
            "repository_id": self.repository,
        }

    def test_not_served(self) -> None:
        """Each is refused by its name, when something is made and when it changes."""
        environment = {"name": "E", "json": "{}"}
        inventory = {"name": "I", "type": "static"}
        key = {"name": "K", "type": "none"}
        task = {"template_id": self.template}
        for kind, body, field, value in (
            ("templates", self.new_template, "runner_tag", "gpu"),
            ("templates", self.new_template, "jwt_params", {"enabled": True}),
            ("templates", self.new_template, "jwt_params", {"audience": ["x"]}),
            ("inventory", inventory, "runner_tag", "gpu"),
            ("environment", environment, "secret_storage_id", 1),
            ("environment", environment, "secret_storage_key_prefix", "x"),
            ("keys", key, "storage_id", 1),
            ("keys", key, "source_storage_id", 2),
            ("keys", key, "source_storage_key", "path"),
            ("keys", key, "source_storage_type", "vault"),
            ("tasks", task, "runner_id", 1),
            ("tasks", task, "runner_tag", "gpu"),
        ):
            path = f"{self.base}/{kind}"
            answer = self.client.post(path, body)
            for nothing in _NOTHING:
                answer = self.client.post(path, {**body, field: nothing})
                self.assertEqual(answer.status, 201, (field, nothing, answer.body))
            wrong = self.client.post(path, {**body, field: value})
            self.assertEqual(wrong.status, 400, field)
            self.assertTrue(wrong.json["error"].startswith(f"{field}: "), wrong.json)
            if not path.endswith("tasks"):
                one = f"{path}/{answer.json['id']}"
                shown = self.client.get(one).json
                self.assertEqual(self.client.put(one, shown).status, 204)
                wrong = self.client.put(one, {**shown, field: value})
                self.assertEqual(wrong.status, 400, field)
                self.assertIn(field, wrong.json["error"])

    def test_inner(self) -> None:
        """So are those inside of objects."""
        for body, field in (
            ({"params": {"destroy": True}}, "params.destroy"),
            ({"params": {"plan": True}}, "params.plan"),
        ):
            answer = self.client.post(
                f"{self.base}/tasks", {"template_id": self.template, **body}
            )
            self.assertEqual(answer.status, 400)
            self.assertTrue(answer.json["error"].startswith(field), answer.json)
        params = {"plan": False, "destroy": False, "auto_approve": None}
        answer = self.client.post(
            f"{self.base}/tasks", {"template_id": self.template, "params": params}
        )
        self.assertEqual((answer.status, answer.json["params"]), (201, {}))

    def test_other_objects(self) -> None:
        """A task runs with its template's repository and variables, or not at all."""
        path = f"{self.base}/tasks"
        body: dict[str, Any] = {"template_id": self.template}
        for same in ({"repository_id": self.repository}, {"environment_id": 0}):
            self.assertEqual(self.client.post(path, {**body, **same}).status, 201)
        for field in ("repository_id", "environment_id"):
            answer = self.client.post(path, {**body, field: 999})
            self.assertEqual(answer.status, 400)
            self.assertIn(field, answer.json["error"])

    def test_later(self) -> None:
        """A field without effect on runs is accepted before it is supported."""
        for path, body in (("/api/user/tokens", {"name": "ci"}),):
            self.assertEqual(self.client.post(path, body).status, 201)

    def test_demo(self) -> None:
        """The field counts when a project is made, and not in a change."""
        answer = self.client.post("/api/projects", {"name": "P"})
        for demo, status in ((False, 201), (None, 201), (True, 201)):
            answer = self.client.post("/api/projects", {"name": "P", "demo": demo})
            self.assertEqual(answer.status, status)
        one = f"/api/project/{answer.json['id']}"
        shown = self.client.get(one).json
        self.assertEqual(self.client.put(one, {**shown, "demo": True}).status, 204)
        self.assertEqual(self.client.put(one, {**shown, "type": "x"}).status, 400)

    def test_vault_of_old_clients(self) -> None:
        """The one vault password of clients before 2.10 is taken as a vault."""
        password = self.client.post(
            f"{self.base}/keys",
            {
                "name": "V",
                "type": "login_password",
                "login_password": {"password": "hush"},
            },
        ).json["id"]
        path = f"{self.base}/templates"
        for number in (None, 0):
            body = {**self.new_template, "vault_key_id": number}
            self.assertEqual(self.client.post(path, body).json["vaults"], [])
        body = {**self.new_template, "vault_key_id": password}
        (vault,) = self.client.post(path, body).json["vaults"]
        self.assertEqual(vault["vault_key_id"], password)
        body = {**self.new_template, "vault_key_id": self.key}
        self.assertEqual(self.client.post(path, body).status, 400)

    def test_secret_without_operation(self) -> None:
        """A new value without an operation is refused."""
        path = f"{self.base}/environment"
        secret = {"type": "var", "name": "S", "secret": "hush", "operation": "create"}
        made = self.client.post(
            path, {"name": "E", "json": "{}", "secrets": [secret]}
        ).json
        one = f"{path}/{made['id']}"
        self.assertEqual(self.client.put(one, made).status, 204)
        made["secrets"][0]["secret"] = "another"
        answer = self.client.put(one, made)
        self.assertEqual(answer.status, 400)
        self.assertIn("operation", answer.json["error"])
        self.assertNotIn("another", answer.json["error"])
