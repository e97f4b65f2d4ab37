"""The times of the API where the server's own zone is not UTC."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.cases import ProductTestCase

#: Zones on both sides of UTC; one of them has changes of the clock.
ZONES = ("Asia/Tokyo", "America/New_York")


class TimeZoneTests(ProductTestCase):
    """Servers with ``TZ`` in the environment."""

    is_warm = False

    def moments(self, answer: Any) -> list[datetime]:
        """Return the times in *answer*, whose names are those of times."""
        names = ("created", "start", "end", "time", "last_active")
        return [
            datetime.fromisoformat(answer[name]) for name in names if answer.get(name)
        ]

    def test_zones(self) -> None:
        """The times of a run are instants between its request and its end."""
        project, repo = self.project({"say.sh": "sleep 0.2\n"})
        template = self.template(project, repo, "bash", "say.sh")
        for zone in ZONES:
            with self.subTest(zone):
                self.product.stop()
                self.product.environ["TZ"] = zone
                self.product.start()
                self.product.log_in()
                self.check_run(project, template, zone)

    def check_run(self, project: int, template: int, zone: str) -> None:
        """Run the template, and compare all times of it with this test's clock."""
        second = timedelta(seconds=1)
        before = datetime.now(UTC) - second
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        path = f"/project/{project}"
        run = self.product.api("GET", f"{path}/tasks/{task}")
        lines = self.product.api("GET", f"{path}/tasks/{task}/output")
        events = self.product.api("GET", f"{path}/events/last")
        after = datetime.now(UTC) + second
        of_task = [
            each
            for each in events
            if (each["object_type"], each["object_id"]) == ("task", task)
        ]
        answers = [run, *lines, *of_task]
        times = [each for answer in answers for each in self.moments(answer)]
        self.assertGreater(len(times), len(lines) + 3)
        for each in times:
            self.assertIsNotNone(each.tzinfo, zone)
            self.assertTrue(before <= each <= after, (zone, each, before, after))
        self.assertLessEqual(run["created"], run["start"])
        self.assertLess(run["start"], run["end"])
