"""Tests of the routes that write a project's backup, and restore one."""

import json
from pathlib import Path
from typing import Any

from msgspec import inspect
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.projects.environments import NewEnvironment
from semaphore_twisted.operations.projects.inventories import NewInventory
from semaphore_twisted.operations.projects.repositories import NewRepository
from semaphore_twisted.operations.projects.template_rules import NewTemplate, NewVault
from semaphore_twisted.operations.projects.views import NewView
from semaphore_twisted.operations.schedules.rules import NewSchedule, ScheduledTask
from semaphore_twisted.operations.tasks.task_settings import TaskSettings
from semaphore_twisted.operations.transfer.backup_file import (
    EnvironmentInBackup,
    IntegrationInBackup,
    InventoryInBackup,
    RepositoryInBackup,
    ScheduleInBackup,
    TaskInBackup,
    TemplateInBackup,
    VaultInBackup,
    ViewInBackup,
)
from semaphore_twisted.operations.webhooks.integrations import NewIntegration
from semaphore_twisted.persistence import schema
from tests.support.memory import make_member, make_user
from tests.support.repository import repository
from tests.support.resources import ResourceTestCase

#: A file as Semaphore 2.10 writes it.
SEMAPHORE: dict[str, Any] = {
    "meta": {"name": "Shop", "alert": False, "max_parallel_tasks": 2, "type": ""},
    "keys": [{"name": "None", "type": "none"}, {"name": "Deploy", "type": "ssh"}],
    "environments": [{"name": "Empty", "json": "{}"}],
    "repositories": [
        {
            "name": "Files",
            "git_url": "https://git.example/files.git",
            "git_branch": "main",
            "ssh_key": "None",
        }
    ],
    "inventories": [
        {"name": "Hosts", "type": "static", "inventory": "web1", "ssh_key": "Deploy"}
    ],
    "views": [{"title": "Daily", "position": 1}],
    "templates": [
        {
            "name": "Deploy",
            "app": "ansible",
            "type": "deploy",
            "playbook": "deploy.yml",
            "repository": "Files",
            "inventory": "Hosts",
            "environment": "Empty",
            "view": "Daily",
            "build_template": "Build",
            "autorun": True,
            "suppress_success_alerts": False,
            "allow_override_args_in_task": False,
            "survey_vars": [],
            "vaults": [],
        },
        {
            "name": "Build",
            "app": "",
            "type": "build",
            "playbook": "build.yml",
            "repository": "Files",
            "inventory": "Hosts",
            "start_version": "v1",
        },
    ],
    "integrations": [],
    "integration_aliases": [],
}

#: Tables of a project's objects.
_TABLES = (
    schema.project,
    schema.access_key,
    schema.environment,
    schema.repository,
    schema.inventory,
    schema.view,
    schema.template,
    schema.event,
)


