"""Tests of the inventories' routes."""

from semaphore_twisted.persistence.integration_tables import integration
from semaphore_twisted.persistence.schema import access_key, repository
from tests.support.resources import ResourceTestCase


class InventoryTests(ResourceTestCase):
    """A project's inventories."""

    def test_life(self) -> None:
        """An inventory is made, shown with its nine fields, replaced and deleted."""
        number = self.inventory(ssh_key_id=self.none_key, become_key_id=0)
        self.assertEqual(
            self.shown("inventory", number),
            {
                "id": number,
                "name": "Hosts",
                "project_id": self.project.id,
                "inventory": "localhost",
                "ssh_key_id": self.none_key,
                "become_key_id": None,
                "type": "static",
                "holder_id": None,
                "repository_id": None,
            },
        )
        body = {"name": "New", "type": "static-yaml", "inventory": "all: {}"}
        path = f"{self.base}/inventory/{number}"
        self.assertEqual(self.client.put(path, body).status, 204)
        shown = self.shown("inventory", number)
        self.assertEqual((shown["type"], shown["ssh_key_id"]), ("static-yaml", None))
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(self.names("inventory"), [])

    def test_types(self) -> None:
        """A type that is unknown or not supported is refused with its name."""
        number = self.inventory()
        path = f"{self.base}/inventory"
        for kind, word in (
            ("", "Not supported inventory type"),
            ("magic", "Not supported inventory type"),
        ):
            self.refused(self.client.post(path, {"name": "I", "type": kind}), word)
        answer = self.client.put(f"{path}/{number}", {"name": "I", "type": "magic"})
        self.refused(answer, "unknown inventory type: magic")

    def test_workspace(self) -> None:
        """A workspace has a name that Terraform accepts, by default ``default``."""
        path = f"{self.base}/inventory"
        for kind in ("terraform-workspace", "tofu-workspace"):
            number = self.inventory(type=kind, inventory="")
            self.assertEqual(self.shown("inventory", number)["inventory"], "default")
            for name in ("prod-eu_1.x~", "PROD", "a" * 90):
                self.inventory(type=kind, inventory=name)
            for name in ("-x", ".", "a b", "a/b", "a\nb", "a" * 91, "é", "${x}"):
                body = {"name": "W", "type": kind, "inventory": name}
                self.refused(self.client.post(path, body), "workspace")

    def test_file(self) -> None:
        """The path of a file stays inside the repository."""
        self.inventory(type="file", inventory="inventories/prod/hosts.yml")
        path = f"{self.base}/inventory"
        for each in ("", ".", "..", "../x", "a/../../x", "/etc/hosts", "-x", "a\nb"):
            body = {"name": "I", "type": "file", "inventory": each}
            self.refused(self.client.post(path, body))

    def test_references(self) -> None:
        """References to another project's objects, or to missing ones, are refused."""
        key = self.conn.insert(
            access_key, uuid="x", name="F", type="none", project_id=self.other.id
        )
        store = self.conn.insert(
            repository,
            project_id=self.other.id,
            name="F",
            git_url="https://h/x",
            ssh_key_id=key,
        )
        path = f"{self.base}/inventory"
        number = self.inventory()
        for field, value in (
            ("ssh_key_id", key),
            ("ssh_key_id", 999),
            ("become_key_id", key),
            ("repository_id", store),
            ("holder_id", 999),
        ):
            body = {"name": "I", "type": "static", field: value}
            self.refused(self.client.post(path, body), field)
            self.refused(self.client.put(f"{path}/{number}", body), field)
        self.assertEqual(self.names("inventory"), ["Hosts"])

    def test_in_use(self) -> None:
        """An inventory in use stays, and the answer names what uses it."""
        number = self.inventory()
        self.made("templates", **self.template(name="Tpl", inventory_id=number))
        answer = self.client.delete(f"{self.base}/inventory/{number}")
        self.refused(answer, "Inventory is in use", '"Tpl"')
        refs = self.listed(f"inventory/{number}/refs")
        self.assertEqual([each["name"] for each in refs["templates"]], ["Tpl"])

    def test_in_use_by_parameters(self) -> None:
        """Schedules and integrations whose tasks run on an inventory use it."""
        number = self.inventory()
        template = self.made(
            "templates",
            **self.template(
                app="ansible",
                inventory_id=self.inventory("Usual"),
                task_params={"allow_override_inventory": True},
            ),
        )["id"]
        body = {"template_id": template, "task_params": {"inventory_id": number}}
        schedule = self.made(
            "schedules", name="Nightly", cron_format="5 4 * * *", **body
        )["id"]
        hook = self.made("integrations", name="Push", **body)["id"]
        damaged = self.conn.insert(
            integration,
            project_id=self.project.id,
            template_id=template,
            name="Damaged",
            task_params={},
        )
        self.conn.raw.execute(
            "UPDATE project__integration SET task_params = '{' WHERE id = ?",
            (damaged,),
        )
        path = f"{self.base}/inventory/{number}"
        self.refused(
            self.client.delete(path), 'integrations "Push"', 'schedules "Nightly"'
        )
        refs = self.client.get(f"{path}/refs").json
        self.assertEqual(refs["schedules"], [{"id": schedule, "name": "Nightly"}])
        self.assertEqual(refs["integrations"], [{"id": hook, "name": "Push"}])
        self.client.delete(f"{self.base}/schedules/{schedule}")
        self.client.delete(f"{self.base}/integrations/{hook}")
        self.assertEqual(self.client.delete(path).status, 204)
