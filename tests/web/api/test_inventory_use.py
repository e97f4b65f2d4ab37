"""Tests of what forbids to delete an inventory, or to make another one of it."""

from typing import Any

from semaphore_twisted.model.ids import InventoryId, TaskId
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.operations.states import aliases
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.state_tables import state_alias, state_lock
from tests.support.http import Answer
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template

_UNFINISHED = [each for each in TaskStatus if not each.final]


class UseTests(ResourceTestCase):
    """A workspace that belongs to a template with another default."""

    def setUp(self) -> None:
        """Create the template and both workspaces."""
        super().setUp()
        self.template_id = make_template(self.conn, self.project, app="terraform")
        self.default, self.number = (
            self.inventory(
                name,
                type="terraform-workspace",
                inventory=name,
                holder_id=self.template_id,
            )
            for name in ("usual", "prod")
        )
        self.conn.update(schema.template, self.template_id, inventory_id=self.default)
        self.path = f"{self.base}/inventory/{self.number}"

    def task(self, **columns: Any) -> TaskId:
        """Store a task of the template."""
        return make_task(self.conn, self.project, self.template_id, **columns)

    def change(self, **fields: Any) -> Answer:
        """Change the workspace to what it is, except for *fields*."""
        body = {**self.shown("inventory", self.number), **fields}
        return self.client.put(self.path, body)

    def refuse(self, answer: Answer, *words: str, field: str = "") -> None:
        """Check that *answer* is a 409 whose sentence contains *words*."""
        self.assertEqual(answer.status, 409, answer.body)
        self.assertEqual(answer.json.get("field", ""), field)
        for word in words:
            self.assertIn(word, answer.json["error"])

    def refuse_all(self, *words: str) -> None:
        """Check that it stays with its type and its name, for the reason *words*."""
        before = self.shown("inventory", self.number)
        self.refuse(self.client.delete(self.path), "deleted", *words)
        for kind in ("static", "tofu-workspace"):
            self.refuse(self.change(type=kind), "type", *words, field="type")
        self.refuse(
            self.change(inventory="other"), "renamed", *words, field="inventory"
        )
        self.assertEqual(self.shown("inventory", self.number), before)
        self.assertEqual(self.change(name="Label", ssh_key_id=self.key()).status, 204)

    def test_chosen(self) -> None:
        """A task that chose it holds it until the task ends."""
        task = self.task(inventory_id=self.number, used_inventory_id=self.number)
        attached = f"{self.base}/templates/{self.template_id}/inventory/{self.number}"
        for status in _UNFINISHED:
            self.conn.update(schema.task, task, status=status)
            self.refuse(self.client.delete(self.path), f"({task})", "stop them")
        self.refuse_all(f"({task})")
        self.refuse(self.client.post(f"{attached}/detach"), f"({task})")
        self.refuse(self.change(holder_id=None), f"({task})", field="holder_id")
        self.conn.update(schema.task, task, status=TaskStatus.ERROR)
        self.assertEqual(self.client.post(f"{attached}/detach").status, 204)
        self.assertEqual(self.change(inventory="other").status, 204)
        self.assertEqual(self.client.delete(self.path).status, 204)

    def test_former_default(self) -> None:
        """A queued task keeps the default of its creation, which then stays."""
        sent = {"template_id": self.template_id}
        task = self.made("tasks", **sent)["id"]
        self.assertIsNone(self.shown("tasks", task)["inventory_id"])
        path = f"{self.base}/inventory/{self.default}"
        other = f"{self.base}/templates/{self.template_id}/inventory/{self.number}"
        self.assertEqual(self.client.post(f"{other}/set_default").status, 204)
        self.refuse(self.client.delete(path), f"({task})")
        self.assertEqual(self.client.post(f"{self.base}/tasks/{task}/stop").status, 204)
        self.assertEqual(self.client.delete(path).status, 204)

    def test_older_release(self) -> None:
        """A task without a stored inventory uses the one that it names."""
        task = self.task(inventory_id=self.number)
        self.refuse_all(f"({task})")

    def test_alias_of_a_task(self) -> None:
        """A task uses the workspace whose state it has an alias of."""
        task = self.task(status=TaskStatus.RUNNING)
        _ = aliases.create_for_task(
            self.conn,
            project_id=self.project.id,
            inventory_id=InventoryId(self.number),
            task_id=task,
        )
        self.refuse_all(f"({task})")

    def test_many_tasks(self) -> None:
        """Some of many tasks are named."""
        tasks = [self.task(used_inventory_id=self.number) for _ in range(7)]
        named = ", ".join(map(str, tasks[:5]))
        self.refuse_all(f"({named} and others)")

    def test_lock(self) -> None:
        """The workspace of a locked state stays; its holder is named."""
        self.conn.insert(
            state_lock,
            inventory_id=self.number,
            lock_id="one",
            info='{"ID":"one","Who":"alice@laptop"}',
            created=self.conn.now,
        )
        self.refuse_all("alice@laptop", "one", "remove the lock")

    def test_alias(self) -> None:
        """A workspace with an alias stays, since its client may store a state."""
        number = self.conn.insert(
            state_alias,
            project_id=self.project.id,
            inventory_id=self.number,
            alias="a",
            auth_key_id=self.key(),
        )
        self.refuse_all("aliases (1)", "delete them")
        self.conn.delete(state_alias, number)
        self.assertEqual(self.change(type="tofu-workspace").status, 204)
        self.assertEqual(self.client.delete(self.path).status, 204)

    def test_hosts(self) -> None:
        """Hosts may change while a task is queued; type and inventory stay."""
        hosts = self.inventory()
        task = self.task(used_inventory_id=hosts)
        path = f"{self.base}/inventory/{hosts}"
        body = {"name": "Hosts", "type": "static", "inventory": "web1"}
        self.assertEqual(self.client.put(path, body).status, 204)
        self.refuse(self.client.delete(path), f"({task})")
        answer = self.client.put(path, {**body, "type": "static-yaml"})
        self.refuse(answer, f"({task})", field="type")

    def test_unused(self) -> None:
        """Tasks of other inventories, and tasks that have ended, hold nothing."""
        for status in TaskStatus:
            used = self.number if status.final else self.default
            self.task(status=status, inventory_id=used, used_inventory_id=used)
        self.assertEqual(self.client.delete(self.path).status, 204)
