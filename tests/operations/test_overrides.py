"""Tests of the template settings that a task may override."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.parameters import branch, effective_params
from semaphore_twisted.model.apps import BUILT_IN
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import (
    InventoryId,
    ProjectId,
    RepositoryId,
    TaskId,
    TemplateId,
)
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.templates import SurveyType, SurveyVariable, Template
from semaphore_twisted.operations.tasks.overrides import (
    Allowed,
    NewTask,
    TemplateSource,
    allowed,
)
from tests.support.memory import BEGINNING

#: A commit that the template has run.
RAN = "1" * 40

EVERYTHING = {
    "allow_debug": True,
    "allow_override_inventory": True,
    "allow_override_limit": True,
    "allow_override_tags": True,
    "allow_override_skip_tags": True,
}


def template(**more: Any) -> Template:
    """Return a template that permits no overrides, except for *more*."""
    return Template(
        **{
            "id": TemplateId(1),
            "project_id": ProjectId(1),
            "inventory_id": InventoryId(1),
            "repository_id": RepositoryId(1),
            "environment_id": None,
            "name": "T",
            "playbook": "site.yml",
            "arguments": None,
            "allow_override_args_in_task": False,
            "description": None,
            "vaults": None,
            "type": "",
            "start_version": None,
            "build_template_id": None,
            "view_id": None,
            "last_task": None,
            "autorun": False,
            "git_branch": None,
            "survey_vars": None,
            "suppress_success_alerts": False,
            "app": "ansible",
            "tasks": 0,
            "task_params": {},
            "allow_override_branch_in_task": False,
            "allow_parallel_tasks": False,
            **more,
        }
    )


def asked(**more: Any) -> NewTask:
    """Return what a client sends."""
    return msgspec.convert({"template_id": 1, **more}, NewTask)


def task(found: Allowed | None = None) -> Task:
    """Return the task that is stored with the overrides *found*."""
    columns = {} if found is None else msgspec.structs.asdict(found)
    if columns:
        columns["limit"] = columns.pop("hosts_limit")
    return Task(
        id=TaskId(1),
        template_id=TemplateId(1),
        project_id=ProjectId(1),
        status=TaskStatus.WAITING,
        created=BEGINNING,
        **columns,
    )


class OverrideTests(SynchronousTestCase):
    """Allowed overrides only."""

    def check(self, of: Template | None = None, **more: Any) -> Allowed:
        """Return the checked overrides."""
        source = TemplateSource(branch="main", ran=lambda commit: commit == RAN)
        found = of or template()
        return allowed(found, asked(**more), source, BUILT_IN.get(found.app))

    def test_nothing(self) -> None:
        """A task without overrides has the template's values."""
        found = self.check()
        self.assertEqual(found.params, {})
        self.assertEqual((found.hosts_limit, found.arguments), ("", None))

    def test_not_allowed(self) -> None:
        """Everything that the template does not allow is refused by its name."""
        for name, value in {
            "playbook": "other.yml",
            "arguments": '["-e", "x=1"]',
            "git_branch": "other",
            "commit_hash": "0" * 40,
            "inventory_id": 2,
            "limit": "web",
            "debug": True,
        }.items():
            error = self.assertRaises(Invalid, self.check, **{name: value})
            self.assertIn(name, error.message)
        for name, value in {"tags": ["a"], "skip_tags": "b", "limit": "c"}.items():
            error = self.assertRaises(Invalid, self.check, params={name: value})
            self.assertIn(name, error.message)

    def test_shortened_hash(self) -> None:
        """A shortened hash is refused as a branch, too."""
        own = template(allow_override_branch_in_task=True)
        error = self.assertRaises(Invalid, self.check, own, git_branch="1a2b3c4")
        self.assertIn("40", error.message)

    def test_all_are_named(self) -> None:
        """A refusal names everything at once."""
        error = self.assertRaises(Invalid, self.check, limit="x", git_branch="y")
        self.assertIn("git_branch", error.message)
        self.assertIn("limit", error.message)

    def test_same_as_template(self) -> None:
        """A value equal to the template's own setting is no override."""
        own = template(
            git_branch="main",
            arguments='["-e", "x=1"]',
            task_params={"limit": ["a", "b"]},
        )
        found = self.check(
            own,
            playbook="site.yml",
            git_branch="main",
            arguments='["-e", "x=1"]',
            limit="a, b",
            inventory_id=1,
        )
        self.assertEqual(found.git_branch, "main")
        self.check(own, arguments=' [ "-e","x=1" ]\n')

    def test_same_as_repository(self) -> None:
        """Nor is a branch override that which the repository has; a template's wins."""
        self.assertEqual(self.check(git_branch="main").git_branch, "main")
        error = self.assertRaises(
            Invalid, self.check, template(git_branch="dev"), git_branch="main"
        )
        self.assertIn("git_branch", error.message)

    def test_empty(self) -> None:
        """A false, empty or null value overrides nothing."""
        own = template(
            arguments='["-v"]',
            task_params={"debug": True, "limit": ["a"], "tags": "t", "skip_tags": "s"},
        )
        for of in (template(), own):
            found = self.check(
                of,
                debug=False,
                dry_run=False,
                diff=False,
                limit="",
                arguments="[]",
                git_branch="",
                commit_hash="",
                playbook="",
                message="",
                params={"debug": False, "limit": [], "tags": "", "skip_tags": []},
            )
            self.assertEqual((found.git_branch, found.commit_hash), (None, None))
            self.assertIsNone(found.arguments)
            self.assertEqual(
                effective_params(of, task(found)), effective_params(of, task())
            )
            self.check(
                of, params=None, arguments=None, git_branch=None, commit_hash=None
            )

    def test_commit(self) -> None:
        """A commit and a branch are each in their own field."""
        own = template(allow_override_branch_in_task=True)
        found = self.check(own, commit_hash="A" * 40, git_branch="dev")
        self.assertEqual((found.commit_hash, found.git_branch), ("a" * 40, "dev"))
        self.assertEqual(branch(own, task(found), "main"), "a" * 40)
        found = self.check(own, commit_hash="b" * 64)
        self.assertEqual((found.commit_hash, found.git_branch), ("b" * 64, None))
        for wrong in ("abc1234", "main", "g" * 40, "a" * 41, "--all"):
            error = self.assertRaises(Invalid, self.check, own, commit_hash=wrong)
            self.assertIn("commit_hash", error.message)

    def test_commit_again(self) -> None:
        """A commit that the template has run may be run again, and no other."""
        found = self.check(commit_hash=RAN)
        self.assertEqual(found.commit_hash, RAN)
        self.assertEqual(branch(template(), task(found), "main"), RAN)
        error = self.assertRaises(Invalid, self.check, commit_hash="2" * 40)
        self.assertIn("commit_hash", error.message)
        self.assertNotIn("git_branch", error.message)

    def test_allowed(self) -> None:
        """A permitted override becomes a column of the task; lists may be texts."""
        own = template(
            task_params=EVERYTHING,
            allow_override_args_in_task=True,
            allow_override_branch_in_task=True,
        )
        found = self.check(
            own,
            arguments='["--limit", "web"]',
            git_branch="feature/x",
            inventory_id=5,
            limit="a,b",
            debug=True,
            params={"tags": "t1, t2", "skip_tags": ["s"], "debug_level": 2},
        )
        self.assertEqual(
            found.params,
            {
                "debug": True,
                "debug_level": 2,
                "limit": ("a", "b"),
                "tags": ("t1", "t2"),
                "skip_tags": ("s",),
            },
        )
        self.assertEqual(found.hosts_limit, "a,b")
        self.assertTrue(found.debug)
        self.assertEqual((found.git_branch, found.inventory_id), ("feature/x", 5))

    def test_dry_run_and_diff(self) -> None:
        """Dry run and diff are always allowed, in both places."""
        found = self.check(dry_run=True, params={"diff": True})
        self.assertEqual(found.params, {"dry_run": True, "diff": True})
        self.assertTrue(found.dry_run)
        self.assertTrue(found.diff)

    def test_scripts(self) -> None:
        """An option without effect on a script is refused, with its name."""
        for app in ("bash", "python"):
            own = template(app=app, task_params=EVERYTHING)
            for more in (
                {"dry_run": True},
                {"params": {"dry_run": True}},
                {"diff": True},
                {"limit": "web"},
                {"params": {"tags": ["a"]}},
                {"params": {"skip_tags": "a"}},
            ):
                error = self.assertRaises(Invalid, self.check, own, **more)
                self.assertRegex(str(error), f" is not supported for {app}$")
            self.check(own, dry_run=False, diff=False, limit="", params={"tags": []})
        dry = template(app="bash", task_params={"dry_run": True})
        error = self.assertRaises(Invalid, self.check, dry)
        self.assertEqual(str(error), "dry_run: dry run is not supported for bash")

    def test_hostile_branch(self) -> None:
        """A branch that git would take as an option is refused."""
        own = template(allow_override_branch_in_task=True)
        self.assertRaises(
            Invalid, self.check, own, git_branch="--upload-pack=touch /tmp/x"
        )

    def test_arguments(self) -> None:
        """Arguments are a list of texts, and one with two in it is refused."""
        own = template(allow_override_args_in_task=True)
        for wrong in ('"-v"', "-v", "[1]", '["--limit web"]'):
            self.assertRaises(Invalid, self.check, own, arguments=wrong)
        self.assertEqual(
            self.check(own, arguments='["--limit=web"]').arguments,
            '["--limit=web"]',
        )
        self.assertIsNone(self.check(arguments="[]").arguments)

    def test_hostile_arguments(self) -> None:
        """A task cannot set variables or run programs by an argument of Ansible's."""
        own = template(allow_override_args_in_task=True)
        for wrong in ('["-e", "x={{ y }}"]', '["--limit=@/etc/shadow"]', '["x.yml"]'):
            error = self.assertRaises(Invalid, self.check, own, arguments=wrong)
            self.assertIn("expected", error.message)
        own = template(app="bash", allow_override_args_in_task=True)
        self.assertEqual(self.check(own, arguments='["-e"]').arguments, '["-e"]')

    def test_hostile_selection(self) -> None:
        """A limit, a tag or a tag to skip that is more than a name is refused."""
        own = template(task_params={**EVERYTHING, "limit": ["~web.*"]})
        for wrong in (
            {"limit": "@/etc/shadow"},
            {"limit": "all:@/etc/shadow"},
            {"params": {"limit": ["all,@/etc/shadow"]}},
            {"params": {"limit": "web,@/etc/shadow"}},
            {"params": {"limit": ["~x"]}},
            {"params": {"tags": ["@x"]}},
            {"params": {"skip_tags": "{{ x }}"}},
        ):
            error = self.assertRaises(Invalid, self.check, own, **wrong)
            self.assertIn("invalid value", error.message)
        self.assertEqual(self.check(own, limit="~web.*").params["limit"], ("~web.*",))

    def test_empty_selection(self) -> None:
        """A limit or tags without a name are refused: they would select everything."""
        own = template(task_params=EVERYTHING)
        for wrong in (
            {"limit": ","},
            {"limit": " "},
            {"params": {"limit": [" ", ""]}},
            {"params": {"tags": ","}},
            {"params": {"skip_tags": [","]}},
        ):
            error = self.assertRaises(Invalid, self.check, own, **wrong)
            self.assertIn("invalid value", error.message)
        found = self.check(own, params={"limit": ["web1,web2", "db"], "tags": [""]})
        self.assertEqual(found.params["limit"], ("web1", "web2", "db"))
        self.assertEqual(found.hosts_limit, "web1,web2,db")

    def test_answers_by_arguments(self) -> None:
        """An argument does not replace the answer to a survey."""
        own = template(
            allow_override_args_in_task=True,
            survey_vars=(SurveyVariable(name="target", type=SurveyType.ENUM),),
        )
        error = self.assertRaises(
            Invalid, self.check, own, arguments='["-e", "target=live"]'
        )
        self.assertEqual(error.field, "arguments")
        self.assertEqual(
            self.check(own, arguments='["-e", "x=1"]').arguments, '["-e", "x=1"]'
        )


