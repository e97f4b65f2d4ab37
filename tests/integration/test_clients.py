"""Published clients of Semaphore, unmodified, against one server."""

import json
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.support.cases import SharedProductTestCase
from tests.support.product import ADMIN_PASSWORD, clean_environment
from tests.support.repository import repository

ROOT = Path(__file__).parents[2]
#: The environment of the clients.
PLACE = ROOT / ".venv-clients"
#: Clients that need another release of a library, or have a module of another client.
SEPARATE = PLACE / "separate"

_PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - debug:
        msg: "It says {{ word }}"
"""

SAID = "from the environment"


def backup(address: str) -> dict[str, Any]:
    """Return a backup as Semaphore writes it, of a project with the git *address*."""
    return {
        "meta": {"name": "Restored", "alert": False, "max_parallel_tasks": 0},
        "keys": [
            {"name": "None", "type": "none"},
            {"name": "Vault", "type": "login_password"},
        ],
        "environments": [{"name": "Empty", "json": "{}"}],
        "repositories": [
            {
                "name": "Files",
                "git_url": address,
                "git_branch": "main",
                "ssh_key": "None",
            }
        ],
        "inventories": [
            {
                "name": "Hosts",
                "type": "static",
                "inventory": "localhost ansible_connection=local",
                "ssh_key": "None",
            }
        ],
        "views": [],
        "templates": [
            {
                "name": "Say",
                "app": "ansible",
                "type": "task",
                "playbook": "say.yml",
                "repository": "Files",
                "inventory": "Hosts",
                "environment": "Empty",
                "survey_vars": [{"name": "word", "title": "Word", "type": "string"}],
                "vaults": [{"name": "ops", "vault_key": "Vault"}],
                "cron": "0 3 * * *",
            }
        ],
        "integrations": [],
        "integration_aliases": [],
    }


class ClientCase(SharedProductTestCase):
    """A server, and programs of the other environment."""

    #: the longest time that a program takes
    SECONDS = 120.0

    def setUp(self) -> None:
        """Start the server, if there are such programs."""
        if not list(PLACE.glob("installed-*")):
            raise SkipTest("the clients are not installed: tests/run installs them")
        super().setUp()

    def run_client(
        self, *words: str, path: tuple[Path, ...] = (), **environ: str
    ) -> str:
        """Run a program of the environment; return its output."""
        ran = subprocess.run(
            [str(PLACE / "bin" / words[0]), *words[1:]],
            cwd=self.own,
            env=clean_environment(
                HOME=str(self.own),
                URL=self.product.url,
                CA=str(self.product.root),
                REQUESTS_CA_BUNDLE=str(self.product.root),
                LOGIN="admin",
                PASSWORD=ADMIN_PASSWORD,
                TOKEN=self.product.token,
                PYTHONPATH=":".join(map(str, path)),
                PYTHONDONTWRITEBYTECODE="1",
                **environ,
            ),
            capture_output=True,
            text=True,
            timeout=self.SECONDS,
            check=False,
        )
        if ran.returncode:
            raise AssertionError(f"{words}: {ran.stdout}\n{ran.stderr[-3000:]}")
        return ran.stdout

    def script(
        self, name: str, *words: str, path: tuple[Path, ...] = (), **environ: str
    ) -> Any:
        """Run a program of ``tests.support.clients``, and return its report."""
        file = ROOT / "tests" / "support" / "clients" / f"{name}.py"
        return json.loads(
            self.run_client("python", str(file), *words, path=path, **environ)
        )


class ClientsTests(ClientCase):
    """Each client makes, runs and deletes a project."""

    def setUp(self) -> None:
        """Have a repository with a playbook and a script."""
        super().setUp()
        files = {"say.yml": _PLAYBOOK, "say.sh": 'echo "It says $*"\n'}
        self.git = repository(self.own / "files", files)
        self.before = self.projects()

    def projects(self) -> list[str]:
        """Return the names of the projects."""
        return [each["name"] for each in self.product.api("GET", "/projects")]

    def generated(self, *words: str, path: tuple[Path, ...] = ()) -> None:
        """Run the scenario of a generated client, and check what it saw."""
        report = self.script(
            "generated", *words, path=path, REPOSITORY=f"file://{self.git}"
        )
        self.assertEqual(report["user"], "admin")
        self.assertEqual(report["status"], "success", report["output"])
        self.assertIn(SAID, "".join(report["output"]))
        self.assertEqual(report["lists"], [1, 1, 1])
        self.assertTrue(report["listed"])
        self.assertGreater(report["events"], 5)
        self.gone(report["project"])

    def gone(self, project: int) -> None:
        """Check that nothing of *project* is left."""
        self.assertEqual(self.projects(), self.before)
        answer = self.product.call("GET", f"/api/project/{project}")
        self.assertEqual(answer.status, 404)

    def test_python_semaphore_client(self) -> None:
        """The client of the contract of 2.16."""
        place = next(PLACE.glob("lib/python*/site-packages/semaphore_client"))
        self.generated("semaphore_client", path=(place,))

    def test_semaphore_api(self) -> None:
        """The client of the contract of 2.10."""
        place = SEPARATE / "semaphore-api"
        self.generated("semaphore_api", path=(place,))

    def test_ansible_semaphore_client(self) -> None:
        """The client of the contract of 2.8, which knows no null."""
        place = SEPARATE / "ansible-semaphore-client"
        self.generated(
            "semaphore_client",
            "old",
            path=(place, place / "semaphore_client"),
        )

    def test_semaphoreui_client(self) -> None:
        """The client that takes exactly the fields of 2.10, where they are served."""
        report = self.script("semaphoreui")
        number = report.pop("project")
        self.assertEqual(
            report,
            {
                "listed": True,
                "key": "None",
                "environment": "Empty",
                "role": "owner",
                "users": ["admin"],
                "views": ["View"],
                "inventories": ["Hosts"],
                "repositories": 0,
                "tokens": 1,
                "name": "Renamed",
            },
        )
        self.gone(number)

    def test_semaphore_mcp(self) -> None:
        """The client that sends whole objects back, on a restored project."""
        file = self.own / "backup.json"
        file.write_text(json.dumps(backup(f"file://{self.git}")))
        place = SEPARATE / "semaphore-mcp"
        report = self.script("mcp", str(file), path=(place,))
        self.assertEqual(report["empty"], ["Vault"])
        self.assertEqual(report["status"], "success", report["output"])
        self.assertIn("It says asked", report["output"])
        self.assertIs(report["active"], False)
        template = report["template"]
        self.assertEqual(template["description"], "Changed")
        self.assertIsNone(template["task_params"])
        self.assertEqual(template["survey_vars"][0]["type"], "string")
        (again,) = report["again"]
        self.assertEqual(again["vaults"][0]["vault_key"], "Vault")
        self.gone(report["project"])

    def sem(self, *words: str, project: int = 0) -> Any:
        """Run a command of semacli on a project; return its JSON, or its text."""
        (self.own / "semacli.ini").write_text(
            f"[semaphore]\nurl = {self.product.url}\nproject = {project}\n"
            "[auth]\nmethod = env_var\nenv_var = TOKEN\n"
        )
        text = self.run_client("sem", *words)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def test_semacli(self) -> None:
        """The command-line client."""
        self.sem("ping")
        self.assertEqual(self.sem("user", "--json", "whoami")["username"], "admin")
        number = self.sem("project", "--json", "create", "--name", "By semacli")["id"]

        def made(noun: str, *words: str) -> str:
            found = self.sem(noun, "--json", "create", *words, project=number)
            return str(found["id"])

        key = made(
            "key",
            *("--name", "Login", "--type", "login_password"),
            *("--login", "deploy", "--password", "hidden"),
        )
        git = f"file://{self.git}"
        made("repo", "--name", "Files", "--git-url", git, "--ssh-key-id", key)
        made("inv", "--name", "Hosts", "--type", "static", "--inventory", "localhost")
        made("env", "--name", "Variables", "--vars", f'{{"word": "{SAID}"}}')
        template = made(
            "template",
            *("--name", "Say", "--app", "bash", "--playbook", "say.sh"),
            *("--repository", "Files", "--inventory", "Hosts"),
            *("--environment", "Variables"),
        )
        text = self.sem("run", "Say", "--interval", "0.2", project=number)
        self.assertIn(f"It says word={SAID}", text)
        (task,) = self.sem("task", "--json", "list", project=number)
        shown = str(task["id"])
        self.assertIn(SAID, self.sem("task", "raw-output", shown, project=number))
        self.assertEqual(task["status"], "success")
        self.sem("template", "delete", "--yes", template, project=number)
        self.sem("project", "delete", "--yes", str(number))
        self.gone(number)
