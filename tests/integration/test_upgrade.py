"""State directories of earlier releases are used, with a running job."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.product import TIMEOUT, Product
from tests.support.repository import repository

#: The last commit before job users, limits and the new spool came.
FIRST = "1dbca6bc48fb60480018bc53f3129652337e134f"

#: Release 0.3.0, without schedules and integrations.
RELEASE_0_3 = "8ca9452d10dbf6862a4e83539bfea60ea55d1dd9"

_ROOT = Path(__file__).parents[2]

#: Counts until the file ``go`` lies beside it, then prints the rest.
_SCRIPT = """\
for number in $(seq 1 50); do echo "line $number"; done
echo "secret $SECRET_WORD"
for second in $(seq 600); do [ -e {go} ] && break; sleep 0.1; done
for number in $(seq 51 100); do echo "line $number"; done
"""


class FormerProduct(Product):
    """The server as it was at a former commit."""

    code: ClassVar[Path]

    def launch(self) -> None:
        """Start the former server's code with today's libraries."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-c"),
                    "from semaphore_twisted.cli.main import run; run()",
                    *("server", "--state", str(self.state), *self.arguments),
                ],
                env={**self.environ, "PYTHONPATH": str(self.code)},
                cwd=self.code,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class UpgradeTests(SynchronousTestCase):
    """The server of before is ended, and today's takes its state over."""

    before: ClassVar[str] = FIRST

    def setUp(self) -> None:
        """Take the former code from the history, and start it."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        FormerProduct.code = self.folder / "former"
        FormerProduct.code.mkdir()
        packed = self.folder / "former.tar"
        made = subprocess.run(
            ["git", "archive", "-o", str(packed), self.before, "semaphore_twisted"],
            cwd=_ROOT,
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise SkipTest("this is not a clone with its history (git archive failed)")
        subprocess.run(
            ["tar", "-xf", str(packed), "-C", str(FormerProduct.code)], check=True
        )
        self.former = FormerProduct(self.folder / "state")
        self.addCleanup(self.former.stop)
        self.former.start()
        self.former.log_in()

    def test_running_job(self) -> None:
        """Objects, logs and tokens stay; the running job ends well, no line lost."""
        former = self.former
        go = Path(self.mktemp()).absolute()  # jobs may have a /tmp of their own
        project = former.api("POST", "/projects", {"name": "Former"})["id"]
        (none,) = [each["id"] for each in former.api("GET", f"/project/{project}/keys")]
        files = repository(
            self.folder / "repository", {"count.sh": _SCRIPT.format(go=go)}
        )
        repo = former.create(
            project,
            "repositories",
            name="Files",
            git_url=f"file://{files}",
            git_branch="main",
            ssh_key_id=none,
        )
        group = former.create(
            project,
            "environment",
            name="Words",
            json="{}",
            env="{}",
            secrets=[
                {
                    "name": "SECRET_WORD",
                    "secret": "swordfish",
                    "type": "env",
                    "operation": "create",
                }
            ],
        )
        template = former.create(
            project,
            "templates",
            name="Count",
            app="bash",
            playbook="count.sh",
            repository_id=repo,
            environment_id=group,
        )
        go.touch()
        ended = former.run(project, template)
        self.assertEqual(former.wait(project, ended), "success")
        output = former.output(project, ended)
        go.unlink()
        running = former.run(project, template)
        deadline = time.monotonic() + TIMEOUT
        while "line 50" not in former.output(project, running):
            self.assertLess(time.monotonic(), deadline, "the job did not start")
            time.sleep(0.05)
        former.kill()

        today = Product(self.folder / "state", is_warm=True)
        self.addCleanup(today.stop)
        today.start()
        today.token = former.token
        self.assertEqual(today.status(project, running), "running")
        go.touch()
        self.assertEqual(today.wait(project, running), "success")
        lines = [
            line for line in today.output(project, running) if line.startswith("line ")
        ]
        self.assertEqual(lines, [f"line {number}" for number in range(1, 101)])
        self.assertNotIn("swordfish", "\n".join(today.output(project, running)))
        self.assertEqual(today.output(project, ended), output)
        self.assertEqual(
            today.wait(project, today.run(project, template), timeout=2 * TIMEOUT),
            "success",
        )
        today.log_in()
        checked = today.command("vault", "check")
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_stopped(self) -> None:
        """The state of a server that was stopped in order takes the demo project."""
        self.former.stop()
        today = Product(self.folder / "state", "--demo", is_warm=True)
        self.addCleanup(today.stop)
        today.start()
        today.log_in()
        (project,) = [each["id"] for each in today.api("GET", "/projects")]
        template = today.api("GET", f"/project/{project}/templates")[0]
        self.assertTrue(template["name"])


class Release03Tests(UpgradeTests):
    """The same with the state directory of release 0.3.0."""

    before = RELEASE_0_3
