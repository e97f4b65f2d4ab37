"""Tests of the templates' routes."""

import json
from typing import Any

import msgspec
from sqlalchemy import select

from semaphore_twisted.model.ids import TaskId, TemplateId
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.persistence.schema import access_key, environment, event, view
from semaphore_twisted.persistence.schema import task as task_table
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template


class TemplateTestCase(ResourceTestCase):
    """A project's templates."""

    def create(self, **body: Any) -> Any:
        """Make a template, and return it."""
        return self.made("templates", **self.template(**body))

    def refuse(self, *words: str, **body: Any) -> None:
        """Check that a template cannot be made, nor another one be changed to it."""
        sent = self.template(**body)
        path = f"{self.base}/templates"
        self.refused(self.client.post(path, sent), *words)
        for each in self.listed("templates")[:1]:
            self.refused(self.client.put(f"{path}/{each['id']}", sent), *words)


class CreateTests(TemplateTestCase):
    """Creating templates."""

    def test_shape(self) -> None:
        """A template of few fields gets the defaults of the rest."""
        made = self.create()
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "project_id": self.project.id,
                "inventory_id": None,
                "repository_id": self.repository_id(),
                "environment_id": None,
                "environment_ids": [],
                "name": "Say",
                "playbook": "say.sh",
                "arguments": None,
                "allow_override_args_in_task": False,
                "description": None,
                "vaults": [],
                "type": "",
                "start_version": None,
                "build_template_id": None,
                "view_id": None,
                "last_task": None,
                "autorun": False,
                "git_branch": None,
                "survey_vars": None,
                "suppress_success_alerts": False,
                "app": "bash",
                "tasks": 0,
                "task_params": None,
                "allow_override_branch_in_task": False,
                "allow_parallel_tasks": False,
                "max_task_duration_sec": 0,
                "max_tasks": 0,
                "max_task_age_days": 0,
            },
        )

    def test_everything(self) -> None:
        """Every field is stored and returned, and can be sent back."""
        vault = self.key("Vault")
        tab = self.conn.insert(view, project_id=self.project.id, title="Tab")
        group = self.listed("environment")[0]["id"]
        sent = self.template(
            app="ansible",
            playbook="site.yml",
            inventory_id=self.inventory(),
            environment_ids=[group],
            view_id=tab,
            description="What it does",
            arguments='["--limit", "web 1", "--tags=a b"]',
            type="build",
            start_version="1.0.0",
            git_branch="main",
            survey_vars=[
                {"name": "n", "title": "N", "type": "int", "default_value": "3"},
                {
                    "name": "e",
                    "type": "enum",
                    "required": True,
                    "values": [{"name": "One", "value": "1"}],
                },
                {"name": "s", "type": "secret"},
            ],
            vaults=[
                {"vault_key_id": vault, "name": "prod", "type": "password"},
                {"vault_key_id": vault, "name": ""},
            ],
            task_params={"limit": "a, b", "tags": ["x"], "debug": None, "odd": 1},
            allow_parallel_tasks=True,
            max_task_duration_sec=90,
            max_tasks=20,
            max_task_age_days=30,
            allow_override_args_in_task=True,
        )
        made = self.made("templates", **sent)
        self.assertEqual(made["environment_id"], group)
        self.assertEqual(made["view_id"], tab)
        self.assertEqual(made["arguments"], sent["arguments"])
        self.assertEqual(made["task_params"], {"limit": ["a", "b"], "tags": ["x"]})
        self.assertEqual([each["name"] for each in made["vaults"]], ["prod", None])
        self.assertEqual([each["name"] for each in made["survey_vars"]], list("nes"))
        self.assertTrue(made["allow_parallel_tasks"])
        limits = ("max_task_duration_sec", "max_tasks", "max_task_age_days")
        self.assertEqual([made[name] for name in limits], [90, 20, 30])
        path = f"{self.base}/templates/{made['id']}"
        self.assertEqual(self.client.put(path, made).status, 204)
        again = self.shown("templates", made["id"])
        for each in (made, again):
            for each_vault in each["vaults"]:
                del each_vault["id"]
        self.assertEqual(again, made)
        (in_list,) = self.listed("templates")
        self.assertEqual(len(in_list["vaults"]), 2)

    def test_ansible_by_default(self) -> None:
        """A template without an app is Ansible's."""
        made = self.create(app="", inventory_id=self.inventory())
        self.assertEqual(made["app"], "ansible")

    def test_refused(self) -> None:
        """An invalid template is refused with the reason, and not stored."""
        self.create()
        for word, body in (
            ("template name can not be empty", {"name": ""}),
            ("template inventory can not be empty", {"app": "ansible"}),
            ("template playbook can not be empty", {"playbook": ""}),
            ("inside the repository", {"playbook": "../x.sh"}),
            ("inside the repository", {"playbook": "/bin/sh"}),
            ("inside the repository", {"playbook": "--version"}),
            (
                "playbook: invalid value",
                {
                    "app": "ansible",
                    "inventory_id": self.inventory(),
                    "playbook": "{{ x }}/site.yml",
                },
            ),
            ("Invalid app id: magic", {"app": "magic"}),
            ("switched off", {"app": "pulumi"}),
            ("type of a template", {"type": "odd"}),
            ("branch", {"git_branch": "-x"}),
            ("template arguments must be valid JSON", {"arguments": "--check"}),
            ("template arguments must be valid JSON", {"arguments": '{"a": 1}'}),
            ("task_params", {"task_params": {"debug": "maybe"}}),
            ("task_params", {"task_params": {"debug_level": 9}}),
            ("max_tasks: invalid value -1", {"max_tasks": -1}),
            ("max_task_age_days", {"max_task_age_days": 36_501}),
            ("max_task_duration_sec", {"max_task_duration_sec": 10**9}),
            ("inside the repository", {"vaults": [{"type": "script"}]}),
            ("password or script", {"vaults": [{"type": "prompt"}]}),
            ("environment_ids: there is no 999", {"environment_ids": [1, 999]}),
        ):
            self.refuse(word, **body)
        self.assertEqual(len(self.listed("templates")), 1)

    def test_parameters_of_a_task(self) -> None:
        """Fields of Semaphore's ``task_params`` that would be lost are refused."""
        self.create()
        for name, value in (
            ("params", {"tags": ["a"], "debug": False}),
            ("environment", '{"a": 1}'),
            ("git_branch", "dev"),
            ("skip_galaxy_install", True),
        ):
            self.refuse(f"task_params.{name}", task_params={name: value})
        self.refuse("limit: ", limit="web")
        empty = {"params": {"tags": [], "debug": False}, "arguments": "", "x": 1}
        made = self.create(name="Empty", task_params=empty)
        self.assertIsNone(made["task_params"])
        path = f"{self.base}/templates/{made['id']}"
        self.assertEqual(self.client.put(path, made).status, 204)

    def test_types_of_terraform(self) -> None:
        """The types that Semaphore's Terraform provider writes are kept and checked."""
        made = self.create(
            survey_vars=[
                {"name": "word", "type": "string", "minimum": "2"},
                {"name": "count", "type": "integer", "maximum": "9"},
            ]
        )
        for place in (made, self.shown("templates", made["id"])):
            types = [each["type"] for each in place["survey_vars"]]
            self.assertEqual(types, ["string", "integer"])
        path = f"{self.base}/templates/{made['id']}/preview"
        for answers, word in (
            ({"word": "ab", "count": "7"}, ""),
            ({"word": "a"}, "at least 2 characters"),
            ({"count": "x"}, "must be an integer"),
            ({"count": 10}, "at most 9"),
        ):
            body = {"template_id": made["id"], "environment": json.dumps(answers)}
            answer = self.client.post(path, body)
            if word:
                self.refused(answer, word)
            else:
                self.assertEqual(answer.status, 200, answer.body)

    def test_ansible_collection(self) -> None:
        """The collection bnc.semaphore names the empty type, and no app."""
        sent = self.template(
            app=None,
            type="task",
            playbook="site.yml",
            inventory_id=self.inventory(),
            arguments="[]",
            description=None,
            vault_key_id=None,
            view_id=None,
            survey_vars=None,
        )
        made = self.made("templates", **sent)
        self.assertEqual((made["type"], made["app"]), ("", "ansible"))
        self.assertEqual(self.made("templates", **{**sent, "type": "job"})["type"], "")
        make_task(self.conn, self.project, TemplateId(made["id"]))
        path = f"{self.base}/templates/{made['id']}"
        self.assertEqual(self.client.put(path, sent).status, 204)
        answer = self.client.put(path, {**sent, "app": "bash"})
        self.assertEqual(answer.status, 409, answer.body)
        self.assertIn("another app", answer.json["error"])

    def test_hostile_selection(self) -> None:
        """A limit that names a file, and a tag that is no name, are refused."""
        self.create()
        ansible = {"app": "ansible", "inventory_id": self.inventory()}
        for params in (
            {"limit": "@/etc/shadow"},
            {"limit": ["web", "all:@/etc/shadow"]},
            {"tags": "@/etc/shadow"},
            {"skip_tags": ["{{ x }}"]},
        ):
            self.refuse("invalid value", task_params=params, **ansible)
        self.create(
            name="Patterns",
            task_params={"limit": ["~web.*", "!db"], "tags": "a, b"},
            **ansible,
        )

    def test_two_arguments_in_one(self) -> None:
        """An argument that holds two is refused with a hint."""
        self.create()
        self.refuse("has two in one text", arguments='["--limit web"]')

    def test_survey(self) -> None:
        """A survey that cannot be asked, or shows a secret, is refused."""
        self.create()
        for variable in (
            {"name": "", "type": ""},
            {"name": "LD_PRELOAD", "type": "secret"},
            {"name": "a b", "type": ""},
            {"name": "x", "type": "odd"},
            {"name": "x", "type": "enum"},
            {"name": "x", "type": "int", "default_value": "many"},
            {"name": "x", "type": "secret", "default_value": "hidden"},
            {
                "name": "x",
                "type": "enum",
                "values": [{"name": "A", "value": "a"}],
                "default_value": "b",
            },
        ):
            self.refuse(survey_vars=[variable])
        self.refuse("target", survey_vars=[{"name": "x", "target": "argument"}])
        self.refuse(
            '"PATH" cannot have the target env',
            survey_vars=[{"name": "PATH", "target": "env"}],
        )
        twice = {"name": "x", "type": ""}
        self.refuse("twice", survey_vars=[twice, twice])

    def test_survey_target(self) -> None:
        """A target comes back as sent; an empty one is no field, as before."""
        survey = [
            {"name": "a", "target": "env"},
            {"name": "b", "target": ""},
            {"name": "c", "target": None},
        ]
        made = self.made("templates", **self.template(survey_vars=survey))
        shown = self.shown("templates", made["id"])["survey_vars"]
        self.assertEqual([each.get("target") for each in shown], ["env", None, None])
        self.assertEqual([("target" in each) for each in shown], [True, False, False])
        backup = self.client.get(f"{self.base}/backup").json
        (kept,) = [x for x in backup["templates"] if x["name"] == made["name"]]
        self.assertEqual(kept["survey_vars"][0]["target"], "env")

    def test_survey_types(self) -> None:
        """A survey has variables of each type, and its rules come back as sent."""
        values = [{"name": "A", "value": "a"}, {"name": "B", "value": "b"}]
        sent: list[dict[str, Any]] = [
            {"name": "t", "pattern": "v[0-9]+", "default_value": "v1"},
            {"name": "n", "type": "int", "minimum": "1", "maximum": "9"},
            {"name": "l", "type": "text", "default_value": "a\nb"},
            {"name": "m", "type": "select", "values": values, "default_value": ["a"]},
            {"name": "o", "type": "bool", "default_value": "true"},
            {"name": "d", "type": "date", "minimum": "2026-01-01"},
            {"name": "s", "type": "secret", "minimum": "8", "pattern": ""},
        ]
        made = self.create(survey_vars=sent)
        for before, after in zip(sent, made["survey_vars"], strict=True):
            kept = {name: value for name, value in before.items() if value != ""}
            self.assertEqual(after | kept, after)
            self.assertEqual("pattern" in after, bool(before.get("pattern")))
        path = f"{self.base}/templates/{made['id']}"
        self.assertEqual(self.client.put(path, made).status, 204)
        again = self.shown("templates", made["id"])
        self.assertEqual(again["survey_vars"], made["survey_vars"])
        body = {"template_id": made["id"]}
        tasks = f"{self.base}/tasks"
        for name, value in (("t", "1"), ("n", 10), ("m", ["c"]), ("d", "2025-01-01")):
            text = msgspec.json.encode({name: value}).decode()
            answer = self.client.post(tasks, {**body, "environment": text})
            self.refused(answer, f'"{name}"')
            self.assertEqual(answer.json["field"], f"environment.{name}")
        answer = self.client.post(tasks, {**body, "secret": '{"s": "short"}'})
        self.refused(answer, "at least 8 characters")
        self.assertEqual(answer.json["field"], "secret.s")
        answer = self.client.post(tasks, {**body, "environment": '{"n": 9}'})
        self.assertEqual(answer.status, 201)
        self.assertEqual(
            msgspec.json.decode(answer.json["environment"]),
            {"t": "v1", "n": 9, "l": "a\nb", "m": ["a"], "o": True},
        )

    def test_default_in_list(self) -> None:
        """A list of one default stands for the value, as Semaphore may write it."""
        values = [{"name": "A", "value": "a"}]
        survey: list[dict[str, Any]] = [
            {"name": "t", "default_value": ["v1"]},
            {"name": "n", "type": "int", "default_value": ["7"]},
            {"name": "e", "type": "enum", "values": values, "default_value": ["a"]},
            {"name": "m", "type": "select", "values": values, "default_value": ["a"]},
            {"name": "x", "default_value": []},
        ]
        made = self.create(survey_vars=survey)
        self.assertEqual(
            [each["default_value"] for each in made["survey_vars"]],
            ["v1", "7", "a", ["a"], ""],
        )
        for wrong in (["v1", "v2"], [5]):
            body = self.template(survey_vars=[{"name": "t", "default_value": wrong}])
            self.refused(self.client.post(f"{self.base}/templates", body))

    def test_references(self) -> None:
        """References to another project's objects, or to missing ones, are refused."""
        self.create()
        key = self.conn.insert(
            access_key, uuid="x", name="F", type="string", project_id=self.other.id
        )
        foreign = make_template(self.conn, self.other, type="build")
        tab = self.conn.insert(view, project_id=self.other.id, title="Tab")
        for word, body in (
            ("repository_id", {"repository_id": 999}),
            ("repository_id", {"repository_id": 0}),
            ("inventory_id", {"inventory_id": 999}),
            ("environment_id", {"environment_id": 999}),
            ("view_id", {"view_id": tab}),
            ("vault_key_id", {"vaults": [{"vault_key_id": key}]}),
            ("vault_key_id", {"vaults": [{"vault_key_id": self.none_key}]}),
            ("build_template_id", {"type": "deploy", "build_template_id": foreign}),
        ):
            self.refuse(word, **body)

    def test_build_and_deploy(self) -> None:
        """A deployment needs its build, a build its first version; a task neither."""
        extra = {"start_version": "1", "build_template_id": None}
        build = self.create(name="Build", type="build", **extra)
        extra["build_template_id"] = build["id"]
        deploy = self.create(name="Deploy", type="deploy", **extra)
        plain = self.create(name="Plain", **extra)
        found = [
            (each["start_version"], each["build_template_id"])
            for each in (build, deploy, plain)
        ]
        self.assertEqual(found, [("1", None), (None, build["id"]), (None, None)])
        self.refuse("of the type build", type="deploy", build_template_id=plain["id"])
        self.refuse("there is no 999", type="deploy", build_template_id=999)
        refs = self.listed(f"templates/{build['id']}/refs")
        self.assertEqual([each["name"] for each in refs["templates"]], ["Deploy"])

    def test_chain(self) -> None:
        """A template may deploy on what another one deployed, but not in a circle."""
        build = self.create(name="Build", type="build")
        chain = [build]
        for name in ("Test", "Stage", "Live"):
            body = {"type": "deploy", "build_template_id": chain[-1]["id"]}
            chain.append(self.create(name=name, **body))
        path = f"{self.base}/templates/{chain[1]['id']}"
        for last in chain[1:]:
            answer = self.client.put(
                path, {**chain[1], "build_template_id": last["id"]}
            )
            self.refused(answer, "does not lead back here")
        self.assertEqual(
            self.shown("templates", chain[1]["id"])["build_template_id"], build["id"]
        )
        found = self.listed(f"templates/{build['id']}/deployments")
        self.assertEqual([each["name"] for each in found], ["Test", "Stage", "Live"])
        self.assertEqual({each["version"] for each in found}, {None})
        self.assertEqual(self.listed(f"templates/{chain[3]['id']}/deployments"), [])

    def test_deployments(self) -> None:
        """Each template shows the version of its newest successful deployment."""
        build = self.create(name="Build", type="build", start_version="1.0")
        body = {"type": "deploy", "build_template_id": build["id"]}
        test = self.create(name="Test", **body)
        body = {"type": "deploy", "build_template_id": test["id"]}
        live = self.create(name="Live", **body)

        def ran(template: Any, **columns: Any) -> TaskId:
            columns = {"status": TaskStatus.SUCCESS, **columns}
            number = TemplateId(template["id"])
            return make_task(self.conn, self.project, number, **columns)

        builds = [ran(build, version=f"1.{n}") for n in range(3)]
        tested = [ran(test, build_task_id=each) for each in builds]
        ran(live, build_task_id=tested[0])
        ran(live, build_task_id=tested[2], status=TaskStatus.ERROR)
        ran(live, build_task_id=tested[1], dry_run=True)
        found = self.listed(f"templates/{build['id']}/deployments")
        self.assertEqual(
            [(each["name"], each["version"]) for each in found],
            [("Test", "1.2"), ("Live", "1.0")],
        )
        self.assertEqual(found[0]["task_id"], tested[2])
        self.assertEqual(found[0]["build_task_id"], builds[2])

    def test_groups(self) -> None:
        """A template has several variable groups, in their order."""
        groups = [self.made("environment", name=name)["id"] for name in "abc"]
        made = self.create(environment_ids=groups)
        self.assertEqual(made["environment_ids"], groups)
        self.assertEqual(made["environment_id"], groups[0])
        (in_list,) = self.listed("templates")
        self.assertEqual(in_list["environment_ids"], groups)
        path = f"{self.base}/templates/{made['id']}"
        turned = {**made, "environment_ids": groups[::-1]}
        self.assertEqual(self.client.put(path, turned).status, 204)
        after = self.shown("templates", made["id"])
        self.assertEqual(after["environment_ids"], groups[::-1])
        answer = self.client.delete(f"{self.base}/environment/{groups[0]}")
        self.refused(answer, "in use")
        refs = self.listed(f"environment/{groups[0]}/refs")
        self.assertEqual([each["name"] for each in refs["templates"]], ["Say"])
        alone = {**after, "environment_ids": [groups[1]]}
        self.assertEqual(self.client.put(path, alone).status, 204)
        answer = self.client.delete(f"{self.base}/environment/{groups[0]}")
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.client.delete(path).status, 204)

    def test_foreign_group(self) -> None:
        """A group of another project is refused, wherever it stands."""
        own = self.made("environment", name="Own")["id"]
        foreign = self.conn.insert(environment, project_id=self.other.id, name="F")
        self.refuse("environment_ids", environment_ids=[own, foreign])

    def test_vault_script(self) -> None:
        """A vault password may come from a script in the repository."""
        sent = {"type": "script", "script": "vault.sh", "name": "prod"}
        made = self.create(vaults=[sent])
        (vault,) = made["vaults"]
        self.assertEqual(vault | sent, vault)
        self.assertIsNone(vault["vault_key_id"])
        path = f"{self.base}/templates/{made['id']}"
        self.assertEqual(self.client.put(path, made).status, 204)
        (again,) = self.shown("templates", made["id"])["vaults"]
        self.assertEqual(again["script"], "vault.sh")


