"""A job that runs as another user reaches nothing of the server's."""

import os
import pwd
import shutil
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.product import ADMIN_PASSWORD, Product
from tests.support.repository import repository

#: A user that every Debian has, and that owns nothing of ours.
USER = "daemon"

NOSY = """\
id -u
grep -E 'Cap(Prm|Eff|Amb)|NoNewPrivs' /proc/self/status
cat "$STATE/config.json" "$STATE/semaphore.db" "$STATE/tls/key.pem" 2>&1
ls "$STATE" "$STATE/jobs" 2>&1
for each in /proc/[0-9]*; do
    tr '\\0' '\\n' <"$each/environ" 2>/dev/null
done
echo looked
"""


class JobUserTests(SynchronousTestCase):
    """A server that may switch users: as root here."""

    def setUp(self) -> None:
        """Start with ``process.user``; the folders can be passed through by all."""
        if os.geteuid() != 0:
            raise SkipTest("only root can switch to another user")
        self.addCleanup(os.umask, os.umask(0o022))
        self.folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.product = Product(self.folder / "state")
        self.product.environ.update(
            SEMAPHORE_PROCESS_USER=USER,
            SEMAPHORE_TMP_PATH=str(self.folder / "w"),
            SEMAPHORE_ENV_VARS=f'{{"STATE": "{self.product.state}"}}',
        )
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    def test_check(self) -> None:
        """The check of an inventory runs its program as the job's user."""
        script = (
            "#!/bin/sh\n"
            'caps=$(sed -n "s/^CapEff:.//p" /proc/self/status)\n'
            'echo "{\\"user$(id -u) $caps\\": {\\"hosts\\": [\\"x\\"]}}"\n'
        )
        git = repository(self.folder / "hosts", {"hosts.sh": script})
        product = self.product
        project = product.api("POST", "/projects", {"name": "Hosts"})["id"]
        (none,) = [key["id"] for key in product.api("GET", f"/project/{project}/keys")]
        files = product.create(
            project,
            "repositories",
            name="Files",
            git_url=f"file://{git}",
            git_branch="main",
            ssh_key_id=none,
        )
        inventory = product.create(
            project,
            "inventory",
            name="Hosts",
            type="file",
            inventory="hosts.sh",
            repository_id=files,
        )
        path = f"/project/{project}/inventory/{inventory}/check"
        product.api("POST", path, {})
        until = time.monotonic() + 60
        while (check := product.api("GET", path))["status"] == "running":
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        group = f"user{pwd.getpwnam(USER).pw_uid} {'0' * 16}"
        self.assertEqual(check["groups"], [{"name": group, "hosts": 1}], check)

    def test_nosy_job(self) -> None:
        """A job can read no key, database or environment, and has no capabilities."""
        git = repository(self.folder / "repository", {"nosy.sh": NOSY})
        product = self.product
        project = product.api("POST", "/projects", {"name": "Nosy"})["id"]
        (none,) = [
            key["id"]
            for key in product.api("GET", f"/project/{project}/keys")
            if key["type"] == "none"
        ]
        files = product.create(
            project,
            "repositories",
            name="Files",
            git_url=f"file://{git}",
            git_branch="main",
            ssh_key_id=none,
        )
        template = product.create(
            project,
            "templates",
            name="Nosy",
            app="bash",
            playbook="nosy.sh",
            repository_id=files,
        )
        task = product.run(project, template)
        status = product.wait(project, task)
        lines = product.output(project, task)
        text = "\n".join(lines)
        self.assertEqual(status, "success", text)
        self.assertIn("looked", lines)
        self.assertIn(str(pwd.getpwnam(USER).pw_uid), lines)
        for name in ("CapPrm", "CapEff", "CapAmb"):
            self.assertIn(f"{name}:\t0000000000000000", lines)
        self.assertIn("NoNewPrivs:\t1", lines)
        # where namespaces are possible, there is no state directory for a job
        missing = text.count("No such file or directory")
        self.assertGreaterEqual(text.count("Permission denied") + missing, 5)
        for secret in (ADMIN_PASSWORD, "access_key_encryption", "PRIVATE KEY"):
            self.assertNotIn(secret, text)
        self.assertNotIn("SEMAPHORE_ADMIN", text)
        self.assertEqual(list((self.folder / "w").iterdir()), [])
