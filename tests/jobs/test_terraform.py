"""The steps of Terraform, OpenTofu and Terragrunt."""

from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import InventorySource, JobOrder, StateBackend
from semaphore_twisted.model.apps import StoredApp, with_settings
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.keys import SshKey
from semaphore_twisted.model.results import stage_of
from tests.support.orders import options, order, static, task, template

OUT = "-out={pipe:plan}"


def made(
    app: str = "terraform",
    *,
    asked: dict[str, Any] | None = None,
    playbook: str = "",
    changed: JobOrder | None = None,
    arguments: str | None = None,
    **params: Any,
) -> dict[str, Step]:
    """Return the steps of an order, by name; *params* are the template's."""
    chosen = replace(
        changed or order("https://h.example/x"),
        template=template(
            app=app,
            playbook=playbook,
            task_params=params,
            arguments=arguments,
            allow_override_args_in_task=True,
        ),
        task=task(
            params={k: v for k, v in (asked or {}).items() if k != "arguments"},
            arguments=(asked or {}).get("arguments"),
        ),
    )
    steps = specification(chosen, options("/s")).steps
    return {step.name: step for step in steps if not step.name.startswith("repo")}


class PhaseTests(SynchronousTestCase):
    """Which programs run, in which order, with which arguments."""

    def test_usual(self) -> None:
        """The plan is made, listed, approved and applied, without any question."""
        steps = made()
        self.assertEqual(list(steps), ["init", "plan", "show", "approval", "apply"])
        self.assertEqual(
            [" ".join(step.argv) for step in steps.values()],
            [
                "terraform init -input=false",
                f"terraform plan -input=false -detailed-exitcode {OUT}",
                "terraform show -json {pipe:plan}",
                "",
                "terraform apply -input=false {pipe:plan}",
            ],
        )
        self.assertEqual(steps["plan"].exits, {"0": "unchanged", "2": "next"})
        self.assertEqual(steps["approval"].approval, 86400)
        self.assertEqual(steps["plan"].cwd, "{workspace}/repository")

    def test_same_plan(self) -> None:
        """The other steps read the file that the plan wrote, and apply no other."""
        steps = made()
        self.assertEqual(
            [(step.writes, step.reads) for step in steps.values()],
            [
                (None, None),
                ("plan", None),
                (None, "plan"),
                (None, None),
                (None, "plan"),
            ],
        )
        self.assertEqual(
            [name for name, step in steps.items() if step.applies],
            ["approval", "apply"],
        )

    def test_programs(self) -> None:
        """Each app has its program; Terragrunt runs Terraform, and asks nothing."""
        for app in ("terraform", "tofu", "terragrunt"):
            steps = made(app)
            self.assertEqual(
                {step.argv[0] for name, step in steps.items() if name != "approval"},
                {app},
            )
            self.assertEqual("TG_TF_PATH" in steps["init"].environ, app == "terragrunt")
            self.assertEqual(steps["plan"].environ["TF_INPUT"], "0")
        self.assertEqual(made("terragrunt")["apply"].environ["TG_TF_PATH"], "terraform")

    def test_own_program(self) -> None:
        """The path of an administrator is one word without placeholders."""
        table = with_settings([StoredApp(id="terraform", path="/opt/{workspace}/tf")])
        steps = made(changed=replace(order("https://h.example/x"), apps=table))
        programs = {steps[name].argv[0] for name in ("init", "plan", "show", "apply")}
        self.assertEqual(programs, {"/opt/{brace}workspace}/tf"})

    def test_stages(self) -> None:
        """Each step belongs to a stage of the run, and none to its cleaning."""
        workspace = InventorySource(
            type=InventoryType.TERRAFORM_WORKSPACE, inventory="live"
        )
        state = StateBackend(port=15000, socket="/s", alias="a", password="p")
        source = order("https://h.example/x")
        steps = made(changed=replace(source, inventory=workspace, state=state))
        self.assertIn("backend", steps)
        stages = {name: stage_of(name, ()) for name in steps}
        self.assertNotIn("cleanup", stages.values(), stages)

    def test_directory(self) -> None:
        """The code may be in a directory of the repository."""
        steps = made(playbook="./live//web")
        self.assertEqual(steps["apply"].cwd, "{workspace}/repository/live/web")
        for path in ("/etc", "../x", "-x"):
            with self.assertRaises(Invalid, msg=path):
                made(playbook=path)

    def test_auto_approve(self) -> None:
        """Without approval no step waits, and the word reaches no program."""
        pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"auto_approve": True}, {}),
            ({"allow_auto_approve": True}, {"auto_approve": True}),
        ]
        for params, asked in pairs:
            steps = made(asked=asked, **params)
            self.assertEqual(list(steps), ["init", "plan", "show", "apply"])
            for step in steps.values():
                self.assertNotIn("approve", " ".join(step.argv))
        self.assertIn("approval", made(asked={"auto_approve": True}))

    def test_plan_only(self) -> None:
        """A run that only plans has no step that applies."""
        pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"plan": True}, {"plan": False}),
            ({}, {"plan": True}),
        ]
        for params, asked in pairs:
            steps = made(asked=asked, auto_approve=True, **params)
            self.assertEqual(list(steps), ["init", "plan", "show"])

    def test_destroy(self) -> None:
        """Destruction is planned, and needs the template's permission."""
        asked = {"destroy": True}
        self.assertNotIn("-destroy", made(asked=asked)["plan"].argv)
        for steps in (made(asked=asked, allow_destroy=True), made(destroy=True)):
            self.assertEqual(steps["plan"].argv[2], "-destroy")
            self.assertNotIn("-destroy", steps["apply"].argv)

    def test_init(self) -> None:
        """The options of ``init``; migration needs the template's permission."""
        asked = {"upgrade": True, "reconfigure": True, "migrate_state": True}
        self.assertEqual(
            made(asked=asked)["init"].argv[2:],
            ("-input=false", "-upgrade", "-reconfigure"),
        )
        allowed = made(asked={"migrate_state": True}, allow_migrate_state=True)
        self.assertEqual(allowed["init"].argv[3:], ("-force-copy",))

    def test_arguments(self) -> None:
        """A list is for the plan; an object has the arguments of each phase."""
        steps = made(arguments='["-parallelism=3"]')
        self.assertEqual(
            steps["plan"].argv[2:],
            ("-parallelism=3", "-input=false", "-detailed-exitcode", OUT),
        )
        self.assertNotIn("-parallelism=3", steps["apply"].argv)
        steps = made(
            arguments='{"init":["-backend-config=a={workspace}"],"apply":["-no-color"]}',
            asked={"arguments": '["-target=a.b[\\"c\\"]"]'},
        )
        self.assertEqual(steps["init"].argv[-1], "-backend-config=a={brace}workspace}")
        self.assertEqual(steps["plan"].argv[2], '-target=a.b["c"]')
        self.assertEqual(
            steps["apply"].argv[2:], ("-input=false", "-no-color", "{pipe:plan}")
        )

    def test_refused_arguments(self) -> None:
        """Neither a template nor a task replaces the plan or the approval."""
        for word in ("-auto-approve", "--auto-approve=true", "-out=x", "-json"):
            with self.assertRaises(Invalid, msg=word):
                made(arguments=f'["{word}"]')
        for word in ("-destroy", "-var=a=b", "-var-file=/etc/passwd", "x", "-refresh"):
            with self.assertRaises(Invalid, msg=word):
                made(asked={"arguments": f'["{word}"]'})
        for text in ('{"destroy":[]}', "[1]", '{"plan":"x"}', "[", '["\\u0000"]'):
            with self.assertRaises(Invalid, msg=text):
                made(arguments=text)

    def test_workspace(self) -> None:
        """The inventory is the workspace; its name is data for the shell."""
        self.assertNotIn("workspace", made(changed=self.workspace(" default ")))
        step = made("tofu", changed=self.workspace("prod.1"))["workspace"]
        self.assertEqual(step.argv[3:], ("workspace", "tofu", "prod.1"))
        for name in ("-x", "a b", "../x", "$(id)", "a\n"):
            if name.strip() != "a":
                with self.assertRaises(Invalid, msg=name):
                    made(changed=self.workspace(name))
        refused = replace(order("https://h.example/x"), inventory=static("localhost"))
        with self.assertRaises(Invalid) as raised:
            made(changed=refused)
        self.assertIn("terraform-workspace or tofu-workspace", raised.exception.message)

    def test_key(self) -> None:
        """The key of a workspace is in an agent, for the code of modules."""
        key = SshKey(login="", private_key="PRIVATE")
        changed = self.workspace("default")
        assert changed.inventory is not None
        changed = replace(changed, inventory=replace(changed.inventory, key=key))
        steps = made(changed=changed)
        self.assertEqual(next(iter(steps)), "inventory agent")
        self.assertEqual(
            steps["init"].environ["SSH_AUTH_SOCK"], "{workspace}/agent/ssh"
        )

    def test_limit(self) -> None:
        """A template may state how long an approval may take."""
        self.assertEqual(made(approval_timeout_sec=60)["approval"].approval, 60)

    def workspace(self, name: str) -> JobOrder:
        """Return an order with a workspace."""
        inventory = InventorySource(
            type=InventoryType.TERRAFORM_WORKSPACE, inventory=name
        )
        return replace(order("https://h.example/x"), inventory=inventory)


