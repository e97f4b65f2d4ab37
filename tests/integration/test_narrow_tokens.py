"""API tokens with a narrow scope, with the command-line client and the websocket."""

import subprocess
import sys
from pathlib import Path

from semaphore_twisted.common.command_error import UNREACHABLE
from tests.support import warm
from tests.support.cases import ProductTestCase
from tests.support.product import clean_environment


class NarrowTokenTests(ProductTestCase):
    """A started server; tokens are made by the command on its machine."""

    def token(self, *words: str) -> str:
        """Make a token of the administrator."""
        made = self.product.command_here(
            "user", "token", "create", "--login", "admin", *words
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        return made.stdout.strip()

    def client(self, token: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``semaphore task`` with *token*."""
        program = str(Path(sys.executable).with_name("semaphore"))
        return warm.run(
            [program, "task", *words],
            env=clean_environment(
                SEMAPHORE_URL=self.product.url,
                SEMAPHORE_TOKEN=token,
                SEMAPHORE_CA=str(self.product.root),
            ),
        )

    def test_client(self) -> None:
        """The client does what the token may, and says why it may not do more."""
        project, repo = self.project({"run.sh": "true\n"})
        self.template(project, repo, "bash", "run.sh")
        self.product.api("POST", "/projects", {"name": "Other"})
        start = ("run", "--project", "Test", "--template", "bash run.sh")
        reading = self.token("--read-only")
        done = self.client(reading, "list", "--project", "Test")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.client(reading, *start)
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn("This API token is read-only", done.stderr)
        one = self.token("--project", "Test")
        done = self.client(one, *start, "--follow")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.client(one, "list", "--project", "Other")
        self.assertEqual(done.returncode, 1)
        self.assertIn("expected one of: Test", done.stderr)

    def test_websocket(self) -> None:
        """The websocket has messages of the token's project, and ends with it."""
        project, repo = self.project({"run.sh": "true\n"})
        template = self.template(project, repo, "bash", "run.sh")
        headers = {"Authorization": f"Bearer {self.token('--project', str(project))}"}
        other, foreign = self.product.script(self.folder / "b", "bash", "true\n")
        socket = self.product.websocket(headers)
        self.addCleanup(socket.close)
        self.product.wait(other, self.product.run(other, foreign))
        task = self.product.run(project, template)
        self.product.wait(project, task)
        seen = set()
        for message in iter(socket.read, None):
            seen.add(message["project_id"])
            if (message["task_id"], message.get("status")) == (task, "success"):
                break
        self.assertEqual(seen, {project})
        self.product.api("DELETE", f"/project/{project}")
        self.assertIsNone(socket.read())
        self.assertEqual(socket.closed, 4401)
