"""Tests of the routes that do the same to several templates or tasks."""

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.projects import members
from semaphore_twisted.operations.tasks.output import append
from tests.support.http import Answer, ApiClient, RecordingTasks, api_client
from tests.support.memory import actor_of, make_member, make_project, make_user
from tests.support.tasks import make_task, make_template


class _Revoking(RecordingTasks):
    """After the first started task the starter is taken out of the project."""

    def __attrs_post_init__(self) -> None:
        self.revoke: Any = None

    @override
    def changed(self, task: Task) -> None:
        """Take the right away."""
        super().changed(task)
        self.revoke()


class _Broken(RecordingTasks):
    """The service fails to stop a task."""

    @override
    def stop(self, task_id: TaskId, *, force: bool) -> Deferred[None]:
        """Fail."""
        return fail(RuntimeError("of this test"))


class _BulkTestCase(SynchronousTestCase):
    """A site with a project, two templates and a task runner."""

    def build(self, tasks: RecordingTasks) -> None:
        """Make the site with a task service."""
        self.tasks = tasks
        self.site = api_client(tasks=self.tasks)
        self.conn = self.site.database.conn
        self.owner = make_user(self.conn, "olga")
        self.project = make_project(self.conn, self.owner)
        self.other = make_project(self.conn, self.owner, "Other")
        self.runner = make_user(self.conn, "bob")
        make_member(self.conn, self.project, self.runner, Role.TASK_RUNNER)
        self.client = self.site.with_token(self.runner)
        self.one = make_template(self.conn, self.project)
        self.two = make_template(self.conn, self.project, name="Two")
        self.foreign = make_template(self.conn, self.other)

    def task(self, status: TaskStatus = TaskStatus.WAITING) -> TaskId:
        """Store a task of the first template."""
        return make_task(self.conn, self.project, self.one, status=status)

    def post(self, path: str, body: Any, client: ApiClient | None = None) -> Answer:
        """Send a POST below the project."""
        site = client or self.client
        return site.post(f"/api/project/{self.project.id}{path}", body)

    def results(self, answer: Answer) -> list[tuple[int, int]]:
        """Return number and status of each result."""
        self.assertEqual(answer.status, 207, answer)
        return [(each["id"], each["status"]) for each in answer.json["results"]]

    def admin(self) -> ApiClient:
        """Return a client of an administrator."""
        return self.site.with_token(make_user(self.conn, "root", admin=True))


