"""Tests of entity tags, of ``If-Match``, and of facts about objects."""

from typing import Any

from semaphore_twisted.model.tasks import TaskStatus
from tests.support.http import Answer
from tests.support.memory import make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task


class TagTests(ResourceTestCase):
    """Objects of all kinds that have a tag."""

    def setUp(self) -> None:
        """Make an object of each kind; know a change that each accepts."""
        super().setUp()
        key = self.key()
        repository = self.repository()
        template = self.made("templates", **self.template())["id"]
        inventory = self.inventory()
        environment = self.made("environment", name="Vars", json="{}")["id"]
        view = self.made("views", title="Tab", position=1)["id"]
        self.paths = {
            f"{self.base}/keys/{key}": {"name": "Other", "type": "login_password"},
            f"{self.base}/inventory/{inventory}": {"name": "Other", "type": "static"},
            f"{self.base}/environment/{environment}": {"name": "Other", "json": "{}"},
            f"{self.base}/templates/{template}": self.template(name="Other"),
            f"{self.base}/repositories/{repository}": {
                "name": "Other",
                "git_url": "https://git.example/other.git",
                "git_branch": "main",
                "ssh_key_id": self.none_key,
            },
            f"{self.base}/views/{view}": {"title": "Other", "position": 2},
            f"/api/users/{self.user.id}": {
                "name": "Other",
                "username": "alice",
                "email": "alice@example.com",
            },
            self.base: {"name": "Other"},
        }

    def tag(self, path: str) -> str:
        """Return the tag of an object."""
        answer = self.client.get(path)
        self.assertEqual(answer.status, 200, path)
        tag = answer.header("etag")
        assert tag is not None, path
        self.assertRegex(tag, r'^"[\w-]{20}"$')
        return tag

    def put(self, path: str, body: Any, tag: str) -> Answer:
        """Send a change with ``If-Match``."""
        return self.client.put(path, body, headers={"If-Match": tag})

    def test_foreign_account(self) -> None:
        """A tag tells nothing of an account that the user may not change."""
        other = make_user(self.conn, "bob")
        path = f"/api/users/{other.id}"
        body = {"name": "Bob", "username": "bob", "email": "bob@example.com"}
        for tag in ("*", '"guessed"'):
            self.assertEqual(self.put(path, body, tag).status, 403)
            answer = self.client.delete(path, headers={"If-Match": tag})
            self.assertEqual(answer.status, 403)

    def test_changed(self) -> None:
        """A change with an old tag is refused, and changes nothing."""
        for path, body in self.paths.items():
            tag = self.tag(path)
            self.assertEqual(self.tag(path), tag, path)
            self.assertEqual(self.put(path, body, tag).status, 204, path)
            self.assertNotEqual(self.tag(path), tag)
            shown = self.client.get(path)
            answer = self.put(path, body, tag)
            self.assertEqual(answer.status, 412, path)
            self.assertEqual(
                answer.json,
                {"error": "This was changed in the meantime; read it again"},
            )
            deleted = self.client.delete(path, headers={"If-Match": tag})
            self.assertEqual(deleted.status, 412, path)
            self.assertEqual(self.client.get(path).body, shown.body)

    def test_optional(self) -> None:
        """Without the header, with a star and with one of several it is made."""
        for path, body in self.paths.items():
            self.assertEqual(self.client.put(path, body).status, 204, path)
            self.assertEqual(self.put(path, body, "*").status, 204, path)
            several = f'"x", {self.tag(path)} ,"y"'
            self.assertEqual(self.put(path, body, several).status, 204, path)
            for wrong in ('"x"', "W/" + self.tag(path), "", "\xff", ",,"):
                self.assertEqual(self.put(path, body, wrong).status, 412, wrong)

    def test_deleted(self) -> None:
        """A deletion with the present tag is made; what is gone is a 404."""
        for path in list(self.paths)[::-1]:
            if "/templates/" not in path and "/views/" not in path:
                continue
            tag = self.tag(path)
            headers = {"If-Match": tag}
            self.assertEqual(self.client.delete(path, headers=headers).status, 204)
            self.assertEqual(self.client.delete(path, headers=headers).status, 404)

    def test_secret(self) -> None:
        """A tag changes with a secret, which is not shown."""
        path = next(each for each in self.paths if "/keys/" in each)
        tag, shown = self.tag(path), self.client.get(path).json
        body = {
            "name": shown["name"],
            "type": "login_password",
            "override_secret": True,
            "login_password": {"login": "me", "password": "another"},
        }
        self.assertEqual(self.client.put(path, body).status, 204)
        self.assertEqual(self.client.get(path).json, shown)
        self.assertNotEqual(self.tag(path), tag)

    def test_run(self) -> None:
        """A template's tag does not change with its tasks."""
        path = next(each for each in self.paths if "/templates/" in each)
        template = self.client.get(path).json
        tag = self.tag(path)
        make_task(self.conn, self.project, template["id"], status=TaskStatus.RUNNING)
        self.client.post(f"{self.base}/tasks", {"template_id": template["id"]})
        self.assertNotEqual(self.client.get(path).json, template)
        self.assertEqual(self.tag(path), tag)

    def test_lists(self) -> None:
        """Lists have no tag, and a HEAD has the one of a GET."""
        self.assertIsNone(self.client.get(f"{self.base}/templates").header("etag"))
        for path in self.paths:
            head = self.client.head(path)
            self.assertEqual(head.header("etag"), self.tag(path))

    def test_rights(self) -> None:
        """Without the right the answer is the same with any tag."""
        guest = self.guest()
        for path, body in self.paths.items():
            if path == f"/api/users/{self.user.id}":
                continue
            answer = guest.put(path, body, headers={"If-Match": '"x"'})
            self.assertEqual(answer.status, 403, path)


class FactTests(ResourceTestCase):
    """Who created and changed an object."""

    def test_facts(self) -> None:
        """The creator, and who changed it last."""
        path = f"{self.base}/environment/{self.made('environment', name='E')['id']}"
        created = {"created": "2026-01-02T03:04:05Z", "created_by": "alice"}
        self.assertEqual(
            self.client.get(f"{path}/facts").json,
            {**created, "changed": "2026-01-02T03:04:05Z", "changed_by": "alice"},
        )
        root = self.site.with_token(make_user(self.conn, "root", admin=True))
        root.put(path, {"name": "F", "json": "{}"})
        found = self.client.get(f"{path}/facts").json
        self.assertEqual(found, {**found, **created, "changed_by": "root"})

    def test_unknown(self) -> None:
        """Objects without events have no facts, and others' objects are not found."""
        (key,) = self.listed("keys")
        nothing = dict.fromkeys(("created", "created_by", "changed", "changed_by"))
        facts = self.client.get(f"{self.base}/keys/{key['id']}/facts")
        self.assertEqual(facts.json, nothing)
        self.assertEqual(self.client.get(f"{self.base}/facts").json, nothing)
        for noun in ("keys", "templates", "inventory", "repositories", "environment"):
            path = f"{self.base}/{noun}/987654/facts"
            self.assertEqual(self.client.get(path).status, 404, noun)
        self.assertEqual(self.guest().get(f"{self.base}/keys/1/facts").status, 403)
