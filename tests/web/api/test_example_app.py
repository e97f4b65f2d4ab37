"""The API with an app that was added by a row of the table."""

from typing_extensions import override

from tests.support import example_app
from tests.support.resources import ResourceTestCase


class ExampleAppTests(ResourceTestCase):
    """An example app in lists, templates and tasks."""

    @override
    def setUp(self) -> None:
        super().setUp()
        example_app.add(self)

    def test_listed(self) -> None:
        """It has its place in the list of apps."""
        apps = self.client.get("/api/apps").json
        self.assertEqual(
            [each["id"] for each in apps],
            ["ansible", "terraform", "terragrunt", "tofu", "bash", "example", "python"],
        )
        self.assertEqual(apps[5]["title"], "AWK Script")
        self.assertEqual(apps[5]["path"], "/usr/bin/awk")

    def test_template(self) -> None:
        """A template runs it, without an inventory, and tasks can be created."""
        template = self.made("templates", **self.template(app="example"))["id"]
        self.assertEqual(self.shown("templates", template)["app"], "example")
        task = self.made("tasks", template_id=template)
        self.assertEqual(task["status"], "waiting")

    def test_rules(self) -> None:
        """The rules of scripts are its rules."""
        template = self.made("templates", **self.template(app="example"))["id"]
        answer = self.client.post(
            f"{self.base}/tasks",
            {"template_id": template, "dry_run": True},
        )
        self.refused(answer, "dry_run: dry run is not supported for example")