class DirectoryTests(SynchronousTestCase):
    """The arguments of an app that runs a directory."""

    def test_options(self) -> None:
        """A task gives Pulumi no arguments: its program would read them."""
        of = template(app="pulumi", allow_override_args_in_task=True)
        pulumi = BUILT_IN.get("pulumi")
        for words in ('["--policy-pack", "x"]', '["https://git.example.org/other"]'):
            with self.assertRaises(Invalid) as refused:
                allowed(of, asked(arguments=words), TemplateSource(), pulumi)
            self.assertEqual(refused.exception.field, "arguments")
        # none, and those of the template
        for words, kept in (("[]", None), ('["--refresh"]', '["--refresh"]')):
            own = template(
                app="pulumi",
                allow_override_args_in_task=True,
                arguments='["--refresh"]',
            )
            found = allowed(own, asked(arguments=words), TemplateSource(), pulumi)
            self.assertEqual(found.arguments, kept)


class PlanTests(SynchronousTestCase):
    """The parameters and arguments of apps that plan."""

    def check(self, sent: Any, own: Any = None, **more: Any) -> Allowed:
        """Return the checked overrides with the parameters *sent*."""
        of = template(app="terraform", playbook="", task_params=own or {}, **more)
        return allowed(of, asked(**sent), TemplateSource(), BUILT_IN.get(of.app))

    def test_free(self) -> None:
        """A task may plan only, and choose harmless options of ``init``."""
        for name in ("plan", "upgrade", "reconfigure"):
            found = self.check({"params": {name: True}})
            self.assertEqual(found.params, {name: True})

    def test_permitted(self) -> None:
        """A task needs a permission to destroy, to skip the approval, or to migrate."""
        for name in ("destroy", "auto_approve", "migrate_state"):
            sent = {"params": {name: True}}
            with self.assertRaises(Invalid) as refused:
                self.check(sent)
            self.assertEqual(
                (refused.exception.message, refused.exception.field),
                (f"The template does not let a task set {name}", name),
            )
            for own in ({f"allow_{name}": True}, {name: True}):
                self.assertEqual(self.check(sent, own).params, {name: True})
            self.assertEqual(self.check({"params": {name: False}}).params[name], False)

    def test_of_ansible(self) -> None:
        """An app refuses the parameters of another one, by name."""
        for name in ("dry_run", "diff"):
            with self.assertRaises(Invalid) as refused:
                self.check({"params": {name: True}})
            self.assertIn(f"{name}: ", refused.exception.message)
        for app in ("ansible", "bash"):
            with self.assertRaises(Invalid) as refused:
                allowed(
                    template(app=app),
                    asked(params={"destroy": True}),
                    TemplateSource(),
                    BUILT_IN.get(app),
                )
            self.assertIn("destroy", refused.exception.message)

    def test_arguments(self) -> None:
        """A task adds harmless options, and may send back those of its template."""
        own = '{"init": ["-upgrade"], "plan": ["-parallelism=3"]}'
        free = {"allow_override_args_in_task": True, "arguments": own}
        for text in (own, '{"plan":["-parallelism=3"],"init":["-upgrade"]}'):
            self.assertEqual(
                self.check({"arguments": text}, arguments=own).arguments, text
            )
        found = self.check({"arguments": '["-target=a.b"]'}, **free)
        self.assertEqual(found.arguments, '["-target=a.b"]')
        for text in ('["-destroy"]', '["-var=a=b"]', '{"init":["-upgrade"]}'):
            with self.assertRaises(Invalid, msg=text) as refused:
                self.check({"arguments": text}, **free)
            self.assertEqual(refused.exception.field, "arguments")
        with self.assertRaises(Invalid):
            self.check({"arguments": '["-target=a.b"]'}, arguments=own)
