"""Tests of lists whose rows have long texts or are damaged."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import TemplateId
from semaphore_twisted.model.lists import Wanted
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.operations import lists
from semaphore_twisted.operations.accounts import users
from semaphore_twisted.operations.projects import environments, templates
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.persistence import schema
from tests.support.http import ApiClient, api_client
from tests.support.memory import actor_of, make_project, make_user
from tests.support.tasks import make_repository, make_task, make_template


class ListCase(SynchronousTestCase):
    """Has a project with a repository."""

    def setUp(self) -> None:
        """Create the site."""
        self.client: ApiClient = api_client()
        self.client.login()
        self.conn = self.client.database.conn
        self.project = make_project(self.conn)
        self.base = f"/api/project/{self.project.id}"
        self.repository = make_repository(self.conn, self.project)

    def template(self, **columns: Any) -> TemplateId:
        """Store a template."""
        return make_template(
            self.conn, self.project, repository_id=self.repository, **columns
        )

    def task(self, template: Any, **columns: Any) -> int:
        """Store a task that has ended."""
        return make_task(
            self.conn, self.project, template, status=TaskStatus.SUCCESS, **columns
        )

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Return a list."""
        answer = self.client.get(f"{self.base}/{path}")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], ["application/json"])
        found: list[dict[str, Any]] = answer.json
        return found


class StreamTests(ListCase):
    """A long list is sent in several batches of limited size."""

    def test_tasks(self) -> None:
        """Long messages of an older version are listed completely, newest first."""
        template = self.template()
        text = "<é>" * limits.BATCH
        ids = [self.task(template, message=f"{number}{text}") for number in range(4)]
        found = self.listed("tasks")
        self.assertEqual([each["id"] for each in found], ids[::-1])
        self.assertEqual([each["message"][:1] for each in found], ["3", "2", "1", "0"])
        self.assertEqual(found[0]["message"], f"3{text}")
        self.assertEqual(found[0], {**found[1], "id": ids[3], "message": f"3{text}"})
        for path in ("tasks/last", f"templates/{template}/tasks"):
            self.assertEqual(self.listed(path), found)

    def test_has_next(self) -> None:
        """The header for further pages is present in a stream too."""
        template = self.template()
        for _ in range(3):
            self.task(template, message="x" * limits.BATCH)
        for limit, more in ((2, "true"), (3, "false")):
            answer = self.client.get(f"{self.base}/tasks/last?limit={limit}")
            self.assertEqual(len(answer.json), limit)
            self.assertEqual(answer.header("x-has-next"), more)

    def test_builds(self) -> None:
        """The builds of deploy tasks count too."""
        build = self.template(type="build", start_version="1")
        deploy = self.template(type="deploy", build_template_id=build)
        built = [
            self.task(build, version=str(number), message="x" * limits.BATCH)
            for number in range(3)
        ]
        for number in built:
            self.task(deploy, build_task_id=number)
        found = self.listed(f"templates/{deploy}/tasks")
        versions = [each["build_task"]["version"] for each in found]
        self.assertEqual(versions, ["2", "1", "0"])
        actor = actor_of(self.client_user(), self.project)
        ids = tasks.newest(self.conn, actor, template_id=deploy)
        rows, taken = tasks.page(self.conn, actor, ids)
        self.assertEqual((len(rows), taken), (1, 1))

    def client_user(self) -> Any:
        """Return the administrator."""
        return users.find(self.conn, "admin")

    def test_templates(self) -> None:
        """Templates are listed completely, in order, with and without long tasks."""
        for name in ("b", "d", "a", "c"):
            number = self.template(name=name)
            if name != "d":
                self.task(number, message=name * limits.BATCH)
        found = self.listed("templates")
        self.assertEqual([each["name"] for each in found], ["a", "b", "c", "d"])
        last = [each["last_task"] for each in found]
        self.assertEqual([each and each["message"][0] for each in last], [*"abc", None])
        found = self.listed("templates?sort=name&order=desc")
        self.assertEqual([each["name"] for each in found], ["d", "c", "b", "a"])

    def test_others(self) -> None:
        """Inventories and variable groups are listed completely, in order."""
        text = "x" * limits.TEXT
        for name in ("b", "c", "A"):
            self.conn.insert(
                schema.inventory,
                project_id=self.project.id,
                name=name,
                type="static",
                inventory=text,
            )
            self.conn.insert(
                schema.environment, project_id=self.project.id, name=name, json=text
            )
        found = self.listed("inventory")
        self.assertEqual([each["name"] for each in found], ["A", "b", "c"])
        self.assertEqual({each["inventory"] for each in found}, {text})
        found = self.listed("environment")
        self.assertEqual([each["name"] for each in found], ["A", "b", "c", "Empty"])
        actor = actor_of(self.client_user(), self.project)
        ids = lists.select(self.conn, actor, environments.ORDERS, Wanted()).ids
        self.assertEqual(environments.page(self.conn, actor, ids)[1], 1)

    def test_deleted_meanwhile(self) -> None:
        """A row that is deleted while a list is sent is left out."""
        actor = actor_of(self.client_user(), self.project)
        template = self.template()
        self.assertEqual(templates.page(self.conn, actor, [999]), ([], 1))
        rows, taken = templates.page(self.conn, actor, [999, template])
        self.assertEqual(([each.id for each in rows], taken), ([template], 2))