class BackupTestCase(ResourceTestCase):
    """A project with every kind of object."""

    def fill(self) -> None:
        """Create objects with each field that a backup has."""
        vault = self.key("Vault", type="string", string="hidden too")
        login = self.key()
        certificates = self.repository("Other", ssh_key_id=login)
        group = self.made(
            "environment",
            name="Group",
            json='{"a": 1}',
            env='{"B": "2"}',
            secrets=[
                {"type": "env", "name": "TOKEN", "secret": "s3", "operation": "create"},
                {"type": "var", "name": "word", "secret": "s4", "operation": "create"},
            ],
        )["id"]
        second = self.made("environment", name="Second", json="{}")["id"]
        view = self.made(
            "views",
            title="Daily",
            position=3,
            hidden=True,
            sort_column="playbook",
            sort_reverse=True,
        )["id"]
        hosts = self.inventory(ssh_key_id=login, become_key_id=login)
        self.inventory(
            "File", type="file", inventory="hosts.ini", repository_id=certificates
        )
        build = self.made(
            "templates", **self.template(name="Build", type="build", start_version="v1")
        )["id"]
        ansible = self.made(
            "templates",
            **self.template(
                name="Site",
                app="ansible",
                playbook="site.yml",
                type="deploy",
                build_template_id=build,
                inventory_id=hosts,
                environment_ids=[second, group],
                max_task_duration_sec=60,
                max_tasks=7,
                max_task_age_days=30,
                view_id=view,
                description="text",
                git_branch="dev",
                arguments='["--forks", "3"]',
                autorun=True,
                suppress_success_alerts=True,
                allow_override_args_in_task=True,
                allow_override_branch_in_task=True,
                allow_parallel_tasks=True,
                task_params={"limit": ["web"], "allow_override_limit": True},
                vaults=[
                    {"vault_key_id": vault, "name": "prod"},
                    {"type": "script", "script": "vault.sh", "name": "ops"},
                ],
                survey_vars=[
                    {
                        "name": "size",
                        "title": "Size",
                        "type": "enum",
                        "required": True,
                        "values": [{"name": "Small", "value": "s"}],
                        "default_value": "s",
                    },
                    {
                        "name": "word",
                        "type": "secret",
                        "required": True,
                        "pattern": "[a-z][0-9]",
                        "minimum": "2",
                    },
                    {"name": "count", "type": "int", "minimum": "1", "maximum": "9"},
                ],
            ),
        )["id"]
        live = self.made(
            "templates",
            **self.template(
                name="Live",
                app="terraform",
                playbook="",
                arguments='{"plan": ["-parallelism=3"]}',
                task_params={"allow_destroy": True, "approval_timeout_sec": 600},
            ),
        )["id"]
        self.made(
            "schedules",
            name="Weekly plan",
            template_id=live,
            cron_format="@weekly",
            task_params={"params": {"plan": True, "destroy": True}},
        )
        self.made(
            "schedules",
            name="Nightly",
            template_id=ansible,
            cron_format="5 4 * * mon",
            timezone="Europe/Berlin",
            active=True,
            catch_up="one",
            task_params={
                "environment": '{"size": "s"}',
                "secret": '{"word": "s5"}',
                "params": {"limit": ["db"]},
                "commit_hash": "c" * 40,
                "dry_run": True,
            },
        )
        self.made(
            "schedules",
            name="Commits",
            template_id=build,
            cron_format="*/10 * * * *",
            repository_id=certificates,
            active=False,
        )
        hook = self.made(
            "integrations",
            name="Push",
            template_id=build,
            auth_method="hmac",
            auth_secret_id=vault,
            auth_header="X-Signature",
            searchable=True,
            matchers=[
                {
                    "name": "main",
                    "match_type": "body",
                    "method": "equals",
                    "body_data_type": "json",
                    "key": "ref",
                    "value": "main",
                }
            ],
            extract_values=[
                {
                    "name": "branch",
                    "value_source": "body",
                    "body_data_type": "json",
                    "key": "ref",
                    "variable": "message",
                    "variable_type": "task",
                }
            ],
        )["id"]
        for place in (f"integrations/{hook}/aliases", "integrations/aliases"):
            self.assertEqual(self.client.post(f"{self.base}/{place}").status, 200)
        self.made(
            "inventory", name="Held", type="static", inventory="x", holder_id=ansible
        )

    def backup(self, project_id: int | None = None) -> dict[str, Any]:
        """Return the backup of a project."""
        number = project_id or self.project.id
        answer = self.client.get(f"/api/project/{number}/backup")
        self.assertEqual(answer.status, 200, answer.body)
        found: dict[str, Any] = answer.json
        return found

    def restore(self, backup: object) -> int:
        """Restore a project, and return its id."""
        answer = self.site.post("/api/projects/restore", backup)
        self.assertEqual(answer.status, 200, answer.body)
        number: int = answer.json["id"]
        return number

    def rows(self) -> list[int]:
        """Return the number of rows in each table of objects."""
        return [
            len(self.conn.raw.execute(f"SELECT 1 FROM {each.name}").fetchall())
            for each in _TABLES
        ]