class ListTests(TemplateTestCase):
    """Lists of templates."""

    def test_last_task(self) -> None:
        """Each template has its newest task, in the list and alone."""
        first = self.create(name="A")["id"]
        self.create(name="B")
        make_task(self.conn, self.project, TemplateId(first), status=TaskStatus.SUCCESS)
        newest = make_task(
            self.conn, self.project, TemplateId(first), status=TaskStatus.ERROR
        )
        found = {each["name"]: each["last_task"] for each in self.listed("templates")}
        self.assertEqual(found["A"]["id"], newest)
        self.assertEqual(found["A"]["tpl_alias"], "A")
        self.assertIsNone(found["B"])
        self.assertEqual(self.shown("templates", first)["last_task"], found["A"])

    def test_sorted(self) -> None:
        """Templates are sorted by the requested field, by default by name."""
        self.create(name="a", playbook="z.sh")
        self.create(name="b", playbook="y.sh")
        for query, wanted in (
            ("", ["a", "b"]),
            ("?order=desc", ["b", "a"]),
            ("?sort=playbook", ["b", "a"]),
            ("?sort=alias", ["a", "b"]),
            ("?sort=inventory", ["a", "b"]),
            ("?sort=environment&order=desc", ["b", "a"]),
        ):
            self.assertEqual(self.names("templates", query), wanted)

    def test_rights(self) -> None:
        """A guest sees templates and changes none."""
        number = self.create()["id"]
        guest = self.guest()
        path = f"{self.base}/templates"
        self.assertEqual(guest.get(path).status, 200)
        self.assertEqual(guest.get(f"{path}/{number}").status, 200)
        self.assertEqual(guest.post(path, {}).status, 403)
        self.assertEqual(guest.put(f"{path}/{number}/description", {}).status, 403)
        self.assertEqual(guest.delete(f"{path}/{number}").status, 403)


