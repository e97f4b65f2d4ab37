"""Tests of the routes of statistics."""

from datetime import timedelta
from typing import Any

from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.persistence import schema
from tests.support.memory import BEGINNING, make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template

_DAY = 86_400


class StatisticsTestCase(ResourceTestCase):
    """A project with two templates; the time is 2026-01-02, 03:04:05 UTC."""

    def setUp(self) -> None:
        """Make the templates."""
        super().setUp()
        self.one = make_template(self.conn, self.project)
        self.two = make_template(self.conn, self.project)

    def task(
        self,
        template: TemplateId,
        status: TaskStatus = TaskStatus.SUCCESS,
        *,
        ago: float = 0,
        took: float | None = None,
        **columns: Any,
    ) -> TaskId:
        """Store a task that was created *ago* seconds ago and *took* some."""
        created = BEGINNING - timedelta(seconds=ago)
        columns["created"] = created
        task_id = make_task(self.conn, self.project, template, status=status)
        if took is not None:
            columns |= {"start": created, "end": created + timedelta(seconds=took)}
        self.conn.update(schema.task, task_id, **columns)
        return task_id

    def get(self, path: str) -> Any:
        """Return the answer to a GET below the project."""
        answer = self.client.get(f"{self.base}{path}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json


class DayTests(StatisticsTestCase):
    """Figures by day."""

    def test_days(self) -> None:
        """A day has its number of tasks by status, and their mean duration."""
        self.task(self.one, took=10)
        self.task(self.one, took=21.4)
        self.task(self.two, TaskStatus.ERROR, took=1)
        self.task(self.two, TaskStatus.RUNNING)
        self.task(self.two, TaskStatus.WAITING, ago=2 * _DAY)
        self.assertEqual(
            self.get("/stats"),
            [
                {
                    "count_by_status": {"waiting": 1},
                    "avg_duration": 0,
                    "success_rate": None,
                    "date": "2025-12-31",
                },
                {
                    "count_by_status": {"error": 1, "running": 1, "success": 2},
                    "avg_duration": 11,
                    "success_rate": 0.6667,
                    "date": "2026-01-02",
                },
            ],
        )
        (day,) = self.get(f"/templates/{self.one}/stats")
        self.assertEqual(day["count_by_status"], {"success": 2})

    def test_period(self) -> None:
        """Both ends are included; a user's tasks can be selected."""
        bob = make_user(self.conn, "bob")
        self.task(self.one, user_id=bob.id)
        self.task(self.one, ago=_DAY)
        self.task(self.one, ago=2 * _DAY)

        def dates(query: str) -> list[str]:
            return [each["date"] for each in self.get(f"/stats?{query}")]

        self.assertEqual(
            dates("start=2026-01-01&end=2026-01-02"), ["2026-01-01", "2026-01-02"]
        )
        self.assertEqual(dates("end=2025-12-31"), ["2025-12-31"])
        self.assertEqual(dates(f"user_id={bob.id}"), ["2026-01-02"])
        found = self.get(f"/templates/{self.two}/stats?user_id={bob.id}")
        self.assertEqual(found, [])

    def test_zone(self) -> None:
        """Days begin earlier for a client that is ahead of UTC."""
        self.task(self.one, ago=3 * 3600 + 300)  # 23:59:05 of the day before
        for query, day in (
            ("offset=0", "2026-01-01"),
            ("offset=1", "2026-01-02"),
            ("offset=-300&start=2026-01-01", "2026-01-01"),  # today, there
        ):
            (found,) = self.get(f"/stats?{query}")
            self.assertEqual(found["date"], day, query)

    def test_refused(self) -> None:
        """A period must be dates of one year, in order; the template must exist."""
        for query, words in (
            ("start=yesterday", 'start: invalid value "yesterday"; expected a date'),
            ("start=2026-01-03", "start: invalid value"),
            ("start=2024-12-31", "at most 365 days before the end, 2026-01-02"),
            ("user_id=me", "user_id: invalid value"),
            ("offset=900", 'offset: invalid value "900"; expected -840 to 840'),
        ):
            self.refused(self.client.get(f"{self.base}/stats?{query}"), words)
        path = f"{self.base}/templates/987654/stats"
        self.assertEqual(self.client.get(path).status, 404)

    def test_first_days(self) -> None:
        """The ends of the calendar are no error of the server."""
        for query in ("end=0001-01-01", "end=9999-12-31", "start=0001-01-01"):
            answer = self.client.get(f"{self.base}/stats?{query}&offset=-840")
            self.refused(answer, "expected a date")


class OverviewTests(StatisticsTestCase):
    """What a dashboard shows."""

    def test_overview(self) -> None:
        """An overview has the numbers of now, all days, and the templates' runs."""
        old = self.task(self.one, ago=40 * _DAY)
        self.task(self.one, TaskStatus.ERROR, ago=3600, took=5)
        slow = self.task(self.two, ago=_DAY + 180, took=120)
        fast = self.task(self.two, ago=_DAY, took=60.25)
        middle = self.task(self.two, ago=1800, took=90)
        running = self.task(self.two, TaskStatus.RUNNING, ago=60, start=BEGINNING)
        found = self.get("/overview")
        self.assertEqual(found["time"], "2026-01-02T03:04:05Z")
        self.assertEqual(found["active"], {"running": 1})
        # the fast one began a day ago, and ended less than a day ago
        self.assertEqual(found["ended"], {"error": 1, "success": 2})
        dates = [each["date"] for each in found["days"]]
        self.assertEqual((len(dates), dates[0]), (14, "2025-12-20"))
        self.assertEqual(found["days"][-1]["count_by_status"]["error"], 1)
        self.assertEqual(found["days"][0]["count_by_status"], {})
        two, one = found["templates"]
        self.assertEqual((two["template_id"], one["template_id"]), (self.two, self.one))
        self.assertEqual(
            [each["id"] for each in two["runs"]], [running, middle, fast, slow]
        )
        self.assertEqual(
            two["runs"][0],
            {
                "id": running,
                "status": "running",
                "created": "2026-01-02T03:03:05Z",
                "start": "2026-01-02T03:04:05Z",
                "duration": None,
                "rejected": False,
            },
        )
        self.assertEqual(two["runs"][2]["duration"], 60.25)
        self.assertEqual((two["usual_duration"], two["success_rate"]), (90.0, 1.0))
        self.assertEqual((one["usual_duration"], one["avg_duration"]), (None, 5))
        self.assertEqual(one["runs"][-1]["id"], old)
        self.assertEqual(one["count_by_status"], {"error": 1})

    def test_size(self) -> None:
        """Days and runs are limited by the client, within limits."""
        for _ in range(3):
            self.task(self.one)
        found = self.get("/overview?days=1&runs=2")
        self.assertEqual(len(found["days"]), 1)
        self.assertEqual(len(found["templates"][0]["runs"]), 2)
        for query in ("days=0", "days=367", "runs=101", "runs=x"):
            self.refused(self.client.get(f"{self.base}/overview?{query}"), "expected 1")

    def test_projects(self) -> None:
        """A project has its own figures only."""
        elsewhere = make_template(self.conn, self.other)
        make_task(self.conn, self.other, elsewhere, status=TaskStatus.RUNNING)
        found = self.get("/overview")
        self.assertEqual((found["active"], found["templates"]), ({}, []))
        self.assertEqual(self.get("/stats"), [])
