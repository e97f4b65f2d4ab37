"""Templates, tasks, schedules and previews of Terraform by the API."""

from typing import Any

from typing_extensions import override

from semaphore_twisted.model.previews import MASK
from tests.support.resources import ResourceTestCase


class TerraformTestCase(ResourceTestCase):
    """A template of Terraform with its workspaces."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.number = self.stored()["id"]

    def stored(self, **body: Any) -> Any:
        """Create a template and return it."""
        sent = {"name": "Live", "app": "terraform", "playbook": "", **body}
        return self.made("templates", **self.template(**sent))

    def bad(self, noun: str, **body: Any) -> Any:
        """Return the answer to a body that is refused, as text and field."""
        answer = self.client.post(
            f"{self.base}/{noun}", {"project_id": self.project.id, **body}
        )
        self.assertEqual(answer.status, 400, answer.body)
        return answer.json["error"], answer.json.get("field")

    def workspace(self, name: str, **body: Any) -> int:
        """Create a workspace and return its id."""
        kind = {"type": "terraform-workspace", "inventory": name}
        return self.inventory(name, **kind, **body)


class TemplateTests(TerraformTestCase):
    """Which fields a template may have."""

    def test_stored(self) -> None:
        """Parameters and arguments come back as they were sent."""
        params = {
            "plan": True,
            "allow_destroy": True,
            "allow_auto_approve": True,
            "backend_filename": "state.tf",
            "override_backend": True,
            "approval_timeout_sec": 600,
        }
        made = self.stored(
            name="Other",
            playbook="live/web",
            arguments='{"init": ["-lockfile=readonly"]}',
            task_params=params,
        )
        self.assertEqual(made["task_params"], params)
        self.assertEqual(made["arguments"], '{"init": ["-lockfile=readonly"]}')

    def test_refused(self) -> None:
        """A field that would not be honored is refused, by its name."""
        body = self.template(name="Bad", app="terraform", playbook="")
        for word, field, fields in (
            (
                "auto_approve of task_params",
                "arguments",
                {"arguments": '["-auto-approve"]'},
            ),
            ("init, plan and apply", "arguments", {"arguments": '{"x": []}'}),
            ("two in one text", "arguments", {"arguments": '["-target a"]'}),
            ("2592000", "task_params", {"task_params": {"approval_timeout_sec": -1}}),
            (
                "ends in .tf",
                "task_params",
                {"task_params": {"backend_filename": "../x.tf"}},
            ),
            ("dry run", "task_params", {"task_params": {"dry_run": True}}),
            ("inside the repository", "playbook", {"playbook": "../x"}),
        ):
            text, found = self.bad("templates", **{**body, **fields})
            self.assertIn(word, text)
            self.assertEqual(found, field)
        for app in ("bash", "python"):
            text, _ = self.bad(
                "templates",
                **self.template(app=app, task_params={"auto_approve": True}),
            )
            self.assertIn("auto approve is not supported", text)
        text, _ = self.bad("templates", **self.template(playbook=""))
        self.assertEqual(text, "template playbook can not be empty")

    def test_inventory(self) -> None:
        """An app that plans takes a workspace, another app does not."""
        hosts, blue = self.inventory(), self.workspace("blue")
        for app, number, word in (
            ("terraform", hosts, "expected terraform-workspace or tofu-workspace"),
            ("bash", blue, "another type than"),
        ):
            text, field = self.bad(
                "templates", **self.template(app=app, inventory_id=number)
            )
            self.assertIn(word, text)
            self.assertEqual(field, "inventory_id")


class TaskTests(TerraformTestCase):
    """The parameters that a task may set."""

    def permit(self, **params: Any) -> None:
        """Set the parameters of the template."""
        path = f"{self.base}/templates/{self.number}"
        stored = self.client.get(path).json
        answer = self.client.put(path, {**stored, "task_params": params})
        self.assertEqual(answer.status, 204, answer.body)

    def test_params(self) -> None:
        """Parameters are stored with the task; destruction needs a permission."""
        body = {"template_id": self.number, "params": {"destroy": True, "plan": True}}
        self.assertEqual(
            self.bad("tasks", **body),
            ("The template does not let a task set destroy", "destroy"),
        )
        self.permit(allow_destroy=True)
        self.assertEqual(self.made("tasks", **body)["params"], body["params"])

    def test_workspace(self) -> None:
        """A task chooses among the workspaces of its template only."""
        self.permit(allow_override_inventory=True)
        own = self.workspace("own", holder_id=self.number)
        other = self.workspace("other")
        made = self.made("tasks", template_id=self.number, inventory_id=own)
        self.assertEqual(made["inventory_id"], own)
        text, field = self.bad("tasks", template_id=self.number, inventory_id=other)
        self.assertIn("no workspace of this template", text)
        self.assertEqual(field, "inventory_id")

    def test_other_apps(self) -> None:
        """Neither a task nor a schedule of an app without plans gets a workspace."""
        number = self.stored(
            name="Hosts",
            app="ansible",
            playbook="site.yml",
            inventory_id=self.inventory(),
            task_params={"allow_override_inventory": True},
        )["id"]
        chosen = {"inventory_id": self.workspace("blue")}
        text, field = self.bad("tasks", template_id=number, **chosen)
        self.assertIn("is a workspace; ansible has none", text)
        self.assertEqual(field, "inventory_id")
        nightly = {"name": "Nightly", "cron_format": "5 4 * * *", "task_params": chosen}
        text, field = self.bad("schedules", template_id=number, **nightly)
        self.assertIn("is a workspace", text)
        self.assertEqual(field, "task_params.inventory_id")
        hosts = self.inventory("Others")
        made = self.made("tasks", template_id=number, inventory_id=hosts)
        self.assertEqual(made["inventory_id"], hosts)

    def test_schedule(self) -> None:
        """A schedule stores the same parameters by the same rules."""
        body = {
            "name": "Nightly",
            "template_id": self.number,
            "cron_format": "5 4 * * *",
            "active": True,
            "task_params": {"params": {"plan": True, "destroy": True}},
        }
        text, field = self.bad("schedules", **body)
        self.assertIn("does not let a task set destroy", text)
        self.assertEqual(field, "task_params.destroy")
        self.permit(allow_destroy=True)
        made = self.made("schedules", **body)
        self.assertEqual(made["task_params"]["params"], {"plan": True, "destroy": True})

    def test_preview(self) -> None:
        """A preview shows the arguments of the plan and its variables, masked."""
        group = self.made(
            "environment",
            name="Group",
            json='{"color": "blue"}',
            secrets=[
                {"type": "var", "name": "pin", "secret": "1234", "operation": "create"}
            ],
        )["id"]
        number = self.stored(name="With", environment_id=group)["id"]
        path = f"{self.base}/templates/{number}/preview"
        made = self.client.post(path, {"template_id": number}).json
        self.assertEqual(
            made["arguments"][:3], ["terraform", "plan", f"-var-file={MASK}"]
        )
        self.assertEqual(
            made["files"],
            [{"path": "variables", "content": f'color = "blue"\npin = "{MASK}"\n'}],
        )
