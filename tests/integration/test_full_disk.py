"""The product on a disk that a job, or a neighbor, fills."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.disks import fill, free, own_mounts, small_disk
from tests.support.product import ADMIN_PASSWORD, TIMEOUT, Product

#: Prints 80 MB that do not compress, and then that it is over.
_FLOOD = """
import base64, os, sys
for _ in range(1200):
    block = base64.b64encode(os.urandom(50_000)).decode()
    sys.stdout.write("".join(block[i:i + 100] + chr(10) for i in range(0, 66_600, 100)))
print("the last line")
"""

_WAIT = "echo begun\nuntil [ -e {gate} ]; do sleep 0.05; done\necho over\n"


class FullDiskTests(SynchronousTestCase):
    """A server whose state is on a small disk."""

    timeout = 180

    def setUp(self) -> None:
        """Mount the disk, and start a server on it."""
        own_mounts(self)
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-full-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.disk = self.folder / "disk"
        small_disk(self, self.disk, size="48m")
        self.product = Product(self.disk / "state")
        self.product.log = self.folder / "log"
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    def log_in(self) -> Any:
        """Try to log in."""
        body = {"auth": "admin", "password": ADMIN_PASSWORD}
        return self.product.call("POST", "/api/auth/login", body)

    def script(self, app: str, content: str) -> tuple[int, int]:
        """Make a template for a script whose repository is not on the disk."""
        return self.product.script(self.folder / "source", app, content)

    def test_flood(self) -> None:
        """A job that prints more than the disk holds succeeds; one line reports it."""
        project, template = self.script("python", _FLOOD)
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task, timeout=150), "success")
        raw = self.product.api("GET", f"/project/{project}/tasks/{task}/raw_output")
        told = [line for line in raw.splitlines() if "were dropped" in line]
        self.assertEqual(len(told), 1, told)
        self.assertGreater(free(self.disk), 0)
        self.assertEqual(self.log_in().status, 204)
        # logs leave room for the actions of users
        self.product.api("POST", "/projects", {"name": "Another"})
        again = self.product.run(project, template)
        self.product.api("POST", f"/project/{project}/tasks/{again}/stop", {})
        self.product.wait(project, again)

    def test_neighbor(self) -> None:
        """A task ends, is stopped and deleted, and one logs in, on a disk without room.

        A restart helps as well.
        """
        gate = self.folder / "gate"
        project, template = self.script("bash", _WAIT.format(gate=gate))
        first = self.product.run(project, template)
        fields = self.product.api("GET", f"/project/{project}/templates/{template}")
        other = self.product.create(
            project,
            "templates",
            name="Other",
            app="bash",
            playbook="script",
            repository_id=fields["repository_id"],
        )
        second = self.product.run(project, other)
        for task in (first, second):
            deadline = time.monotonic() + TIMEOUT
            while "begun" not in self.product.output(project, task):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.fill(project)
        self.assertEqual(self.log_in().status, 204)
        self.product.api("POST", f"/project/{project}/tasks/{second}/stop", {})
        self.assertEqual(self.product.wait(project, second), "stopped")
        gate.touch()
        self.assertEqual(self.product.wait(project, first), "success")
        self.product.api("DELETE", f"/project/{project}/tasks/{first}")
        self.product.stop()
        fill(self.disk / "filler")
        self.product.start()
        self.assertEqual(self.log_in().status, 204)
        (self.disk / "filler").unlink()
        third = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, third), "success")

    def fill(self, project: int) -> None:
        """Fill the disk, and the store up to its last free page."""
        fill(self.disk / "filler")
        for number in range(3000):
            answer = self.product.call(
                "POST",
                f"/api/project/{project}/views",
                {"title": f"{number}", "position": number, "project_id": project},
            )
            if answer.status == 507:
                self.assertIn("full", answer.json["error"])
                self.assertIn("retry-after", answer.headers)
                return
            self.assertEqual(answer.status, 201, answer.content)
        self.fail("the store did not fill")