class RoundTripTests(BackupTestCase):
    """A project is restored as it was."""

    def test_equal(self) -> None:
        """The backup of the restored project is the same, and has each object."""
        self.fill()
        first = self.backup()
        self.site.login()
        self.client.delete(self.base)  # its addresses may be used again
        number = self.restore(first)
        self.client = self.site
        self.assertEqual(self.backup(number), first)
        (template,) = (each for each in first["templates"] if each["name"] == "Site")
        self.assertEqual(template["vaults"][0]["vault_key"], "Vault")
        self.assertEqual(template["build_template"], "Build")
        self.assertEqual(template["environments"], ["Second", "Group"])
        self.assertEqual(len(first["inventories"]), 4)
        for noun in ("schedules", "integrations", "integration_aliases"):
            self.assertTrue(first[noun], noun)

    def test_beside_the_original(self) -> None:
        """A copy gets other addresses, and its schedules may be switched off."""
        self.fill()
        first = self.backup()
        self.site.login()
        answer = self.site.post("/api/projects/restore?schedules_off=true", first)
        self.assertEqual(answer.status, 200, answer.body)
        self.client = self.site
        copy = self.backup(answer.json["id"])
        self.assertEqual([each["active"] for each in copy["schedules"]], [False] * 3)
        (old,), (new,) = first["integration_aliases"], copy["integration_aliases"]
        self.assertNotEqual(old, new)

    def test_no_secrets(self) -> None:
        """No secret is in the file; names of secret variables are."""
        self.fill()
        text = json.dumps(self.backup())
        for secret in ("hidden", "s3", "s4", "s5"):
            self.assertNotIn(f': "{secret}', text)
        self.assertIn("TOKEN", text)
        self.assertNotIn("null", text)

    def test_damaged(self) -> None:
        """A damaged object is not guessed: its project has no backup."""
        self.fill()
        self.conn.raw.execute("UPDATE project__template SET task_params = '{'")
        answer = self.client.get(f"{self.base}/backup")
        self.assertEqual(answer.status, 409, answer.body)
        self.assertIn("damaged", answer.json["error"])

    def test_damaged_parameters(self) -> None:
        """Nor are damaged parameters of the tasks of a schedule or an integration."""
        self.fill()
        for table, name in (
            ("project__schedule", "Nightly"),
            ("project__integration", "Push"),
        ):
            for value in ('{"environment": 5}', '{"params": {"limit": 5}}', "[]"):
                self.conn.raw.execute(
                    f"UPDATE {table} SET task_params = ? WHERE name = ?", (value, name)
                )
                answer = self.client.get(f"{self.base}/backup")
                self.assertEqual(answer.status, 409, answer.body)
                self.assertIn(f'"{name}" is damaged', answer.json["error"])
            self.conn.raw.execute(f"UPDATE {table} SET task_params = NULL")

    def test_same_names(self) -> None:
        """Objects with the same name get names of their own, which links use."""
        self.key("Same")
        second = self.key("Same")
        self.key("Same - 2")
        self.repository(ssh_key_id=second)
        found = self.backup()
        names = [each["name"] for each in found["keys"]]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(found["repositories"][0]["ssh_key"], "Same - 3")
        self.site.login()
        self.restore(found)


