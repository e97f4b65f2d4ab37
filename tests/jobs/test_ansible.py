"""The arguments of Ansible; tests/integration/test_ansible.py has the real one."""

import json
from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import checks
from semaphore_twisted.jobs.ansible import AnsiblePlan, plan
from semaphore_twisted.jobs.job_inputs import (
    CheckOrder,
    InventorySource,
    RepositorySource,
    VaultPassword,
)
from semaphore_twisted.jobs.workspace import layout
from semaphore_twisted.model.apps import StoredApp, with_settings
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.keys import LoginPassword, NoSecret, SshKey, Text
from tests.support.orders import options, order, static, task, template


def planned(playbook: str = "site.yml", **fields: Any) -> AnsiblePlan:
    """Return the plan for an order with *fields*."""
    chosen = options("/s")
    usual = {"template": template(app="ansible", playbook=playbook)}
    changed = replace(order("/x"), **{**usual, **fields})
    return plan(changed, chosen, layout(chosen, "task_7"), playbook=playbook)


def run(**fields: Any) -> Step:
    """Return the step of the playbook."""
    return planned(**fields).steps[-1]


class ArgumentTests(SynchronousTestCase):
    """The arguments of ``ansible-playbook``, and their order."""

    def test_everything(self) -> None:
        """All that an order can ask for has its place."""
        found = run(
            template=template(
                app="ansible",
                arguments='["--forks","9"]',
                allow_override_args_in_task=True,
                task_params={
                    "debug": True,
                    "limit": ["web", "db"],
                    "tags": ["a"],
                    "skip_tags": ["b"],
                },
            ),
            task=task(arguments='["--timeout","9"]', dry_run=True, diff=True),
            inventory=static(
                "h\n",
                key=LoginPassword(login="me", password="pw1"),
                become=LoginPassword(login="root", password="pw2"),
            ),
            vaults=(
                VaultPassword(name="prod", password=Text(text="pw3")),
                VaultPassword(name="", password=Text(text="pw4")),
            ),
            secret_variables={"s": "pw5"},
        )
        self.assertEqual(
            found.argv,
            (
                "ansible-playbook",
                *("-i", "{workspace}/inventory/hosts"),
                "--user=me",
                "--connection-password-file={workspace}/passwords/login",
                "--become-user=root",
                "--become-password-file={workspace}/passwords/become",
                *("-vvvv", "--diff", "--check"),
                "--vault-id=prod@{pipe:vault0}",
                "--vault-id=default@{pipe:vault1}",
                "--extra-vars=@{workspace}/variables/variables.json",
                "--extra-vars=@{workspace}/variables/exact.json",
                *("--forks", "9", "--timeout", "9"),
                *("--limit=web,db", "--tags=a", "--skip-tags=b"),
                "site.yml",
            ),
        )
        self.assertEqual(
            {pipe.name: pipe.content for pipe in found.pipes},
            {"vault0": b"pw3", "vault1": b"pw4", "login": b"pw1", "become": b"pw2"},
        )

    def test_another_ansible(self) -> None:
        """The program that an administrator has set is used, and those beside it."""
        path = "/opt/{workspace}/bin/ansible-playbook"
        table = with_settings([StoredApp(id="ansible", path=path)])
        steps = planned(apps=table).steps
        folder = "/opt/{brace}workspace}/bin"
        self.assertEqual(steps[-1].argv[0], f"{folder}/ansible-playbook")
        self.assertEqual(
            {each.argv[0] for each in steps[:-1]}, {f"{folder}/ansible-galaxy"}
        )
        made = checks.specification(
            CheckOrder(
                job_name="check", inventory=static("h\n"), ansible=table.get("ansible")
            ),
            options("/s", search_path="/bin"),
            token="t",
        )
        for each in made.steps:
            self.assertTrue(each.environ["PATH"].startswith(f"{folder}:/bin"), each)

    def test_secrets(self) -> None:
        """Passwords are in no argument, environment or file."""
        found = planned(
            inventory=static(
                "h\n",
                key=LoginPassword(login="me", password="hidden1"),
                become=LoginPassword(login="", password="hidden2"),
            ),
            vaults=(VaultPassword(name="v", password=Text(text="hidden3")),),
        )
        step = found.steps[-1]
        told = str((step.argv, step.environ, [file.content for file in found.files]))
        self.assertNotIn("hidden", told)

    def test_ssh_key(self) -> None:
        """An SSH key adds its login and the agent."""
        key = SshKey(login="me", private_key="PRIVATE")
        found = run(inventory=static("h\n", key=key))
        self.assertIn("--user=me", found.argv)
        self.assertEqual(found.environ["SSH_AUTH_SOCK"], "{workspace}/agent/ssh")
        self.assertNotIn("PRIVATE", str(found.environ))

    def test_hostile_login(self) -> None:
        """A login that an older release stored is refused when it is used."""
        for login in ("-oProxyCommand=x", "{{ x }}", "a;b"):
            key = LoginPassword(login=login, password="pw")
            for hosts in (static("h", key=key), static("h", become=key)):
                error = self.assertRaises(Invalid, run, inventory=hosts)
                self.assertIn("The access key for", error.message)

    def test_no_inventory(self) -> None:
        """Without an inventory Ansible uses the repository's own configuration."""
        self.assertNotIn("-i", run().argv)

    def test_vault_script(self) -> None:
        """A script of the repository is named, and must be in the checkout."""
        step = run(vaults=(VaultPassword(name="prod", script="vault/client.sh"),))
        self.assertIn("--vault-id=prod@./vault/client.sh", step.argv)
        self.assertEqual(step.pipes, ())
        for path in ("../x", "/bin/sh", "{{ x }}"):
            with self.assertRaises(Invalid):
                run(vaults=(VaultPassword(name="prod", script=path),))

    def test_vault_names(self) -> None:
        """A vault whose name or password cannot work is refused."""
        for vault in (
            VaultPassword(name="a@b", password=Text(text="x")),
            VaultPassword(name="a", password=Text(text=" ")),
            VaultPassword(name="a", password=NoSecret()),
        ):
            with self.assertRaises(Invalid):
                run(vaults=(vault,))


