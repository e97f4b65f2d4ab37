"""Tests of the workspaces of a template."""

from semaphore_twisted.model.users import Role
from semaphore_twisted.persistence.schema import template
from tests.support.http import Answer
from tests.support.memory import make_member, make_user
from tests.support.resources import ResourceTestCase


class WorkspaceTests(ResourceTestCase):
    """Attach, detach and set_default."""

    def setUp(self) -> None:
        """Create a template with a workspace."""
        super().setUp()
        self.number = self.made("templates", **self.template())["id"]
        self.conn.update(template, self.number, app="terraform")
        self.workspace = self.inventory("Prod", type="terraform-workspace")

    def ask(self, verb: str, workspace: int | None = None) -> Answer:
        """Send one of the three requests."""
        workspace = workspace or self.workspace
        path = f"{self.base}/templates/{self.number}/inventory/{workspace}/{verb}"
        return self.client.post(path)

    def holder(self) -> int | None:
        """Return the template that the workspace belongs to."""
        number: int | None = self.shown("inventory", self.workspace)["holder_id"]
        return number

    def test_attached(self) -> None:
        """A workspace belongs to one template at a time."""
        self.assertEqual(self.ask("attach").status, 204)
        self.assertEqual(self.ask("attach").status, 204)
        self.assertEqual(self.holder(), self.number)
        own, other = self.number, self.made("templates", **self.template())["id"]
        self.conn.update(template, other, app="terraform")
        self.number = other
        self.assertEqual(self.ask("attach").status, 409)
        self.assertEqual(self.ask("detach").status, 409)
        self.number = own
        self.assertEqual(self.ask("detach").status, 204)
        self.assertIsNone(self.holder())

    def test_default(self) -> None:
        """The default is what runs use; it stays attached."""
        self.ask("attach")
        self.assertEqual(self.ask("set_default").status, 204)
        shown = self.shown("templates", self.number)
        self.assertEqual(shown["inventory_id"], self.workspace)
        answer = self.ask("detach")
        self.assertEqual(answer.status, 409)
        self.assertIn("default", answer.json["error"])

    def test_refused(self) -> None:
        """Other inventories and other projects are refused, and nothing changes."""
        hosts = self.inventory()
        tofu = self.inventory("Tofu", type="tofu-workspace")
        for verb in ("attach", "detach", "set_default"):
            for number in (hosts, tofu):
                self.refused(self.ask(verb, number), "terraform-workspace")
            self.assertEqual(self.ask(verb, 999).status, 404)
        self.assertIsNone(self.shown("templates", self.number)["inventory_id"])
        self.conn.update(template, self.number, app="bash")
        self.refused(self.ask("attach"), "no workspaces")

    def test_new_template(self) -> None:
        """A new template of Terraform without inventory gets a workspace of its own."""
        for app, kind in (
            ("terraform", "terraform-workspace"),
            ("terragrunt", "terraform-workspace"),
            ("tofu", "tofu-workspace"),
        ):
            body = self.template(name=f"Net {app}", app=app, playbook="")
            made = self.made("templates", **body)
            found = self.shown("inventory", made["inventory_id"])
            self.assertEqual(
                (found["name"], found["type"], found["inventory"], found["holder_id"]),
                (f"Net {app} - default", kind, "default", made["id"]),
            )
        body = self.template(app="terraform", playbook="", inventory_id=self.workspace)
        self.assertEqual(self.made("templates", **body)["inventory_id"], self.workspace)
        long = self.template(app="tofu", playbook="", name="L" * 255)
        made = self.made("templates", **long)
        name = self.shown("inventory", made["inventory_id"])["name"]
        self.assertEqual((len(name), name[-10:]), (255, " - default"))
        script = self.made("templates", **self.template())
        self.assertIsNone(script["inventory_id"])

    def test_rights(self) -> None:
        """A task runner changes no template."""
        user = make_user(self.conn, "runner")
        make_member(self.conn, self.project, user, Role.TASK_RUNNER)
        self.client = self.site.as_user(user)
        for verb in ("attach", "detach", "set_default"):
            self.assertEqual(self.ask(verb).status, 403)