class SemaphoreTests(BackupTestCase):
    """Files of Semaphore."""

    def setUp(self) -> None:
        """Log the administrator in."""
        super().setUp()
        self.site.login()
        self.client = self.site

    def test_restored(self) -> None:
        """A file of Semaphore 2.10 becomes a project, whose keys have no secret."""
        number = self.restore(SEMAPHORE)
        found = self.backup(number)
        deploy = next(each for each in found["templates"] if each["name"] == "Deploy")
        for name, value in SEMAPHORE["templates"][0].items():
            self.assertEqual(deploy[name], value, name)
        keys = self.client.get(f"/api/project/{number}/keys").json
        self.assertEqual(
            {each["name"]: each.get("empty", False) for each in keys},
            {"Deploy": True, "None": False},
        )
        role = self.client.get(f"/api/project/{number}/role").json
        self.assertEqual(role["role"], "owner")

    def test_older_forms(self) -> None:
        """No ``meta``, a repository without a key, and a single vault are accepted."""
        backup: dict[str, Any] = {
            "keys": [{"name": "V", "type": "login_password"}],
            "repositories": [
                {
                    "name": "R",
                    "git_url": "https://git.example/r.git",
                    "git_branch": "main",
                }
            ],
            "inventories": [{"name": "I", "type": "static", "inventory": ""}],
            "templates": [
                {
                    "name": "T",
                    "playbook": "a.yml",
                    "repository": "R",
                    "inventory": "I",
                    "vault_key": "V",
                    "cron": "0 3 * * *",
                }
            ],
            "integration_aliases": ["abcdefgh12345678"],
            "unknown": {"a": 1},
            "status": 200,
        }
        found = self.backup(self.restore(backup))
        self.assertEqual(found["meta"]["name"], "Restored project")
        self.assertEqual(found["templates"][0]["vaults"][0]["vault_key"], "V")
        self.assertEqual([each["name"] for each in found["keys"]], ["None", "V"])
        self.assertEqual(found["integration_aliases"], ["abcdefgh12345678"])
        (schedule,) = found["schedules"]
        self.assertEqual(
            (schedule["template"], schedule["cron_format"], schedule["active"]),
            ("T", "0 3 * * *", True),
        )

    def test_nulls(self) -> None:
        """A file of the older API documents: nulls for what is not set, and ``cron``.

        An inventory of the type file may have no path there; the restored one is shown,
        and a new one needs a path.
        """
        backup: dict[str, Any] = {
            "meta": {
                "name": "Nulls",
                "alert": True,
                "alert_chat": "Ops",
                "max_parallel_tasks": 0,
                "type": None,
            },
            "keys": [{"name": "None", "type": "none"}],
            "environments": [
                {"name": "Empty", "json": "{}", "env": None, "password": None}
            ],
            "repositories": [
                {
                    "name": "R",
                    "git_url": "https://git.example/r.git",
                    "git_branch": "main",
                    "ssh_key": "None",
                }
            ],
            "inventories": [
                {
                    "name": name,
                    "type": kind,
                    "inventory": "",
                    "ssh_key": "None",
                    "become_key": "None",
                }
                for name, kind in (("Files", "file"), ("Hosts", "static"))
            ],
            "views": [{"title": "All", "position": 0}],
            "templates": [
                {
                    "name": "Build",
                    "type": "build",
                    "start_version": "1.0.0",
                    "playbook": "build.yml",
                    "description": "Job",
                    "arguments": "[]",
                    "repository": "R",
                    "inventory": "Files",
                    "environment": "Empty",
                    "view": "All",
                    "build_template": None,
                    "vault_key": None,
                    "cron": "* * * * *",
                    "survey_vars": [{"name": "word", "type": "string"}],
                    "autorun": False,
                    "suppress_success_alerts": False,
                    "allow_override_args_in_task": False,
                }
            ],
        }
        number = self.restore(backup)
        shown = self.client.get(f"/api/project/{number}/inventory").json
        self.assertEqual([each["inventory"] for each in shown], ["", ""])
        (template,) = self.client.get(f"/api/project/{number}/templates").json
        self.assertEqual(template["survey_vars"][0]["type"], "string")
        new = {"name": "F", "type": "file", "inventory": ""}
        path = f"/api/project/{number}/inventory"
        self.refused(self.client.post(path, new), "Invalid inventory file pathname")
        self.restore(self.backup(number))

    def test_chain(self) -> None:
        """Templates that deploy each other's builds are restored in any order."""
        backup = json.loads(json.dumps(SEMAPHORE))
        build = backup["templates"].pop()
        chain = [
            {**build, "name": name, "type": kind, "build_template": before}
            for name, kind, before in (
                ("A", "deploy", "B"),
                ("B", "deploy", "C"),
                ("C", "build", None),
            )
        ]
        backup["templates"] = chain
        found = self.backup(self.restore(backup))["templates"]
        self.assertEqual(
            {each["name"]: each.get("build_template") for each in found},
            {"A": "B", "B": "C", "C": None},
        )
        chain[2] = {**chain[2], "type": "deploy", "build_template": "A"}
        answer = self.client.post("/api/projects/restore", backup)
        self.refused(answer, 'templates "A"', "build_template")

    def test_secrets_with_rules(self) -> None:
        """A schedule is restored although a secret answer with a rule is missing."""
        backup = json.loads(json.dumps(SEMAPHORE))
        pin = {"name": "pin", "type": "secret", "required": True, "minimum": "6"}
        backup["templates"][1]["survey_vars"] = [pin]
        backup["schedules"] = [
            {"name": "S", "template": "Build", "cron_format": "@daily", "active": True}
        ]
        found = self.backup(self.restore(backup))
        self.assertEqual([each["name"] for each in found["schedules"]], ["S"])

    def test_deleted_inventory(self) -> None:
        """A task whose inventory is gone does not run on other hosts afterwards."""
        number = self.restore(SEMAPHORE)
        templates = self.client.get(f"/api/project/{number}/templates").json
        schedule = {
            "name": "S",
            "template_id": templates[0]["id"],
            "cron_format": "@daily",
        }
        made = self.client.post(f"/api/project/{number}/schedules", schedule)
        self.assertEqual(made.status, 201, made.body)
        self.conn.raw.execute(
            "UPDATE project__schedule SET task_params = '{\"inventory_id\": 987}'"
        )
        found = self.backup(number)
        self.assertIn("987", found["schedules"][0]["task_params"]["inventory_name"])
        answer = self.client.post("/api/projects/restore", found)
        self.refused(answer, 'schedules "S"', "987")

    def test_links(self) -> None:
        """Inventory and watched repository have Semaphore's names, or those of 0.4."""
        backup = json.loads(json.dumps(SEMAPHORE))
        backup["templates"][1]["task_params"] = {"allow_override_inventory": True}
        backup["inventories"].append({"name": "Other", "type": "static"})
        schedule = {"name": "S", "template": "Build", "cron_format": "@daily"}
        integration = {"name": "I", "template": "Build"}
        for inventory, watched in (
            ("inventory_name", "checkable_repository"),
            ("inventory", "repository"),
        ):
            params = {"task_params": {inventory: "Other", "params": {}}}
            backup["schedules"] = [{**schedule, **params, watched: "Files"}]
            backup["integrations"] = [{**integration, **params}]
            number = self.restore(backup)
            found = self.backup(number)
            (restored,) = found["schedules"]
            self.assertEqual(restored["checkable_repository"], "Files")
            for each in (restored, *found["integrations"]):
                self.assertEqual(each["task_params"]["inventory_name"], "Other")
            (shown,) = self.client.get(f"/api/project/{number}/schedules?all=1").json
            self.assertIsInstance(shown["repository_id"], int)
            self.assertIsInstance(shown["task_params"]["inventory_id"], int)

    def test_times(self) -> None:
        """Only a schedule whose single run has passed is switched off."""
        backup = json.loads(json.dumps(SEMAPHORE))
        backup["schedules"] = [
            {
                "name": name,
                "template": "Build",
                "cron_format": "@daily",
                "active": True,
                "type": kind,
                "run_at": run_at,
            }
            for name, kind, run_at in (
                ("Daily", "", "2020-01-01T00:00:00Z"),
                ("Passed", "run_at", "2020-01-01T00:00:00Z"),
                ("To come", "run_at", "2030-01-01T00:00:00Z"),
            )
        ]
        found = self.backup(self.restore(backup))
        self.assertEqual(
            {each["name"]: each["active"] for each in found["schedules"]},
            {"Daily": True, "Passed": False, "To come": True},
        )