class VariableTests(SynchronousTestCase):
    """Variables are exact texts in a file in memory, which only the plan gets."""

    def test_exact(self) -> None:
        """Nothing in a text is read as a template, and types stay."""
        changed = replace(
            order("https://h.example/x"),
            variables={"n": 1.5, "b": True, "l": [1, None], "o": {"k k": "v"}},
            answers={"i": -3},
            secret_variables={"s": '$a ${b} %{c} "q" \\ \n é'},
            secret_answers={"t": "t"},
        )
        steps = made(changed=changed)
        self.assertEqual(steps["plan"].argv[2], "-var-file={pipe:variables}")
        (pipe,) = steps["plan"].pipes
        self.assertTrue(pipe.reread)
        self.assertEqual(
            pipe.content.decode(),
            'n = 1.5\nb = true\nl = [1, null]\no = {"k k" = "v"}\n'
            's = "\\u0024a \\u0024{b} \\u0025{c} \\u0022q\\u0022 \\u005c \\u000a é"\n'
            'i = -3\nt = "t"\n',
        )
        for name, step in steps.items():
            self.assertEqual(bool(step.pipes), name == "plan")
            for text in (*step.argv, *step.environ.values()):
                self.assertNotIn("${b}", text)

    def test_refusals(self) -> None:
        """A name or a value that Terraform cannot have is refused before the start."""
        for variables in ({"a b": 1}, {"a": float("inf")}, {"a": "\ud800"}):
            changed = replace(order("https://h.example/x"), variables=variables)
            with self.assertRaises(Invalid):
                made(changed=changed)

    def test_none(self) -> None:
        """Without variables there is no file."""
        self.assertEqual(made()["plan"].pipes, ())
