"""How scripts get their variables."""

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.jobs.shell import step
from semaphore_twisted.jobs.workspace import layout
from semaphore_twisted.model.apps import StoredApp, with_settings
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.keys import SshKey
from tests.support.orders import options, order, static, task, template


def made(changed: JobOrder) -> Step:
    """Return the step of an order."""
    chosen = options("/s")
    return step(changed, chosen, layout(chosen, "task_7"), script="run.sh")


class ShellTests(SynchronousTestCase):
    """Each kind of variable has its way to a script."""

    def test_arguments(self) -> None:
        """The script's arguments are the template's, the variables, the task's."""
        found = made(
            replace(
                order("/x"),
                template=template(
                    arguments='["-a","b c"]', allow_override_args_in_task=True
                ),
                task=task(arguments='["-z"]'),
                variables={"name": "a b", "count": 0},
                answers={"on": False, "list": [1]},
            )
        )
        self.assertEqual(
            found.argv,
            (
                *("bash", "run.sh", "-a", "b c", "name=a b", "count=0"),
                *("on=false", "list=[1]", "-z"),
            ),
        )
        self.assertEqual(found.cwd, "{workspace}/repository")

    def test_python(self) -> None:
        """The app python is Python 3."""
        changed = replace(order("/x"), template=template(app="python"))
        self.assertEqual(made(changed).argv, ("python3", "run.sh"))

    def test_contract(self) -> None:
        """Each kind of variable of each app: secrets are never arguments."""
        custom = StoredApp(
            id="perl", path="/opt/{workspace}/perl", args=("-w", "{pipe:x}")
        )
        table = with_settings([custom])
        plain = ("group=1", "answer=x y", 'list=["a","b"]')
        for app, argv in (
            ("bash", ("bash", "run.sh", "-a", *plain, "-z")),
            ("python", ("python3", "run.sh", "-a", *plain, "-z")),
            ("powershell", ("pwsh", "-File", "run.sh", "-a", *plain, "-z")),
            (
                "pulumi",
                (
                    *("pulumi", "up", "--yes", "--non-interactive", "--cwd", "run.sh"),
                    *("-a", "--config", plain[0], "--config", plain[1]),
                    *("--config", plain[2], "-z"),
                ),
            ),
            (
                "perl",
                (
                    *("/opt/{brace}workspace}/perl", "-w", "{brace}pipe:x}", "run.sh"),
                    *("-a", *plain, "-z"),
                ),
            ),
        ):
            found = made(
                replace(
                    order("/x"),
                    apps=table,
                    template=template(
                        app=app, arguments='["-a"]', allow_override_args_in_task=True
                    ),
                    task=task(arguments='["-z"]'),
                    variables={"group": 1},
                    answers={"answer": "x y", "list": ["a", "b"]},
                    environment={"GROUP": "e"},
                    secret_environment={"SECRET_GROUP": "hidden-1"},
                    secret_variables={"WORD": "hidden-2"},
                    secret_answers={"ANSWER": "hidden-3"},
                )
            )
            self.assertEqual(found.argv, argv)
            self.assertNotIn("hidden", " ".join(found.argv))
            names = ("GROUP", "SECRET_GROUP", "WORD", "ANSWER")
            self.assertEqual(
                [found.environ[name] for name in names],
                ["e", "hidden-1", "hidden-2", "hidden-3"],
            )

    def test_install(self) -> None:
        """The hint for a missing program is the app's."""
        changed = replace(order("/x"), template=template(app="pulumi"))
        self.assertEqual(made(changed).install, "the archive from pulumi.com")

    def test_secrets(self) -> None:
        """Secret variables are in the environment only, byte by byte."""
        nasty = "$x 'q' \"d\"\n{{ é }}"
        found = made(
            replace(
                order("/x"),
                secret_variables={"WORD": nasty},
                secret_answers={"ANSWER": nasty},
                secret_environment={"OTHER": "o"},
                environment={"PLAIN": "p"},
            )
        )
        self.assertEqual(found.environ["WORD"], nasty)
        self.assertEqual(found.environ["ANSWER"], nasty)
        self.assertEqual(found.environ["OTHER"], "o")
        self.assertEqual(found.environ["PLAIN"], "p")
        self.assertEqual(found.argv, ("bash", "run.sh"))

    def test_details(self) -> None:
        """The task's details are in the environment."""
        self.assertEqual(made(order("/x")).environ["SEMAPHORE_TASK_DETAILS_ID"], "7")

    def test_key(self) -> None:
        """The inventory's key is in an agent."""
        key = SshKey(login="", private_key="PRIVATE")
        changed = replace(order("/x"), inventory=static("", key=key))
        self.assertEqual(
            made(changed).environ["SSH_AUTH_SOCK"], "{workspace}/agent/ssh"
        )

    def test_impossible_values(self) -> None:
        """A value that no process can receive is refused before the start."""
        for fields in (
            {"variables": {"a": "x\0"}},
            {"answers": {"a": "x\0"}},
            {"answers": {"a": "x" * 131072}},
            {"secret_variables": {"a b": "x"}},
            {"environment": {"A": "\0"}},
        ):
            with self.assertRaises(Invalid):
                made(replace(order("/x"), **fields))