class RefusedTests(BackupTestCase):
    """A file that cannot be restored changes nothing."""

    def setUp(self) -> None:
        """Log the administrator in."""
        super().setUp()
        self.site.login()

    def refuse(self, change: Any, *words: str) -> None:
        """Check that SEMAPHORE after *change* is refused with *words*."""
        backup = json.loads(json.dumps(SEMAPHORE))
        change(backup)
        before = self.rows()
        answer = self.site.post("/api/projects/restore", backup)
        self.refused(answer, *words)
        self.assertEqual(self.rows(), before)

    def test_each_object(self) -> None:
        """A fault in any object names it, and leaves no project."""
        for noun, field, value in (
            ("keys", "type", "gpg"),
            ("environments", "json", "["),
            ("repositories", "git_url", "ftp://x"),
            ("repositories", "ssh_key", "Gone"),
            ("inventories", "type", "cloud"),
            ("inventories", "ssh_key", "Gone"),
            ("inventories", "template", "Gone"),
            ("views", "title", " "),
            ("templates", "repository", "Gone"),
            ("templates", "repository", ""),
            ("templates", "view", "Gone"),
            ("templates", "app", "cobol"),
            ("templates", "cron", "61 * * * *"),
            ("templates", "build_template", "Gone"),
            ("templates", "vault_key", "Gone"),
            ("templates", "vault_key", "Deploy"),
        ):

            def change(
                backup: Any, noun: str = noun, field: str = field, value: str = value
            ) -> None:
                backup[noun][-1][field] = value

            self.refuse(change, "schedules" if field == "cron" else noun)

    def test_twice(self) -> None:
        """A name that comes twice is refused, since links name objects."""
        for noun in ("keys", "environments", "repositories", "inventories", "views"):

            def change(backup: Any, noun: str = noun) -> None:
                backup[noun].append(backup[noun][0])

            self.refuse(change, noun, "twice")

    def test_not_served(self) -> None:
        """A field that this server would lose is refused by its name."""
        for noun in ("roles", "secret_storages", "proxies", "runners", "workflows"):

            def change(backup: Any, noun: str = noun) -> None:
                backup[noun] = [{"name": "x"}]

            self.refuse(change, noun)
        # without these a task would run on this machine, without its token, or differ
        for noun, field, value in (
            ("inventories", "runner_tag", "dmz"),
            ("templates", "runner_tag", "dmz"),
            ("templates", "jwt_params", {"enabled": True, "audience": ["vault"]}),
            ("templates", "roles", [{"role": "ops", "permissions": 1}]),
            ("templates", "task_params", {"skip_galaxy_install": True}),
        ):

            def set_field(
                backup: Any, noun: str = noun, field: str = field, value: object = value
            ) -> None:
                backup[noun][0][field] = value

            self.refuse(set_field, noun, field, "not supported yet")

    def test_fields_not_served(self) -> None:
        """A field that would change what runs, or where, is refused by its name."""
        for noun, field, value in (
            ("repositories", "proxy", "Bastion"),
            ("inventories", "proxy", "Bastion"),
            ("inventories", "runner_tag", "gpu"),
            ("templates", "roles", [{"role": "ops", "permissions": 1}]),
            ("templates", "runner_tag", "gpu"),
            ("templates", "executor_image", "alpine"),
            ("templates", "working_directory", "site"),
            ("templates", "jwt_params", {"enabled": True}),
            ("schedules", "repository_id", 3),  # a number of another installation
        ):

            def change(
                backup: Any, noun: str = noun, field: str = field, value: Any = value
            ) -> None:
                schedule = {"template": "Build", "cron_format": "@daily"}
                backup["schedules"] = [schedule]
                backup[noun][0][field] = value

            self.refuse(change, noun, field)

    def test_times(self) -> None:
        """A time that cannot be one of a schedule is refused."""
        for value, kind in (
            ("2030-01-01T00:00:00", "run_at"),
            ("2030-01-01T00:00:00", ""),
            ({}, "run_at"),
            (None, "run_at"),
        ):

            def change(backup: Any, value: Any = value, kind: str = kind) -> None:
                schedule = {"template": "Build", "cron_format": "@daily"}
                backup["schedules"] = [{**schedule, "type": kind, "run_at": value}]

            self.refuse(change, "run_at")

    def test_shapes(self) -> None:
        """Other JSON than a backup is refused with a reason."""
        before = self.rows()
        bodies: tuple[object, ...] = (
            {},
            [],
            "x",
            5,
            {"keys": {}},
            {"keys": [5]},
            {"meta": []},
            {"templates": [[]]},
            {"templates": [{}]},
            {"keys": [{}]},
        )
        for body in bodies:
            self.refused(self.site.post("/api/projects/restore", body))
        self.assertEqual(self.rows(), before)


