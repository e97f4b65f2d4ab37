"""Schedules of a running server."""

import time
from collections.abc import Callable
from typing import Any

from tests.support.cases import SharedProductTestCase
from tests.support.repository import commit


class ScheduleTests(SharedProductTestCase):
    """By the API, with real tasks and a real repository."""

    def setUp(self) -> None:
        """Make a project with a template."""
        super().setUp()
        self.owner, self.script = self.product.script(
            self.own / "git", "bash", "echo by the clock\n"
        )
        self.base = f"/project/{self.owner}"

    def until(self, happened: Callable[[], Any]) -> Any:
        """Wait until *happened* returns something true, and return it."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = happened()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError("nothing happened")

    def schedule(self, **fields: Any) -> str:
        """Make a schedule; return its path."""
        number = self.product.create(
            self.owner,
            "schedules",
            template_id=self.script,
            name="Often",
            active=True,
            **fields,
        )
        return f"{self.base}/schedules/{number}"

    def tasks(self) -> list[Any]:
        """Return the tasks that were started, newest first."""
        found: list[Any] = self.product.api("GET", f"{self.base}/tasks")
        return found

    def test_runs(self) -> None:
        """A schedule starts tasks, until it is switched off."""
        path = self.schedule(cron_format="@every 1s")
        task = self.until(lambda: [x for x in self.tasks() if x["end"]])[-1]
        self.assertEqual(task["status"], "success")
        self.assertEqual(path, f"{self.base}/schedules/{task['schedule_id']}")
        self.product.api("PUT", f"{path}/active", {"active": False})
        self.until(lambda: all(x["end"] for x in self.tasks()))
        number = len(self.tasks())
        time.sleep(1.5)
        self.assertEqual(len(self.tasks()), number)
        last = self.product.api("GET", path)["last_started"]
        self.assertEqual(last["status"], "success")

    def test_push(self) -> None:
        """A push to the repository starts one task; a branch that is gone is said."""
        api = self.product.api
        template = api("GET", f"{self.base}/templates/{self.script}")
        repository = template["repository_id"]
        path = self.schedule(cron_format="@every 1s", repository_id=repository)

        def outcome() -> Any:
            last = api("GET", path)["last_run"]
            return last and last["outcome"]

        self.until(lambda: outcome() == "unchanged")
        self.assertEqual(self.tasks(), [])
        commit(self.own / "git", {"script": "echo changed\n"})
        self.until(lambda: api("GET", path)["last_started"])
        self.until(lambda: outcome() == "unchanged")
        (task,) = self.tasks()
        api("PUT", f"{self.base}/repositories/{repository}", self.elsewhere(repository))
        last = self.until(lambda: outcome() == "failed" and api("GET", path))
        self.assertIn("not found", last["last_run"]["reason"])
        self.assertEqual([each["id"] for each in self.tasks()], [task["id"]])

    def elsewhere(self, repository: int) -> Any:
        """Return the repository with a branch that it does not have."""
        path = f"{self.base}/repositories/{repository}"
        return {**self.product.api("GET", path), "git_branch": "nowhere"}