class BulkTests(_BulkTestCase):
    """Several items, as a user who may run tasks."""

    def setUp(self) -> None:
        """Make the site."""
        self.build(RecordingTasks())

    def test_run(self) -> None:
        """Each template starts a task, or has the reason why it does not."""
        survey = '[{"name":"where","title":"Where","required":true}]'
        asks = make_template(self.conn, self.project, survey_vars=survey)
        wanted = [self.two, asks, self.foreign, 987654, self.one]
        answer = self.post("/templates/run", {"templates": wanted, "message": "night"})
        self.assertEqual(
            self.results(answer),
            list(zip(wanted, (201, 400, 404, 404, 201), strict=True)),
        )
        first, refused, *_, last = answer.json["results"]
        self.assertEqual(first["task"]["template_id"], self.two)
        self.assertEqual(first["task"]["message"], "night")
        self.assertIn("where", refused["error"])
        self.assertNotIn("task", refused)
        started = [first["task"]["id"], last["task"]["id"]]
        self.assertEqual([each.id for each in self.tasks.changes], started)
        rows = self.client.get(f"/api/project/{self.project.id}/tasks").json
        self.assertEqual([each["id"] for each in rows], started[::-1])

    def test_run_deployment(self) -> None:
        """A template that deploys takes the newest build that succeeded."""
        build = make_template(self.conn, self.project, name="Build", type="build")
        deploy = make_template(
            self.conn,
            self.project,
            name="Deploy",
            type="deploy",
            build_template_id=build,
        )
        ran = {"templates": [deploy]}
        (first,) = self.post("/templates/run", ran).json["results"]
        self.assertIsNone(first["task"]["build_task_id"])
        *_, newest, _ = (
            make_task(self.conn, self.project, build, status=status)
            for status in (TaskStatus.SUCCESS, TaskStatus.SUCCESS, TaskStatus.ERROR)
        )
        (second,) = self.post("/templates/run", ran).json["results"]
        self.assertEqual(second["task"]["build_task_id"], newest)

    def test_stop(self) -> None:
        """Tasks that have not ended are stopped; the rest has the reason."""
        running, queued = self.task(TaskStatus.RUNNING), self.task()
        ended = self.task(TaskStatus.SUCCESS)
        foreign = make_task(self.conn, self.other, self.foreign)
        wanted = [running, ended, foreign, queued]
        answer = self.post("/tasks/stop", {"tasks": wanted, "force": True})
        self.assertEqual(
            self.results(answer), list(zip(wanted, (204, 400, 400, 204), strict=True))
        )
        self.assertIn("success", answer.json["results"][1]["error"])
        self.assertEqual(self.tasks.stopped, [(running, True), (queued, True)])
        answer = self.post("/tasks/stop", {"tasks": [running]})
        self.assertEqual(self.results(answer), [(running, 204)])

    def test_delete(self) -> None:
        """An administrator deletes ended tasks with their logs; an owner may not."""
        ended, running = self.task(TaskStatus.ERROR), self.task(TaskStatus.RUNNING)
        append(self.conn, ended, [(1.0, "line")] * 500)
        foreign = make_task(
            self.conn, self.other, self.foreign, status=TaskStatus.SUCCESS
        )
        body = {"tasks": [ended, running, foreign]}
        self.assertEqual(self.post("/tasks/delete", body).status, 403)
        answer = self.post("/tasks/delete", body, self.admin())
        self.assertEqual(
            self.results(answer), [(ended, 204), (running, 400), (foreign, 400)]
        )
        for table, left in (("task", 2), ("task__output", 0)):
            count = self.conn.raw.execute(f"SELECT count(*) FROM {table}")
            self.assertEqual(count.fetchone()[0], left)

    def test_stop_all(self) -> None:
        """Every task of the project is stopped, and none of another one."""
        tasks = [self.task(TaskStatus.RUNNING) for _ in range(60)]
        tasks += [make_task(self.conn, self.project, self.two), self.task()]
        self.task(TaskStatus.SUCCESS)
        make_task(self.conn, self.other, self.foreign)
        answer = self.post("/stop_all_tasks", {"force": False})
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.tasks.stopped, [(each, False) for each in tasks])
        guest = make_user(self.conn, "guest")
        make_member(self.conn, self.project, guest, Role.GUEST)
        client = self.site.with_token(guest)
        self.assertEqual(self.post("/stop_all_tasks", {}, client).status, 403)

    def test_bad_bodies(self) -> None:
        """A list that is empty, too long, repeated or no numbers is refused whole."""
        many = list(range(1, limits.BULK_ITEMS + 2))
        admin = self.admin()
        for path, field in (
            ("/templates/run", "templates"),
            ("/tasks/stop", "tasks"),
            ("/tasks/delete", "tasks"),
        ):
            for value, words in (
                ([], f"{field} must be a list with at least 1 element"),
                (many, f"with at most {limits.BULK_ITEMS} elements"),
                ([self.one, 7, self.one], f"{self.one} is listed more than once"),
                (["x"], field),
                ("1", field),
                (None, field),
                ([2**70], "number"),
            ):
                answer = self.post(path, {field: value}, admin)
                self.assertEqual(answer.status, 400, (path, value))
                self.assertIn(words, answer.json["error"])
            self.assertEqual(self.post(path, {}, admin).status, 400)
        self.assertEqual(self.tasks.changes, [])


class RightsTests(_BulkTestCase):
    """Rights that change between two items."""

    def setUp(self) -> None:
        """Make the site."""
        tasks = _Revoking()
        self.build(tasks)
        actor = actor_of(self.owner, self.project)
        tasks.revoke = lambda: members.remove(self.conn, actor, self.runner.id)

    def test_run(self) -> None:
        """The right is checked for each item: here it is lost after the first one."""
        answer = self.post("/templates/run", {"templates": [self.one, self.two]})
        self.assertEqual(self.results(answer), [(self.one, 201), (self.two, 404)])
        count = self.conn.raw.execute("SELECT count(*) FROM task").fetchone()
        self.assertEqual(count, (1,))


class FailureTests(_BulkTestCase):
    """Failures of the server itself."""

    def setUp(self) -> None:
        """Make the site."""
        self.build(_Broken())

    def test_stop(self) -> None:
        """A failure of one item is its result, and the next ones are done."""
        running, ended = self.task(TaskStatus.RUNNING), self.task(TaskStatus.SUCCESS)
        answer = self.post("/tasks/stop", {"tasks": [running, ended]})
        self.assertEqual(self.results(answer), [(running, 500), (ended, 400)])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