class RightsTests(BackupTestCase):
    """Who may write and restore a backup."""

    def test_roles(self) -> None:
        """Guests and task runners read no backup; managers do."""
        for role, status in (
            (Role.GUEST, 403),
            (Role.TASK_RUNNER, 403),
            (Role.MANAGER, 200),
        ):
            user = make_user(self.conn, role)
            make_member(self.conn, self.project, user, role)
            answer = self.site.as_user(user).get(f"{self.base}/backup")
            self.assertEqual(answer.status, status, role)

    def test_only_administrators(self) -> None:
        """Without the option only administrators restore a project."""
        answer = self.client.post("/api/projects/restore", SEMAPHORE)
        self.assertEqual(answer.status, 403, answer.body)

    def test_before_the_disk(self) -> None:
        """Without the right, no answer tells whether a path is a repository."""
        there = repository(Path(self.mktemp()).absolute(), {"a.sh": ""})
        for path in (there, there.with_name("missing")):
            backup = {
                "meta": {"name": "P"},
                "keys": [{"name": "K", "type": "none"}],
                "repositories": [
                    {
                        "name": "R",
                        "git_url": f"file://{path}",
                        "git_branch": "main",
                        "ssh_key": "K",
                    }
                ],
            }
            answer = self.client.post("/api/projects/restore", backup)
            self.assertEqual((answer.status, answer.body), (403, b""), path)