class LastTaskTests(ListCase):
    """The newest task of a template is as in the lists of tasks."""

    def test_build(self) -> None:
        """With the task that built what it deploys, in the list and alone."""
        build = self.template(type="build", start_version="1")
        built = self.task(build, version="1")
        deploy = self.template(name="Z", type="deploy", build_template_id=build)
        self.task(deploy, build_task_id=built)
        (row,) = self.listed(f"templates/{deploy}/tasks")
        self.assertEqual(row["build_task"]["version"], "1")
        alone = self.client.get(f"{self.base}/templates/{deploy}").json
        self.assertEqual(alone["last_task"], row)
        self.assertEqual(self.listed("templates")[1]["last_task"], row)


class DamagedTests(ListCase):
    """A damaged row is shown with its fault, the other rows as usual."""

    def damage(self, table: str, column: str, number: int, value: str) -> None:
        """Write *value* past every check."""
        self.conn.raw.execute(
            f"UPDATE {table} SET {column} = ? WHERE id = ?",
            (value, number),
        )

    def check(self, path: str, number: int, column: str) -> dict[str, Any]:
        """Check list and single object; return the damaged one."""
        found = {each["id"]: each for each in self.listed(path)}
        damaged = found.pop(number)
        self.assertIn(column, damaged["fault"])
        self.assertTrue(found)
        for each in found.values():
            self.assertNotIn("fault", each)
        return damaged

    def test_templates(self) -> None:
        """A damaged template is listed, refused to tasks, and can be repaired."""
        first, second = self.template(name="A"), self.template(name="B")
        one = f"{self.base}/templates/{first}"
        for column in ("survey_vars", "task_params"):
            for value in ("{", '{"a": 1', '"x"', "[" * 3000):
                self.damage("project__template", column, first, value)
                shown = self.check("templates", first, column)
                self.assertEqual(self.client.get(one).json, shown)
                body = {"template_id": first}
                answer = self.client.post(f"{self.base}/tasks", body)
                self.assertEqual(answer.status, 400)
                self.assertIn(column, answer.json["error"])
                self.assertEqual(self.client.put(one, shown).status, 204)
                self.assertNotIn("fault", self.client.get(one).json)
        self.damage("project__template", "survey_vars", first, "{")
        self.assertEqual(self.client.delete(one).status, 204)
        self.assertEqual([each["id"] for each in self.listed("templates")], [second])

    def test_tasks(self) -> None:
        """A task is listed and shown, and so is its template."""
        template = self.template()
        first, _ = self.task(template), self.task(template)
        self.damage("task", "params", first, "{")
        shown = self.check("tasks", first, "params")
        alone = self.client.get(f"{self.base}/tasks/{first}").json
        self.assertEqual((alone["fault"], alone["params"]), (shown["fault"], {}))
        self.assertEqual(self.listed("templates")[0]["last_task"]["id"], first + 1)

    def test_names(self) -> None:
        """So are repositories, keys, projects and users."""
        first = self.listed("keys")[0]["id"]
        body = {"name": "K", "type": "none"}
        self.client.post(f"{self.base}/keys", body)
        self.damage("access_key", "type", first, "x")
        self.check("keys", first, "type")
        second = make_repository(self.conn, self.project)
        self.conn.raw.execute(
            "UPDATE project__repository SET name = x'ff' WHERE id = ?", (second,)
        )
        self.check("repositories", second, "name")
        other = make_project(self.conn, name="Other")
        self.damage("project", "created", other.id, "yesterday")
        user = make_user(self.conn, "alice")
        self.damage("user", "created", user.id, "yesterday")
        for path, number in (("/api/projects", other.id), ("/api/users", user.id)):
            found = {each["id"]: each for each in self.client.get(path).json}
            self.assertIn("created", found.pop(number)["fault"])
            self.assertTrue(found)
            self.assertFalse([each for each in found.values() if "fault" in each])

    def test_others(self) -> None:
        """So are views, inventories and events."""
        for path, body in (
            ("views", {"title": "V"}),
            ("inventory", {"name": "I", "type": "static"}),
        ):
            first, _ = (
                self.client.post(f"{self.base}/{path}", body).json["id"]
                for _ in range(2)
            )
            table, column = {
                "views": ("project__view", "position"),
                "inventory": ("project__inventory", "type"),
            }[path]
            self.damage(table, column, first, "x")
            self.check(path, first, column)
        self.damage("event", "created", 1, "yesterday")
        found = self.listed("events")
        self.assertEqual([each for each in found if "fault" in each], found[-1:])
        self.assertGreater(len(found), 1)


