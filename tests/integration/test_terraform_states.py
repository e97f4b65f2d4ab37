"""Terraform for real: its state is in the server, and outlives each task."""

import atexit
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.product import Product
from tests.support.repository import repository
from tests.support.terraform import NEWEST, OLDEST, install

#: Code that needs no provider.
_CODE = """\
variable "word" {
  default = "first"
}

output "word" {
  value = var.word
}

output "secret" {
  value     = "correct horse battery staple"
  sensitive = true
}
"""


@lru_cache(maxsize=2)
def server(release: str) -> tuple[Product, Path]:
    """Return a server that runs *release* of Terraform, and its folder.

    It serves until the end of the process.

    :raises SkipTest: if the release is not installed
    """
    folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = install(release, folder / "bin")
    product = Product(folder / "state", is_warm=True)
    product.environ["PATH"] = f"{path}:{product.environ['PATH']}"
    product.start()
    atexit.register(product.stop)
    product.log_in()
    return product, folder


def listener(path: Path) -> int:
    """Return the process that listens on the socket *path*."""
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(str(path))
        packed = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", packed)[0])


class StateTests(SynchronousTestCase):
    """One server for each release, and templates of Terraform."""

    product: Product
    folder: Path
    project: int
    key: int

    def begin(self, release: str) -> None:
        """Use the server of *release*, with a project of its own."""
        self.product, self.folder = server(release)
        self.project = self.product.api("POST", "/projects", {"name": "P"})["id"]
        keys = self.product.api("GET", f"/project/{self.project}/keys")
        self.key = keys[0]["id"]

    def template(self, code: str, **fields: Any) -> Any:
        """Create a template for *code*, in a repository of its own."""
        return self.template_of({"main.tf": code}, **fields)

    def template_of(self, files: dict[str, str], **fields: Any) -> Any:
        """Create a template for *files*, in a repository of its own."""
        where = repository(self.folder / self.id(), files)
        repo = self.product.create(
            self.project,
            "repositories",
            name="Code",
            git_url=f"file://{where}",
            git_branch="main",
            ssh_key_id=self.key,
        )
        number = self.product.create(
            self.project,
            "templates",
            name="Net",
            app="terraform",
            playbook="",
            repository_id=repo,
            **fields,
        )
        return self.product.api("GET", f"/project/{self.project}/templates/{number}")

    def run_task(self, template: Any, end: str = "success", **params: Any) -> list[str]:
        """Run a task to its end, and return its log."""
        task = self.product.run(self.project, template["id"], params=params)
        status = self.product.wait(self.project, task, timeout=180)
        log = self.product.output(self.project, task)
        self.assertEqual(status, end, "\n".join(log))
        return log

    def states(self, template: Any) -> Any:
        """Return the versions of the state of a template's workspace."""
        inventory = template["inventory_id"]
        path = f"/project/{self.project}/inventory/{inventory}/terraform"
        return self.product.api("GET", f"{path}/states")

    def test_life(self) -> None:
        """Apply stores the state, a rejected plan changes nothing, destroy destroys."""
        self.begin(NEWEST)
        self.live()

    def test_oldest(self) -> None:
        """The oldest release that is supported does the same."""
        self.begin(OLDEST)
        self.live()

    def live(self) -> None:
        """Reject, approve, change nothing, and destroy, with a restart between."""
        made = self.template(
            _CODE,
            task_params={"allow_auto_approve": True, "allow_destroy": True},
        )
        self.assertTrue(made["inventory_id"])
        path = f"/project/{self.project}/tasks"
        # a plan that is rejected
        task = self.product.run(self.project, made["id"])
        self.product.wait(
            self.project, task, "waiting_confirmation", "error", timeout=180
        )
        self.product.api("POST", f"{path}/{task}/reject", {"comment": "no"})
        self.product.wait(self.project, task)
        self.assertEqual(self.states(made), [])
        # one that is approved after the server was killed and started again
        task = self.product.run(self.project, made["id"])
        status = self.product.wait(
            self.project, task, "waiting_confirmation", "error", timeout=180
        )
        self.assertEqual(
            status,
            "waiting_confirmation",
            "\n".join(self.product.output(self.project, task)),
        )
        self.product.kill()
        self.product.start()
        self.product.api("POST", f"{path}/{task}/confirm", {"comment": "yes"})
        status = self.product.wait(self.project, task, timeout=180)
        log = self.product.output(self.project, task)
        self.assertEqual(status, "success", "\n".join(log))
        self.assertIn("The state is kept by this server", log)
        (state,) = self.states(made)
        self.assertEqual(state["task_id"], task)
        self.assertEqual(state["outputs"], ["secret", "word"])
        # nothing to do, in a new checkout
        self.assertIn("No changes.", "\n".join(self.run_task(made, auto_approve=True)))
        self.assertEqual(len(self.states(made)), 1)
        # destroyed by another task
        log = self.run_task(made, auto_approve=True, destroy=True)
        self.assertEqual(self.states(made)[0]["outputs"], [])
        inventory = f"/project/{self.project}/inventory/{made['inventory_id']}"
        self.assertEqual(self.product.api("GET", f"{inventory}/terraform/locks"), [])

    def test_restart(self) -> None:
        """A server that is down while Terraform stores the state loses nothing."""
        self.begin(NEWEST)
        made, task, gate = self.apply_slowly()
        self.product.kill()
        gate.touch()
        time.sleep(1)  # Terraform stores the state meanwhile
        self.product.start()
        status = self.product.wait(self.project, task, timeout=180)
        log = "\n".join(self.product.output(self.project, task))
        self.assertEqual(status, "success", log)
        (state,) = self.states(made)[:1]
        self.assertEqual((state["task_id"], state["resources"]), (task, 1))

    def apply_slowly(self) -> tuple[Any, int, Path]:
        """Begin to apply; return the template, the task, and the gate to open."""
        # jobs may have a /tmp of their own
        gate, begun = (Path(self.mktemp()).absolute() for _ in range(2))
        wait = f"touch {begun}; while [ ! -e {gate} ]; do sleep 0.05; done"
        code = (
            'resource "terraform_data" "slow" {\n  provisioner "local-exec" {\n'
            f'    command = "{wait}"\n  }}\n}}\n'
        )
        made = self.template(code, task_params={"auto_approve": True})
        task = self.product.run(self.project, made["id"])
        until = time.monotonic() + 60
        while not begun.exists():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        return made, task, gate

    def vanish(self, task: int) -> list[str]:
        """Kill the supervisor of a task that applies; return the task's log."""
        (spool,) = (self.product.state / "jobs").glob("job_*")
        os.kill(listener(spool / "control"), signal.SIGKILL)
        self.assertEqual(self.product.wait(self.project, task, timeout=180), "error")
        log = self.product.output(self.project, task)
        self.assertTrue(any("supervisor has vanished" in each for each in log), log)
        return log

    def test_vanished(self) -> None:
        """Terraform stores its state after the job's supervisor was killed."""
        self.begin(NEWEST)
        made, task, _ = self.apply_slowly()
        self.vanish(task)
        state = self.states(made)[0]
        self.assertEqual(
            (state["task_id"], state["resources"], state["rescued"]), (task, 1, False)
        )
        inventory = f"/project/{self.project}/inventory/{made['inventory_id']}"
        self.assertEqual(self.product.api("GET", f"{inventory}/terraform/locks"), [])

    def test_vanished_with_server(self) -> None:
        """The state reaches the server that was killed too, and started again."""
        self.begin(NEWEST)
        made, task, _ = self.apply_slowly()
        self.product.kill()
        (spool,) = (self.product.state / "jobs").glob("job_*")
        os.kill(listener(spool / "control"), signal.SIGKILL)
        time.sleep(1)  # Terraform stores the state meanwhile
        self.product.start()
        self.assertEqual(self.product.wait(self.project, task, timeout=180), "error")
        state = self.states(made)[0]
        self.assertEqual((state["task_id"], state["resources"]), (task, 1))

    def test_forced_unlock(self) -> None:
        """A task whose lock was removed by force stores what it has done."""
        self.begin(NEWEST)
        made, task, gate = self.apply_slowly()
        path = f"/project/{self.project}/inventory/{made['inventory_id']}/terraform"
        (lock,) = self.product.api("GET", f"{path}/locks")
        self.product.api("DELETE", f"{path}/locks?lock_id={lock['lock_id']}")
        gate.touch()
        self.product.wait(self.project, task, timeout=180)
        (state,) = self.states(made)
        self.assertEqual((state["resources"], state["rescued"]), (1, False))

    def outside(self, path: str, *options: str) -> None:
        """Send a request to the state as another client, which gets in between.

        The lock of the task is removed before.
        """
        (lock,) = self.product.api("GET", f"{path}/locks")
        self.product.api("DELETE", f"{path}/locks?lock_id={lock['lock_id']}")
        key = self.product.create(
            self.project,
            "keys",
            name="State",
            type="login_password",
            login_password={"login": "me", "password": "hidden"},
        )
        alias = self.product.api("POST", f"{path}/aliases", {"auth_key_id": key})
        subprocess.run(
            [
                *("curl", "-sf", "--cacert", str(self.product.root)),
                *("-u", "me:hidden", *options, alias["url"]),
            ],
            check=True,
        )

    def test_rescue(self) -> None:
        """A state that is refused is kept as a version, and a rollback restores it."""
        self.begin(NEWEST)
        made, task, gate = self.apply_slowly()
        path = f"/project/{self.project}/inventory/{made['inventory_id']}/terraform"
        other = '{"version": 4, "serial": 9, "lineage": "another", "outputs": {}}'
        self.outside(path, "-d", other)
        gate.touch()
        self.assertEqual(self.product.wait(self.project, task, timeout=180), "error")
        log = "\n".join(self.product.output(self.project, task))
        self.assertIn("WARNING: the state was rescued as version", log)
        rescued, present = self.states(made)
        self.assertEqual(
            (rescued["rescued"], rescued["task_id"], rescued["resources"]),
            (True, task, 1),
        )
        self.assertEqual((present["rescued"], present["lineage"]), (False, "another"))
        self.product.api("POST", f"{path}/states/{rescued['id']}/rollback")
        self.assertIn("No changes.", "\n".join(self.run_task(made)))

    def test_vanished_rescue(self) -> None:
        """A state that is refused is rescued without the job's first supervisor too."""
        self.begin(NEWEST)
        made, task, _ = self.apply_slowly()
        path = f"/project/{self.project}/inventory/{made['inventory_id']}/terraform"
        self.outside(path, "-X", "LOCK", "-d", '{"ID": "other", "Who": "bob"}')
        log = "\n".join(self.vanish(task))
        self.assertIn("WARNING: the state was rescued as version", log)
        (rescued,) = self.states(made)
        self.assertEqual(
            (rescued["rescued"], rescued["task_id"], rescued["resources"]),
            (True, task, 1),
        )

    def test_outside(self) -> None:
        """Terraform outside of the server uses an alias, over HTTPS."""
        self.begin(NEWEST)
        made = self.template(_CODE, task_params={"auto_approve": True})
        self.run_task(made)
        key = self.product.create(
            self.project,
            "keys",
            name="State",
            type="login_password",
            login_password={"login": "me", "password": "hidden"},
        )
        inventory = f"/project/{self.project}/inventory/{made['inventory_id']}"
        alias = self.product.api(
            "POST", f"{inventory}/terraform/aliases", {"auth_key_id": key}
        )
        code = self.folder / "outside"
        code.mkdir()
        (code / "main.tf").write_text(
            f'{_CODE}\nterraform {{\n  backend "http" {{\n'
            f'    address = "{alias["url"]}"\n'
            f'    lock_address = "{alias["url"]}"\n'
            f'    unlock_address = "{alias["url"]}"\n'
            "  }\n}\n"
        )
        environ = {
            **self.product.environ,
            "TF_HTTP_USERNAME": "me",
            "TF_HTTP_PASSWORD": "hidden",
            "SSL_CERT_FILE": str(self.product.root),
        }

        def run(*words: str) -> str:
            ended = subprocess.run(
                [str(self.folder / "bin" / "terraform"), *words],
                cwd=code,
                env=environ,
                check=False,
                capture_output=True,
                text=True,
            )
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
            return ended.stdout

        run("init", "-input=false")
        self.assertIn("first", run("output", "word"))
        run("apply", "-auto-approve", "-input=false", "-var", "word=second")
        newest, before = self.states(made)
        self.assertEqual(newest["serial"], before["serial"] + 1)
        self.assertIn("@", newest["author"])
        self.assertIsNone(newest["task_id"])

    def test_own_backend(self) -> None:
        """A backend of the code stays, unless the template overrides it."""
        self.begin(NEWEST)
        code = _CODE + 'terraform {\n  backend "local" {\n  }\n}\n'
        made = self.template(code, task_params={"auto_approve": True})
        log = self.run_task(made)
        self.assertTrue(any(each.startswith("WARNING: the code") for each in log), log)
        self.assertEqual(self.states(made), [])
        number = made["id"]
        made["task_params"] = {"auto_approve": True, "override_backend": True}
        self.product.api("PUT", f"/project/{self.project}/templates/{number}", made)
        log = self.run_task(made)
        self.assertIn("The state is kept by this server", log)
        self.assertEqual(len(self.states(made)), 1)

    def test_words(self) -> None:
        """Words that only look like a backend leave the state in the server."""
        self.begin(NEWEST)
        files = {
            "a.tf.json": '{"variable": {"env": {"default": "cloud"}}}',
            "b.tf": '/*\n * terraform {\n *   backend "s3" {}\n * }\n */\n',
            "c.tf": 'locals {\n  c = <<E\nbackend "web" {\n}\nE\n}\n',
            "main.tf": 'resource "terraform_data" "x" {\n}\n',
        }
        made = self.template_of(files, task_params={"auto_approve": True})
        log = self.run_task(made)
        self.assertIn("The state is kept by this server", log)
        (state,) = self.states(made)
        self.assertEqual(state["resources"], 1)
        self.assertIn("No changes.", "\n".join(self.run_task(made)))

    def test_other_override(self) -> None:
        """A backend that would win over the server's fails the task before the plan."""
        self.begin(NEWEST)
        files = {
            "main.tf": 'resource "terraform_data" "x" {\n}\n',
            "z_override.tf": 'terraform {\n  backend "local" {\n  }\n}\n',
        }
        made = self.template_of(
            files, task_params={"auto_approve": True, "override_backend": True}
        )
        log = "\n".join(self.run_task(made, "error"))
        self.assertIn("Terraform does not use the server's backend", log)
        self.assertNotIn("Plan:", log)