class FileTests(SynchronousTestCase):
    """The files written into the workspace."""

    def test_variables(self) -> None:
        """Variables are JSON in a file, with the task's details."""
        found = planned(variables={"a": "x y", "zero": 0})
        files = {file.path: file for file in found.files}
        known = json.loads(files["variables/variables.json"].content)
        self.assertEqual(known, {"a": "x y", "zero": 0})
        known = json.loads(files["variables/exact.json"].content)
        details = known.pop("semaphore_vars")["task_details"]
        self.assertEqual(known, {})
        self.assertEqual(
            (details["id"], details["username"]), (7, {"__ansible_unsafe": "ann"})
        )

    def test_password_scripts(self) -> None:
        """The scripts that hand on passwords are executable and hold no secret."""
        found = planned(
            inventory=static("h\n", key=LoginPassword(login="", password="hidden"))
        )
        (script,) = (f for f in found.files if f.path.startswith("passwords/"))
        self.assertTrue(script.executable)
        self.assertNotIn(b"hidden", script.content)
        self.assertEqual(found.steps[-1].environ["JOB_LOGIN_PIPE"], "{pipe:login}")

    def test_inventories(self) -> None:
        """Each kind of inventory is made, or found in its repository."""
        other = RepositorySource(repository_id=6, url="/y", branch="")
        for kind, text, source, expected in (
            (InventoryType.STATIC, "h", None, "{workspace}/inventory/hosts"),
            (
                InventoryType.STATIC_YAML,
                "all:",
                None,
                "{workspace}/inventory/hosts.yml",
            ),
            (InventoryType.FILE, "a/./b", None, "{workspace}/repository/a/b"),
            (InventoryType.FILE, "a", other, "{workspace}/inventory_repository/a"),
            (InventoryType.FILE, "/etc/hosts.ini", None, "/etc/hosts.ini"),
        ):
            inventory = InventorySource(type=kind, inventory=text, source=source)
            found = run(inventory=inventory)
            self.assertEqual(found.argv[1:3], ("-i", expected))

    def test_other_inventories(self) -> None:
        """An inventory that is not for Ansible, or leads out, is refused."""
        for kind, text in (
            (InventoryType.TERRAFORM_WORKSPACE, "default"),
            (InventoryType.FILE, "../hosts"),
            (InventoryType.FILE, ""),
        ):
            with self.assertRaises(Invalid):
                run(inventory=InventorySource(type=kind, inventory=text))


class HostTests(SynchronousTestCase):
    """How Ansible's ssh checks hosts."""

    def test_modes(self) -> None:
        """The configured mode reaches Ansible."""
        for mode, flag in (("accept-new", None), ("yes", None), ("no", "False")):
            chosen = options("/s", strict_host_key_checking=mode)
            changed = replace(order("/x"), template=template(app="ansible"))
            paths = layout(chosen, "task_7")
            made = plan(changed, chosen, paths, playbook="p")
            found = made.steps[-1].environ
            self.assertEqual(found.get("ANSIBLE_HOST_KEY_CHECKING"), flag)
            (program,) = (file for file in made.files if file.path == "ssh/ssh")
            self.assertIn(f"StrictHostKeyChecking={mode}".encode(), program.content)
            self.assertIn("/ssh/ssh", found["ANSIBLE_SSH_EXECUTABLE"])

    def test_environment_wins(self) -> None:
        """A variable group may override what is only a default."""
        found = run(environment={"ANSIBLE_FORCE_COLOR": "False"}).environ
        self.assertEqual(found["ANSIBLE_FORCE_COLOR"], "False")


class RequirementTests(SynchronousTestCase):
    """Where requirements are looked for."""

    def test_places(self) -> None:
        """The playbook's folder and the root are searched, each file once."""
        steps = planned(playbook="plays/site.yml").steps[:-1]
        self.assertEqual(
            [step.argv[1:] for step in steps],
            [
                ("collection", "install", "-r", path, "--force")
                for path in (
                    "plays/collections/requirements.yml",
                    "plays/collections/requirements.yaml",
                    "collections/requirements.yml",
                    "collections/requirements.yaml",
                )
            ]
            + [
                ("role", "install", "-r", path, "--force")
                for folder in ("plays/roles", "roles")
                for path in (
                    f"{folder}/requirements.yml",
                    f"{folder}/requirements.yaml",
                )
            ]
            + [
                ("install", "-r", path, "--force")
                for folder in ("plays/", "")
                for path in (f"{folder}requirements.yml", f"{folder}requirements.yaml")
            ],
        )
        self.assertEqual(
            steps[0].absent,
            (
                "No plays/collections/requirements.yml file found."
                " Skip galaxy install process.",
            ),
        )