class DeepTests(ListCase):
    """JSON inside a text is refused where it is nested too deeply."""

    def test_each_field(self) -> None:
        """In each field with JSON of any content; nothing is stored."""
        key = self.listed("keys")[0]["id"]
        template = self.template()
        deep = "[" * 3000 + "]" * 3000
        inside = f'{{"a":{deep}}}'
        for path, body in (
            ("tasks", {"template_id": template, "environment": inside}),
            ("tasks", {"template_id": template, "secret": inside}),
            ("tasks", {"template_id": template, "arguments": deep}),
            ("environment", {"name": "E", "json": inside}),
            ("environment", {"name": "E", "json": "{}", "env": inside}),
            (
                "templates",
                {
                    "name": "T",
                    "app": "bash",
                    "playbook": "a.sh",
                    "repository_id": self.repository,
                    "arguments": deep,
                },
            ),
        ):
            for text in (3000, 150):
                sent = {
                    name: value.replace("[" * 3000, "[" * text).replace(
                        "]" * 3000, "]" * text
                    )
                    if isinstance(value, str)
                    else value
                    for name, value in body.items()
                }
                answer = self.client.post(f"{self.base}/{path}", sent)
                self.assertEqual(answer.status, 400, (path, list(body)))
                self.assertTrue(answer.json["error"])
        for name in ("task_params", "survey_vars", "params", "x"):
            for depth in (150, 3000, 100_000):
                nested = f'{{"name":"T","{name}":{"[" * depth}{"]" * depth}}}'
                for path in ("templates", "tasks", "keys"):
                    answer = self.client.post(f"{self.base}/{path}", nested.encode())
                    self.assertEqual(answer.status, 400)
        self.assertEqual(self.listed("tasks"), [])
        self.assertEqual([each["id"] for each in self.listed("keys")][:1], [key])
