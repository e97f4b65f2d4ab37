"""No secret of a job is ever in a file, an argument list or a log."""

import json
import os
import sys
import threading
import time
from pathlib import Path
from secrets import token_hex

from tests.support.cases import ProductTestCase
from tests.support.product import files_below, processes
from tests.support.sshd import Sshd

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Say who we are
      raw: id && sleep 1
    - name: Show what must not be shown
      debug:
        msg: "the password is {{ api_password }} and {{ lookup('env', 'TOKEN') }}"
"""

#: made anew, so that they are not found in this file
PASSWORD = f"Zx9-{token_hex(8)}"
TOKEN = f"Zx9-{token_hex(8)}"


class SecretsTests(ProductTestCase):
    """A playbook over a real sshd, with keys and secret variables."""

    is_warm = False  # its environment is looked at

    def needles(self, key: str) -> list[bytes]:
        """Return what must not be found: the key's inner lines, and the texts."""
        lines = [line for line in key.splitlines() if len(line) > 40][1:]
        return [line.encode() for line in lines] + [PASSWORD.encode(), TOKEN.encode()]

    def search(
        self, needles: list[bytes], since: float, *, allowed: str = ""
    ) -> list[str]:
        """Return where a needle is found, in files and in argument lists.

        Files are read that were changed *since*, when the needles did not exist yet.
        The two texts at the end may be in a file whose path contains *allowed*.
        """
        found = []
        folders = (self.product.state, Path("/tmp"), Path.home() / ".ansible")
        for path, content in files_below(*folders, since=since):
            wanted = needles[:-2] if allowed and allowed in str(path) else needles
            found += [str(path) for needle in wanted if needle in content]
        for number, arguments, _ in processes():
            found += [f"argv of {number}" for needle in needles if needle in arguments]
        return found

    def try_key(self, kind: str) -> None:
        """Run the playbook with a key of *kind*, looking everywhere all the while."""
        since = time.time() - 1  # times of files are a little behind
        with Sshd() as sshd:
            private = sshd.new_key(kind)
            needles = self.needles(private)
            project, repo = self.project({"site.yml": PLAYBOOK})
            key = self.product.create(
                project,
                "keys",
                name="Hosts",
                type="ssh",
                ssh={"login": sshd.user, "passphrase": "", "private_key": private},
            )
            inventory = self.product.create(
                project,
                "inventory",
                name="Host",
                type="static",
                inventory=(
                    f"target {sshd.variables} "
                    f"ansible_python_interpreter={sys.executable}"
                ),
                ssh_key_id=key,
            )
            environment = self.product.create(
                project,
                "environment",
                name="Secrets",
                json="{}",
                env="{}",
                secrets=[
                    {
                        "operation": "create",
                        "type": "var",
                        "name": "api_password",
                        "secret": PASSWORD,
                    },
                    {
                        "operation": "create",
                        "type": "env",
                        "name": "TOKEN",
                        "secret": TOKEN,
                    },
                ],
            )
            template = self.template(
                project,
                repo,
                "ansible",
                "site.yml",
                inventory_id=inventory,
                environment_id=environment,
            )
            found: list[str] = []
            done, finished = threading.Event(), threading.Event()

            def look() -> None:
                while not done.wait(0.05):
                    # a secret variable may be in a 0600 file while the step runs
                    found.extend(self.search(needles, since, allowed="/workspaces/"))
                finished.set()

            looking = threading.Thread(target=look)
            looking.start()
            try:
                task = self.product.run(project, template)
                status = self.product.wait(project, task)
            finally:
                done.set()
                looking.join()
            self.assertTrue(finished.is_set(), "the search has failed")
            output = "\n".join(self.product.output(project, task))
            self.assertEqual(status, "success", output)
            self.assertEqual(found, [])
            time.sleep(0.2)
            self.assertEqual(self.search(needles, since), [])
            self.assertIn("the password is *** and ***", output)
            for needle in needles:
                self.assertNotIn(needle.decode(), output)
                self.assertNotIn(needle, self.product.log.read_bytes())
            # other tests may have agents of their own meanwhile
            ours = str(self.folder).encode()
            self.assertEqual(
                [
                    arguments
                    for _, arguments, _ in processes()
                    if b"ssh-agent" in arguments and ours in arguments
                ],
                [],
            )

    def test_ed25519(self) -> None:
        """An ed25519 key is used, and found nowhere."""
        self.try_key("ed25519")

    def test_rsa(self) -> None:
        """An RSA key is used, and found nowhere."""
        self.try_key("rsa")

    def test_job_reads(self) -> None:
        """A job of the server's own user can read its files, but no key in plain text.

        With ``process.user`` it cannot read them either (see the operating manual);
        encrypted values stay encrypted in both cases.
        """
        script = (
            f"cat {self.product.state}/semaphore.db | tr -d '\\0' | head -c 5000000\n"
            "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'\n"
        )
        project, repo = self.project({"nosy.sh": script})
        self.product.create(
            project,
            "keys",
            name="Login",
            type="login_password",
            login_password={"login": "x", "password": PASSWORD},
        )
        template = self.template(project, repo, "bash", "nosy.sh")
        task = self.product.run(project, template)
        self.product.wait(project, task)
        text = "\n".join(self.product.output(project, task))
        self.assertNotIn(PASSWORD, text)
        config = json.loads((self.product.state / "config.json").read_text())
        self.assertNotIn(config["access_key_encryption"].strip(), text)


class SwitchedUserTests(ProductTestCase):
    """Jobs run as another user than the server."""

    is_warm = False  # its environment is looked at

    config = {"process_user": "nobody"}  # noqa: RUF012 - one value for the class

    def setUp(self) -> None:
        """Skip where the tests may not switch users themselves."""
        if os.geteuid() != 0:
            self.skipTest("switching the user needs root")
        super().setUp()
        # The job's user reads the repository; the state directory stays closed to it.
        self.folder.chmod(0o755)

    def test_nothing_to_read(self) -> None:
        """A job of another user can read neither configuration nor database."""
        state = self.product.state
        script = (
            "id -un\n"
            f"cat {state}/config.json {state}/semaphore.db && echo READ\n"
            "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'\n"
            "true\n"
        )
        project, repo = self.project({"nosy.sh": script})
        template = self.template(project, repo, "bash", "nosy.sh")
        task = self.product.run(project, template)
        self.assertEqual(
            self.product.wait(project, task),
            "success",
            "\n".join(self.product.output(project, task)),
        )
        lines = self.product.output(project, task)
        self.assertIn("nobody", lines)
        self.assertNotIn("READ", lines)
        self.assertNotIn("SEMAPHORE_ADMIN_PASSWORD", "\n".join(lines))