class ChangeTests(TemplateTestCase):
    """Changes of templates."""

    def test_replaced(self) -> None:
        """A field that a change leaves out becomes empty; vaults too."""
        vault = self.key()
        number = self.create(
            description="x", arguments='["a"]', vaults=[{"vault_key_id": vault}]
        )["id"]
        path = f"{self.base}/templates/{number}"
        answer = self.client.put(path, self.template(name="New", arguments=""))
        self.assertEqual((answer.status, answer.body), (204, b""))
        shown = self.shown("templates", number)
        self.assertEqual(
            (shown["name"], shown["description"], shown["arguments"], shown["vaults"]),
            ("New", None, None, []),
        )
        self.assertEqual(self.client.delete(f"{self.base}/keys/{vault}").status, 204)

    def test_ids(self) -> None:
        """The body's id must be that of the path."""
        number = self.create()["id"]
        body = self.template(id=number + 1)
        answer = self.client.put(f"{self.base}/templates/{number}", body)
        self.refused(answer, "template id in URL and in body must be the same")

    def test_description(self) -> None:
        """The description can be changed alone."""
        number = self.create(arguments='["a"]')["id"]
        path = f"{self.base}/templates/{number}/description"
        self.assertEqual(self.client.put(path, {"description": "New"}).status, 204)
        shown = self.shown("templates", number)
        self.assertEqual((shown["description"], shown["arguments"]), ("New", '["a"]'))

    def test_missing(self) -> None:
        """A template of another project is as unknown as none."""
        foreign = make_template(self.conn, self.other)
        for number in (foreign, 999):
            path = f"{self.base}/templates/{number}"
            for answer in (
                self.client.get(path),
                self.client.get(f"{path}/refs"),
                self.client.put(path, self.template()),
                self.client.put(f"{path}/description", {}),
                self.client.delete(path),
            ):
                self.assertEqual((answer.status, answer.body), (404, b""))

    def test_app_of_a_task(self) -> None:
        """The app stays while a task of the template has not ended."""
        number = self.create()["id"]
        task = make_task(self.conn, self.project, number)
        path = f"{self.base}/templates/{number}"
        body = self.template(id=number, app="python", playbook="say.py")
        answer = self.client.put(path, body)
        self.assertEqual(answer.status, 409, answer.body)
        self.assertIn(f"task {task} ", answer.json["error"])
        self.assertEqual(self.shown("templates", number)["app"], "bash")
        same = self.template(id=number, name="Other")
        self.assertEqual(self.client.put(path, same).status, 204)
        self.conn.update(task_table, task, status=TaskStatus.SUCCESS)
        self.assertEqual(self.client.put(path, body).status, 204)


