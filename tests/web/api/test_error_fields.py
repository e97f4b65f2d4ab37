"""Tests of the field that an error names."""

from typing import Any

from tests.support.http import Answer
from tests.support.memory import make_user
from tests.support.resources import ResourceTestCase


class FieldTests(ResourceTestCase):
    """An error that is about one field names it."""

    def check(self, answer: Answer, field: str | None) -> None:
        """Check the field in an error."""
        self.assertGreaterEqual(answer.status, 400)
        found = answer.json.get("field")
        self.assertEqual(found, field, answer.body)

    def test_objects(self) -> None:
        """Forms of each kind of object, with one field at fault."""
        key, repository = self.key(), self.repository()
        good: dict[str, dict[str, Any]] = {
            "keys": {"name": "k", "type": "none"},
            "repositories": {
                "name": "r",
                "git_url": "https://git.example/x.git",
                "git_branch": "main",
                "ssh_key_id": key,
            },
            "inventory": {"name": "i", "type": "static", "inventory": "web1"},
            "environment": {"name": "e", "json": "{}"},
            "templates": self.template(),
            "views": {"title": "v", "position": 1},
            "vpn/peers": {},
        }
        ssh = {"type": "ssh", "ssh": {"login": "", "private_key": "x"}}
        for noun, field, wrong in (
            ("keys", "name", {"name": " "}),
            ("keys", "name", {"name": "a\nb"}),
            ("keys", "name", {"name": "x" * 300}),
            ("keys", "type", {"type": "gpg"}),
            ("keys", "ssh.private_key", ssh),
            ("keys", "ssh.private_key", {"type": "ssh"}),
            ("keys", "login_password.password", {"type": "login_password"}),
            ("keys", "string", {"type": "string"}),
            ("repositories", "git_url", {"git_url": ""}),
            ("repositories", "git_url", {"git_url": "ftp://x"}),
            ("repositories", "git_url", {"git_url": "/etc"}),
            ("repositories", "git_branch", {"git_branch": "-x"}),
            ("repositories", "ssh_key_id", {"ssh_key_id": 987654}),
            ("inventory", "type", {"type": "magic"}),
            ("inventory", "inventory", {"type": "file", "inventory": "/etc/passwd"}),
            ("inventory", "inventory", {"inventory": "[web"}),
            ("inventory", "become_key_id", {"become_key_id": 987654}),
            ("environment", "json", {"json": "[1]"}),
            ("environment", "env", {"env": '{"a b": "c"}'}),
            (
                "environment",
                "secrets",
                {"secrets": [{"name": "x", "type": "y", "operation": "create"}]},
            ),
            ("templates", "name", {"name": ""}),
            ("templates", "app", {"app": "magic"}),
            ("templates", "playbook", {"playbook": "../x"}),
            ("templates", "inventory_id", {"app": "ansible", "inventory_id": None}),
            ("templates", "arguments", {"arguments": "{"}),
            (
                "templates",
                "survey_vars",
                {"survey_vars": [{"name": "1 x", "title": "t"}]},
            ),
            ("templates", "repository_id", {"repository_id": 987654}),
            ("templates", "task_params", {"task_params": {"debug_level": 9}}),
            ("views", "title", {"title": ""}),
        ):
            answer = self.client.post(f"{self.base}/{noun}", {**good[noun], **wrong})
            self.assertEqual(answer.status, 400, (noun, wrong, answer.body))
            self.check(answer, field)
        path = f"{self.base}/repositories/{repository}"
        self.check(self.client.put(path, {**good["repositories"], "name": 7}), "name")

    def test_others(self) -> None:
        """Accounts, members and tasks; a conflict names its field as well."""
        admin = self.site.with_token(make_user(self.conn, "root", admin=True))
        user = {"name": "Eve", "username": "eve", "email": "eve@example.org"}
        for field, wrong in (
            ("username", {"username": ""}),
            ("username", {"username": "alice"}),
            ("email", {"email": "nowhere"}),
            ("password", {"password": "short"}),
            ("name", {"name": ""}),
        ):
            self.check(admin.post("/api/users", {**user, **wrong}), field)
        for body, field in (
            ({"user_id": 987654, "role": "guest"}, "user_id"),
            ({"user_id": self.user.id, "role": "guest"}, "user_id"),
            ({"user_id": self.user.id, "role": "king"}, "role"),
        ):
            self.check(self.client.post(f"{self.base}/users", body), field)
        template = self.made("templates", **self.template())["id"]
        for body, field in (
            ({}, "template_id"),
            ({"template_id": template, "environment": '{"x": 1}'}, "environment"),
            ({"template_id": template, "params": {"debug": 1}}, "params.debug"),
            ({"template_id": template, "message": "x" * 2000}, "message"),
        ):
            self.check(self.client.post(f"{self.base}/tasks", body), field)

    def test_query(self) -> None:
        """A query parameter is named like a field."""
        self.check(self.client.get(f"{self.base}/tasks?limit=0"), "limit")
        self.check(self.client.get(f"{self.base}/stats?start=x"), "start")

    def test_no_field(self) -> None:
        """An error about the whole has no field, also if it begins like one."""
        self.check(self.client.post(f"{self.base}/keys", b"{"), None)
        self.check(self.client.post(f"{self.base}/keys", b"[]"), None)
        self.key("used")
        used = self.key("used too")
        self.repository(ssh_key_id=used)
        answer = self.client.delete(f"{self.base}/keys/{used}")
        self.check(answer, None)
        self.assertTrue(answer.json["inUse"])
