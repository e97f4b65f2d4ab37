"""Tests of the routes of all projects' tasks, for administrators."""

from semaphore_twisted.model.tasks import TaskStatus
from tests.support.memory import make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template


class ActiveTaskTests(ResourceTestCase):
    """Tasks of two projects."""

    def setUp(self) -> None:
        """Make templates and tasks."""
        super().setUp()
        self.admin = self.site.with_token(make_user(self.conn, "root", admin=True))
        one = make_template(self.conn, self.project, name="One")
        two = make_template(self.conn, self.other, name="Two")
        self.ended = make_task(self.conn, self.project, one, status=TaskStatus.SUCCESS)
        self.running = make_task(
            self.conn,
            self.project,
            one,
            status=TaskStatus.RUNNING,
            user_id=self.user.id,
        )
        self.waiting = make_task(self.conn, self.other, two)
        self.two = two

    def test_list(self) -> None:
        """Tasks that have not ended are listed with their project and user."""
        running, waiting = self.admin.get("/api/tasks").json
        self.assertEqual(
            waiting,
            {
                "task_id": self.waiting,
                "project_id": self.other.id,
                "template_id": self.two,
                "username": None,
                "status": "waiting",
                "location": "queue",
                "project_name": "Other",
                "template_name": "Two",
                "created": "2026-01-02T03:04:05Z",
                "start": None,
            },
        )
        self.assertEqual(
            (running["username"], running["location"]), ("alice", "running")
        )
        for task, found in ((self.running, [running]), (self.ended, []), (987654, [])):
            self.assertEqual(self.admin.get(f"/api/tasks/{task}").json, found)

    def test_stop(self) -> None:
        """A deletion stops the task softly; one that has ended stays."""
        for task in (self.running, self.waiting):
            self.assertEqual(self.admin.delete(f"/api/tasks/{task}").status, 204)
        self.assertEqual(
            self.site.tasks.stopped, [(self.running, False), (self.waiting, False)]
        )
        statuses = [each["status"] for each in self.admin.get("/api/tasks").json]
        self.assertEqual(statuses, ["stopping"])
        answer = self.admin.delete(f"/api/tasks/{self.ended}")
        self.refused(answer, "has ended already")
        self.assertEqual(self.admin.delete("/api/tasks/987654").status, 404)
        events = self.client.get(f"{self.base}/events").json
        self.assertEqual(
            (events[0]["description"], events[0]["username"]),
            (f"Task ID {self.running} (One) stopped by a user", "root"),
        )

    def test_who_may(self) -> None:
        """Only administrators."""
        for method, path in (("GET", ""), ("GET", "/1"), ("DELETE", "/1")):
            answer = self.client.request(method, f"/api/tasks{path}")
            self.assertEqual(answer.status, 403, method)
