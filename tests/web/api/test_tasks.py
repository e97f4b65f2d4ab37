"""Tests of the tasks' routes."""

from typing import Any

from sqlalchemy import text
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.plans import PlanSummary
from semaphore_twisted.model.tasks import IllegalTransition, TaskStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.tasks import plans
from semaphore_twisted.operations.tasks.output import append
from semaphore_twisted.persistence import schema
from tests.support.http import Answer, RecordingTasks, api_client
from tests.support.memory import make_member, make_project, make_user
from tests.support.tasks import make_task, make_template


class _Late(RecordingTasks):
    """Every task has ended by itself when it is to be stopped."""

    def stop(self, task_id: TaskId, *, force: bool) -> Deferred[None]:
        """Fail."""
        return fail(IllegalTransition())


class TaskRouteTests(SynchronousTestCase):
    """Tasks over the API, as a user who may run them."""

    def setUp(self) -> None:
        """Make a site with a project, a template and a task runner."""
        self.site = api_client()
        self.conn = self.site.database.conn
        self.project = make_project(self.conn)
        self.runner = make_user(self.conn, "bob")
        make_member(self.conn, self.project, self.runner, Role.TASK_RUNNER)
        self.client = self.site.with_token(self.runner)
        self.template = make_template(self.conn, self.project)
        self.path = f"/api/project/{self.project.id}"

    def task(self, status: TaskStatus = TaskStatus.WAITING, **columns: Any) -> TaskId:
        """Store a task."""
        return make_task(
            self.conn, self.project, self.template, status=status, **columns
        )

    def logged(self, *texts: str) -> TaskId:
        """Store an ended task with a log."""
        task = self.task(TaskStatus.SUCCESS)
        append(self.conn, task, [(1.0, text) for text in texts])
        return task

    def get(self, path: str) -> Answer:
        """Send a GET below the project."""
        return self.client.get(f"{self.path}{path}")

    def post(self, path: str, *body: Any) -> Answer:
        """Send a POST below the project."""
        return self.client.post(f"{self.path}{path}", *body)

    def admin(self) -> Any:
        """Return a client of the administrator."""
        return self.site.with_token(make_user(self.conn, "root", admin=True))

    def test_create(self) -> None:
        """A new task is answered with 201 and the object, and announced."""
        answer = self.post("/tasks", {"template_id": self.template, "unknown": 1})
        self.assertEqual(answer.status, 201)
        made = answer.json
        self.assertEqual((made["status"], made["secret"]), ("waiting", "{}"))
        self.assertEqual(made["user_id"], self.runner.id)
        for name in ("start", "end", "commit_hash", "build_task_id", "version"):
            self.assertIsNone(made[name])
        (changed,) = self.site.tasks.changes
        self.assertEqual(changed.id, made["id"])

    def test_create_refused(self) -> None:
        """An undeclared variable is a 400 that names it; nothing is queued."""
        body = {"template_id": self.template, "environment": '{"ansible_user": "x"}'}
        answer = self.post("/tasks", body)
        self.assertEqual(answer.status, 400)
        self.assertIn("ansible_user", answer.json["error"])
        self.assertEqual(self.get("/tasks").json, [])
        self.assertEqual(self.site.tasks.changes, [])

    def test_create_wrong(self) -> None:
        """A body without a template is a 400, an unknown template a 404."""
        self.assertEqual(self.post("/tasks").status, 400)
        self.assertEqual(self.post("/tasks", {"template_id": "1"}).status, 400)
        self.assertEqual(self.post("/tasks", {"template_id": 99}).status, 404)

    def test_guest(self) -> None:
        """A guest reads and starts nothing."""
        guest = make_user(self.conn, "guest")
        make_member(self.conn, self.project, guest, Role.GUEST)
        client = self.site.with_token(guest)
        task = self.task()
        self.assertEqual(client.get(f"{self.path}/tasks/{task}").status, 200)
        for path in ("", f"/{task}/stop", f"/{task}/confirm"):
            answer = client.post(
                f"{self.path}/tasks{path}", {"template_id": self.template}
            )
            self.assertEqual(answer.status, 403)

    def test_lists(self) -> None:
        """Lists begin with the newest task; short ones say whether more follow."""
        first, second = self.task(), self.task()
        rows: list[Any] = []
        for path in ("", f"/templates/{self.template}"):
            rows = self.get(f"{path}/tasks").json
            self.assertEqual([row["id"] for row in rows], [second, first])
            answer = self.get(f"{path}/tasks/last?limit=1")
            self.assertEqual([row["id"] for row in answer.json], [second])
            self.assertEqual(answer.header("x-has-next"), "true")
            answer = self.get(f"{path}/tasks/last?limit=1&limit=2")
            self.assertEqual(answer.status, 400)
            self.assertIn("limit: is given more than once", answer.json["error"])
            answer = self.get(f"{path}/tasks/last?before={second}&limit=x")
            self.assertEqual([row["id"] for row in answer.json], [first])
            self.assertEqual(answer.header("x-has-next"), "false")
        self.assertEqual(rows[0]["tpl_alias"], "Say")
        self.assertEqual(self.get("/templates/99/tasks").status, 404)

    def test_lists_of_plans(self) -> None:
        """Lists tell which runs only plan, which destroy, and who rejected a plan."""
        self.template = make_template(
            self.conn,
            self.project,
            name="Net",
            app="terraform",
            task_params={"plan": True},
        )
        self.task(params={"destroy": True})
        self.task(params={"destroy": False, "plan": False})
        damaged, rejected = self.task(), self.task(TaskStatus.WAITING_CONFIRMATION)
        damage = text("UPDATE task SET params = '{' WHERE id = :id")
        self.conn.execute(damage.bindparams(id=damaged))
        plans.store(self.conn, rejected, PlanSummary(destroy=1))
        self.post(f"/tasks/{rejected}/reject")
        self.conn.update(schema.task, rejected, status=TaskStatus.ERROR)
        self.template = make_template(self.conn, self.project, task_params={})
        self.task(params={"destroy": True})  # a script that has such a parameter
        rows = self.get("/tasks").json
        self.assertEqual(
            [(row["destroys"], row["plans_only"]) for row in rows],
            [(False, False), (False, True), (False, True), (False, True), (True, True)],
        )
        names = [row["rejected_by"] for row in rows]
        self.assertEqual(names, ["", "Bob", "", "", ""])

    def test_unknown(self) -> None:
        """An unknown task, or one of another project, is a 400 as in Semaphore."""
        other = make_project(self.conn, name="Other")
        foreign = make_task(self.conn, other, make_template(self.conn, other))
        for task in (foreign, 999):
            for path in ("", "/output", "/raw_output"):
                answer = self.get(f"/tasks/{task}{path}")
                self.assertEqual(answer.status, 400)
                self.assertIn("error", answer.json)

    def test_output(self) -> None:
        """The whole log is a list of rows; `from` returns those with higher numbers."""
        task = self.logged("<b>", "two", "three")
        rows = self.get(f"/tasks/{task}/output").json
        self.assertEqual([row["output"] for row in rows], ["<b>", "two", "three"])
        self.assertEqual([row["id"] for row in rows], [1, 2, 3])
        self.assertEqual(
            rows[0],
            {
                "id": 1,
                "task_id": task,
                "task": "",
                "time": "1970-01-01T00:00:01Z",
                "output": "<b>",
            },
        )
        rest = self.get(f"/tasks/{task}/output?from=1&limit=1")
        self.assertEqual([row["output"] for row in rest.json], ["two"])
        self.assertEqual(rest.header("x-lines"), "3")
        self.assertEqual(self.get(f"/tasks/{task}/output?from=3").json, [])
        self.assertEqual(self.get(f"/tasks/{task}/output?from=-1").status, 400)

    def test_output_escaped(self) -> None:
        """Markup in a log is escaped in JSON."""
        task = self.logged("<script>&")
        self.assertNotIn(b"<", self.get(f"/tasks/{task}/output").body)

    def test_long_output(self) -> None:
        """A log of many chunks is returned completely and in order."""
        task = self.logged(*map(str, range(5_500)))
        rows = self.get(f"/tasks/{task}/output").json
        self.assertEqual([row["output"] for row in rows], list(map(str, range(5_500))))
        text = self.get(f"/tasks/{task}/raw_output").body.decode()
        self.assertEqual(text.splitlines(), list(map(str, range(5_500))))

    def test_empty_output(self) -> None:
        """A task without output has an empty list."""
        task = self.task()
        self.assertEqual(self.get(f"/tasks/{task}/output").json, [])
        self.assertEqual(self.get(f"/tasks/{task}/raw_output").body, b"")

    def test_raw_output(self) -> None:
        """The raw log is plain text without colors; no browser guesses."""
        task = self.logged("\x1b[31mred\x1b[0m", "<b>é</b>")
        answer = self.get(f"/tasks/{task}/raw_output")
        self.assertEqual(answer.body.decode(), "red\n<b>é</b>\n")
        self.assertEqual(answer.header("content-type"), "text/plain; charset=utf-8")
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")

    def test_carriage_returns(self) -> None:
        """Lines lose the carriage return at their end, the raw log loses none."""
        task = self.logged("windows\r", "10 %\r20 %", "\r")
        rows = self.get(f"/tasks/{task}/output").json
        self.assertEqual([row["output"] for row in rows], ["windows", "10 %\r20 %", ""])
        raw = self.get(f"/tasks/{task}/raw_output").body
        self.assertEqual(raw, b"windows\r\n10 %\r20 %\n\r\n")

    def test_stop(self) -> None:
        """Stop takes any of the bodies that clients send, also twice."""
        task = self.task(TaskStatus.RUNNING)
        for body in ((), ({},), ({"force": False},), ({"force": True},)):
            self.assertEqual(self.post(f"/tasks/{task}/stop", *body).status, 204)
        self.assertEqual(self.site.tasks.stopped, [(task, False)] * 3 + [(task, True)])
        self.assertEqual(self.get(f"/tasks/{task}").json["status"], "stopping")

    def test_stop_ended(self) -> None:
        """Stop of a task that has ended is a 400 with a text."""
        answer = self.post(f"/tasks/{self.task(TaskStatus.SUCCESS)}/stop")
        self.assertEqual(answer.status, 400)
        self.assertIn("ended", answer.json["error"])

    def test_stop_race(self) -> None:
        """A task that ends while it is being stopped is no error."""
        self.site = api_client(database=self.site.database, tasks=_Late())
        self.client = self.site.with_token(self.runner)
        task = self.task(TaskStatus.RUNNING)
        self.assertEqual(self.post(f"/tasks/{task}/stop").status, 204)

    def test_stop_all(self) -> None:
        """Every task of a template is stopped."""
        tasks = [self.task(TaskStatus.RUNNING), self.task()]
        answer = self.post(f"/templates/{self.template}/stop_all_tasks")
        self.assertEqual(answer.status, 204)
        self.assertEqual([task for task, _ in self.site.tasks.stopped], tasks)

    def test_confirm(self) -> None:
        """Confirm and reject are 409 where nothing waits for them."""
        for verb, status in (("confirm", "confirmed"), ("reject", "rejected")):
            task = self.task(TaskStatus.RUNNING)
            self.assertEqual(self.post(f"/tasks/{task}/{verb}").status, 409)
            task = self.task(TaskStatus.WAITING_CONFIRMATION)
            self.assertEqual(self.post(f"/tasks/{task}/{verb}").status, 204)
            self.assertEqual(self.get(f"/tasks/{task}").json["status"], status)

    def test_delete(self) -> None:
        """An administrator deletes an ended task; other users may not."""
        ended, running = self.task(TaskStatus.ERROR), self.task(TaskStatus.RUNNING)
        path = f"{self.path}/tasks/"
        self.assertEqual(self.client.delete(f"{path}{ended}").status, 403)
        admin = self.admin()
        self.assertEqual(admin.delete(f"{path}{running}").status, 400)
        self.assertEqual(admin.delete(f"{path}{ended}").status, 204)
        self.assertEqual(self.get(f"/tasks/{ended}").status, 400)

    def test_posted_again(self) -> None:
        """A task that has run can be sent again as it was read."""
        made = self.post("/tasks", {"template_id": self.template}).json
        commit = "3" * 40
        answer = None
        for ran, status in ((False, 400), (True, 201)):
            self.conn.update(
                schema.task,
                made["id"],
                commit_hash=commit,
                commit_message="Mend it",
                status="success",
                start=self.conn.now if ran else None,
                end=self.conn.now,
            )
            shown = self.get(f"/tasks/{made['id']}").json
            answer = self.post("/tasks", shown)
            self.assertEqual(answer.status, status)
        assert answer is not None
        self.assertEqual(answer.json["commit_hash"], commit)
        self.assertEqual(answer.json["status"], "waiting")
        self.assertEqual(self.post("/tasks", self.get("/tasks").json[0]).status, 201)
        body = {"template_id": self.template, "commit_hash": "4" * 40}
        answer = self.post("/tasks", body)
        self.assertEqual(answer.status, 400)
        self.assertIn("commit_hash", answer.json["error"])
        body = {"template_id": self.template, "git_branch": "main"}
        self.assertEqual(self.post("/tasks", body).status, 201)
