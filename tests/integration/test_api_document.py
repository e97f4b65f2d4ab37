"""The server answers as its API document says, to thousands of generated requests."""

import json
from typing import Any

from tests.integration.test_clients import ClientCase
from tests.support.repository import repository


class ApiDocumentTests(ClientCase):
    """Requests that the document permits, and ones that it does not."""

    #: the requests, and the seed of their values
    REQUESTS, SEED = 1_850, 20_261_130

    SECONDS = 400.0

    def objects(self) -> dict[str, Any]:
        """Make a project with an object for each parameter; return their ids."""
        api, create = self.product.api, self.product.create
        project = api("POST", "/projects", {"name": "Generated"})["id"]
        git = repository(self.own / "files", {"say.sh": "echo said\n"})
        key = create(project, "keys", name="None", type="none")
        files = create(
            project,
            "repositories",
            name="Files",
            git_url=f"file://{git}",
            git_branch="main",
            ssh_key_id=key,
        )
        template = create(
            project,
            "templates",
            name="Say",
            app="bash",
            playbook="say.sh",
            repository_id=files,
        )
        task = self.product.run(project, template)
        self.product.wait(project, task)
        hook = create(project, "integrations", name="Hook", template_id=template)
        part = {"name": "Part", "body_data_type": "json", "key": "ref"}
        parts = f"/project/{project}/integrations/{hook}"
        matcher = {**part, "match_type": "body", "method": "equals", "value": "main"}
        value = {**part, "value_source": "body", "variable": "ref"}
        return {
            "project_id": project,
            "key_id": key,
            "repository_id": files,
            "template_id": template,
            "task_id": task,
            "integration_id": hook,
            "matcher_id": api("POST", f"{parts}/matchers", matcher)["id"],
            "value_id": api("POST", f"{parts}/values", value)["id"],
            "alias_id": api("POST", f"{parts}/aliases")["id"],
            "view_id": create(project, "views", title="View"),
            "inventory_id": create(project, "inventory", name="I", type="static"),
            "environment_id": create(project, "environment", name="E", json="{}"),
            "schedule_id": create(
                project,
                "schedules",
                name="Daily",
                template_id=template,
                cron_format="0 7 * * *",
                active=False,
            ),
            "user_id": api(
                "POST",
                "/users",
                {"name": "U", "username": "u", "email": "u@example.com"},
            )["id"],
        }

    def test_requests(self) -> None:
        """Answers are documented, and nothing is taken that the document excludes."""
        report = self.script(
            "api_document",
            str(self.REQUESTS),
            str(self.SEED),
            IDS=json.dumps(self.objects()),
        )
        wrong = report["wrong"]
        self.assertEqual(wrong, {}, json.dumps(wrong, indent=1))
        self.assertGreater(report["made"], 0.9 * self.REQUESTS)
        statuses = report["statuses"]
        taken = sum(count for status, count in statuses.items() if status < "300")
        self.assertGreater(taken, 0.2 * report["made"], statuses)
        self.assertLess(statuses.get("401", 0), 0.1 * report["made"], statuses)