class DeleteTests(TemplateTestCase):
    """Deletion of templates."""

    def test_frees_what_it_used(self) -> None:
        """After deleting a template with history, its objects can be deleted."""
        key = self.key()
        made = self.create(
            inventory_id=self.inventory(),
            environment_id=self.made("environment", name="Vars")["id"],
            vaults=[{"vault_key_id": key}],
        )
        inventory = self.inventory("Held", holder_id=made["id"])
        make_task(
            self.conn,
            self.project,
            TemplateId(made["id"]),
            status=TaskStatus.SUCCESS,
            inventory_id=made["inventory_id"],
        )
        for path in (
            f"templates/{made['id']}",
            f"inventory/{made['inventory_id']}",
            f"inventory/{inventory}",
            f"environment/{made['environment_id']}",
            f"repositories/{made['repository_id']}",
            f"keys/{key}",
        ):
            answer = self.client.delete(f"{self.base}/{path}")
            self.assertEqual((path, answer.status), (path, 204))

    def test_what_goes_with_it(self) -> None:
        """What is deleted with a template is shown before and recorded after."""
        number = self.create()["id"]
        path = f"{self.base}/templates/{number}"
        self.assertNotIn("integrations", self.client.get(f"{path}/refs").json)
        body = {"template_id": number}
        schedule = self.made("schedules", name="", cron_format="5 4 * * *", **body)
        hook = self.made("integrations", name="Push", **body)
        refs = self.client.get(f"{path}/refs").json
        self.assertEqual(refs["integrations"], [{"id": hook["id"], "name": "Push"}])
        self.assertEqual(refs["schedules"], [{"id": schedule["id"], "name": ""}])
        self.assertEqual(self.client.delete(path).status, 204)
        told = self.conn.column(select(event.c.description).order_by(event.c.id))
        self.assertEqual(
            told[-3:],
            [
                f"Schedule {schedule['id']} deleted",
                "Integration Push deleted",
                "Template Say deleted",
            ],
        )

    def test_unfinished(self) -> None:
        """A template stays while one of its tasks is queued or under way."""
        number = self.create()["id"]
        path = f"{self.base}/templates/{number}"
        task = make_task(self.conn, self.project, TemplateId(number))
        for status in (TaskStatus.WAITING, TaskStatus.RUNNING, TaskStatus.CONFIRMED):
            self.conn.update(task_table, task, status=status)
            answer = self.client.delete(path)
            self.assertEqual(answer.status, 409, status)
            self.assertIn(f"Task {task} ", answer.json["error"])
        self.conn.update(task_table, task, status=TaskStatus.STOPPED)
        self.assertEqual(self.client.delete(path).status, 204)

    def test_held_inventory_is_released(self) -> None:
        """An inventory does not refer to a deleted template."""
        number = self.create()["id"]
        held = self.inventory("Held", template_id=number)
        self.assertEqual(self.shown("inventory", held)["holder_id"], number)
        self.client.delete(f"{self.base}/templates/{number}")
        self.assertIsNone(self.shown("inventory", held)["holder_id"])