class CompletenessTests(SynchronousTestCase):
    """A field that is added to an object is in its backup too."""

    def test_fields(self) -> None:
        """Each field of a new object is in the backup, under its name or as a link."""
        for new, stored, links in (
            (NewTemplate, TemplateInBackup, {"environment_ids"}),
            (NewSchedule, ScheduleInBackup, set[str]()),
            (ScheduledTask, TaskInBackup, {"secret"}),  # its value is a secret
            (NewIntegration, IntegrationInBackup, set[str]()),
            (TaskSettings, TaskInBackup, set[str]()),
            (NewInventory, InventoryInBackup, {"holder_id", "template_id"}),
            (NewRepository, RepositoryInBackup, set[str]()),
            (NewEnvironment, EnvironmentInBackup, set[str]()),
            (NewView, ViewInBackup, set[str]()),
            (NewVault, VaultInBackup, set[str]()),
        ):
            there = set(stored.__struct_fields__)
            info = inspect.type_info(new)
            assert isinstance(info, inspect.StructType)
            for field in info.fields:
                extra = getattr(field.type, "extra", None) or {}
                if "unserved" in extra:
                    continue
                name = field.name.removesuffix("_id")
                self.assertIn(
                    name, there | {each.removesuffix("_id") for each in links}
                )
