"""The steps that decide where a state is kept, and those that rescue one."""

import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import InventorySource, StateBackend
from semaphore_twisted.jobs.supervision import state_rescue
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import JobSpecification, Step
from tests.support.orders import options, order, template

FILE = "semaphore_override.tf"


def job(app: str, params: dict[str, object]) -> JobSpecification:
    """Return a job whose workspace the server keeps."""
    made = replace(
        order("https://h.example/x"),
        template=template(app=app, playbook="", task_params=params),
        inventory=InventorySource(
            type=InventoryType.TERRAFORM_WORKSPACE, inventory="default"
        ),
        state=StateBackend(port=1, socket="/s", alias="alias", password="hidden"),
    )
    return specification(made, options("/s"))


def steps(app: str = "terraform", **params: object) -> list[Step]:
    """Return the steps of the job after the checkout."""
    given = job(app, params).steps
    return [step for step in given if not step.name.startswith("repository")]


def last_steps(**params: object) -> tuple[Step, ...]:
    """Return the steps after any result."""
    return job("terraform", params).finally_steps


def named(name: str, app: str = "terraform", **params: object) -> Step:
    """Return the first step *name*."""
    return next(step for step in steps(app, **params) if step.name == name)


class OrderTests(SynchronousTestCase):
    """When the backend is declared."""

    def test_undecided(self) -> None:
        """The code decides: ``init`` runs without the file, and again with it."""
        made = steps()
        self.assertEqual(
            [step.name for step in made][:6],
            ["state relay", "init", "backend", "init", "backend check", "plan"],
        )
        self.assertIsNone(made[1].requires)
        self.assertEqual(
            {step.requires for step in made[3:5]}, {"{workspace}/declared-backend"}
        )

    def test_override(self) -> None:
        """The template decides: the file is there before ``init``."""
        made = steps(override_backend=True)
        self.assertEqual(
            [step.name for step in made][:5],
            ["state relay", "backend", "init", "backend check", "plan"],
        )


class DirectoryTestCase(SynchronousTestCase):
    """A workspace with a checkout, in which steps run."""

    def setUp(self) -> None:
        """Make a workspace with a checkout."""
        self.workspace = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(rmtree, self.workspace)
        self.code = self.workspace / "repository"
        self.code.mkdir()

    def write(self, name: str, text: str) -> None:
        """Write a file of the code."""
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_step(
        self,
        step: Step,
        *,
        folder: Path | None = None,
        environ: dict[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run *step* in the directory of the code, or in *folder*."""
        argv = [word.replace("{workspace}", str(self.workspace)) for word in step.argv]
        return subprocess.run(
            argv,
            cwd=folder or self.code,
            env={"PATH": "/usr/bin:/bin", **(environ or {})},
            input=(step.stdin or b"").decode(),
            check=False,
            capture_output=True,
            text=True,
        )


class DecisionTests(DirectoryTestCase):
    """The records of ``init`` count, and no text of the code."""

    def record(self, kind: str, place: str = ".terraform") -> None:
        """Write the record of ``init`` for a backend."""
        backend = {"type": kind, "config": {"x": '"backend":{"type":"s3"'}}
        whole = {"version": 3, "backend": backend}
        self.write(f"{place}/terraform.tfstate", json.dumps(whole, indent=4))

    def decide(self, app: str = "terraform", **environ: str) -> str:
        """Decide, and return the line of the log."""
        ended = self.run_step(named("backend", app), environ=environ)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        return ended.stdout

    def is_declared(self) -> bool:
        """Return whether the server's backend was declared; check the marks."""
        declared = (self.code / FILE).exists()
        marks = [
            (self.workspace / name).exists()
            for name in ("declared-backend", "own-backend")
        ]
        self.assertEqual(marks, [declared, not declared])
        return declared

    def test_texts(self) -> None:
        """Words in values, comments, texts and blocks of resources are no backend."""
        self.write("a.tf.json", '{"variable": {"env": {"default": "cloud"}}}')
        self.write("b.tf", '/*\n * terraform {\n *   backend "s3" {}\n * }\n */\n')
        self.write("c.tf", 'resource "x" "y" {\n c = <<E\nbackend "web" {\n}\nE\n}\n')
        self.write("d.tf", 'resource "x" "y" {\n cloud {\n }\n}\n')
        self.assertEqual(self.decide(), "The state is kept by this server\n")
        self.assertTrue(self.is_declared())
        text = (self.code / FILE).read_text()
        self.assertIn('backend "http"', text)
        self.assertEqual((self.code / FILE).stat().st_mode & 0o777, 0o600)

    def test_recorded(self) -> None:
        """A backend that ``init`` has recorded stays."""
        self.record("s3")
        self.assertIn("a backend of its own", self.decide())
        self.assertFalse(self.is_declared())

    def test_store(self) -> None:
        """A state store of a provider is a backend too."""
        self.write(".terraform/terraform.tfstate", '{"state_store": {"type": "aws_x"}}')
        self.assertIn("a backend of its own", self.decide())

    def test_local(self) -> None:
        """A local file is warned of."""
        self.record("local")
        self.assertTrue(self.decide().startswith("WARNING: the code keeps"))
        self.assertFalse(self.is_declared())

    def test_data_directory(self) -> None:
        """The record may be elsewhere, as ``TF_DATA_DIR`` says."""
        self.record("gcs", "data")
        self.assertIn("of its own", self.decide(TF_DATA_DIR="data"))

    def test_copies(self) -> None:
        """Terragrunt initializes copies of the code."""
        self.write("terragrunt.hcl", 'include "root" {}\n')
        self.record("s3", ".terragrunt-cache/a/b/mod/.terraform")
        self.assertIn("of its own", self.decide("terragrunt"))
        self.assertFalse(self.is_declared())

    def test_uncertain(self) -> None:
        """Terragrunt's backend is never replaced by a guess."""
        for text in (
            'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n',
            'generate "backend" {}\n',
            "remote_state {}\n",
        ):
            self.write("terragrunt.hcl", text)
            self.assertTrue(self.decide("terragrunt").startswith("WARNING"), text)
            self.assertFalse(self.is_declared())

    def test_certain(self) -> None:
        """Terragrunt without any of that has no backend."""
        self.write("terragrunt.hcl", "inputs = {}\n")
        self.decide("terragrunt")
        self.assertTrue(self.is_declared())

    def test_verified(self) -> None:
        """After ``init`` only the server's backend is accepted."""
        check = named("backend check")
        self.assertNotEqual(self.run_step(check).returncode, 0)
        self.record("http")
        self.assertEqual(self.run_step(check).returncode, 0)
        self.record("s3")
        self.assertNotEqual(self.run_step(check).returncode, 0)
        self.assertNotEqual(
            self.run_step(named("backend check", "terragrunt")).returncode, 0
        )
        self.assertIn("override.tf", check.failure or "")


class CollectTests(DirectoryTestCase):
    """Which file counts as the state that was left behind."""

    def collect(self) -> str | None:
        """Look for the file; return its content."""
        first = next(step for step in last_steps() if step.name == "state check")
        ended = self.run_step(first, folder=self.workspace)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        left = self.workspace / "errored.tfstate"
        return left.read_text() if left.exists() else None

    def mark(self) -> None:
        """Set the mark for the server's backend, later than the code."""
        for path in self.code.rglob("*"):
            os.utime(path, (1, 1))
        (self.workspace / "declared-backend").touch()
        os.utime(self.workspace / "declared-backend", (2, 2))

    def test_left(self) -> None:
        """What was written after ``init``, also in a copy of Terragrunt."""
        self.mark()
        self.assertIsNone(self.collect())
        self.write("a b/.terragrunt-cache/x/errored.tfstate", "state")
        self.assertEqual(self.collect(), "state")

    def test_of_the_repository(self) -> None:
        """A file of the repository is older, and no state of this task."""
        self.write("errored.tfstate", "old")
        self.assertIsNone(self.collect())
        self.mark()
        self.assertIsNone(self.collect())

    def test_link(self) -> None:
        """A link leads nowhere."""
        self.mark()
        (self.workspace / "secret").write_text("secret")
        (self.code / "errored.tfstate").symlink_to(self.workspace / "secret")
        self.assertIsNone(self.collect())

    def test_when(self) -> None:
        """The steps are the last ones of every job that may apply."""
        self.assertEqual(
            [(step.name, step.requires) for step in last_steps()],
            [
                ("state check", None),
                ("state rescue", "{workspace}/errored.tfstate"),
                ("state rescue", "{workspace}/errored.tfstate"),
            ],
        )
        self.assertEqual(last_steps(plan=True), ())


class RescueTests(SynchronousTestCase):
    """The program that hands a state to the server."""

    def setUp(self) -> None:
        """Start it; no server listens."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(rmtree, self.folder)
        self.file = os.memfd_create("rescued")
        self.addCleanup(os.close, self.file)
        os.write(self.file, b"the state")
        self.rescue = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(state_rescue.__file__)),
                *(str(self.folder / "s"), f"/dev/fd/{self.file}"),
                str(self.folder / "own"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self.file,),
        )
        self.addCleanup(self.rescue.wait)
        self.addCleanup(self.rescue.kill)
        for pipe in (self.rescue.stdin, self.rescue.stdout):
            assert pipe is not None
            self.addCleanup(pipe.close)
        assert self.rescue.stdin is not None
        self.rescue.stdin.write(b"alias\npassword\n")
        self.rescue.stdin.close()

    def line(self) -> str:
        """Return the next line of the log."""
        assert self.rescue.stdout is not None
        return self.rescue.stdout.readline().decode()

    def answer(self, status: str, text: str) -> bytes:
        """Answer one request as the server does; return the request's head."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.settimeout(30)
            listener.bind(str(self.folder / "s"))
            listener.listen()
            connection, _ = listener.accept()
            (self.folder / "s").unlink()
        with connection, connection.makefile("rb") as sent:
            connection.settimeout(30)
            head = b"".join(iter(sent.readline, b"\r\n"))
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            self.assertEqual(gzip.decompress(sent.read(length)), b"the state")
            said = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
            connection.sendall(said.encode())
        return head

    def test_patience(self) -> None:
        """It tries until the server has taken the state."""
        self.assertIn("cannot store the state now", self.line())
        self.answer("503 Busy", "busy")
        self.assertIn("trying again: busy", self.line())
        head = self.answer("200 OK", "stored")
        self.assertTrue(head.startswith(b"POST /api/terraform/alias?rescue=next "))
        self.assertNotIn(b"password", head)
        while (line := self.line()) != "stored\n":
            self.assertIn("no answer", line)
        self.assertEqual(self.rescue.wait(30), 0)

    def test_refused(self) -> None:
        """A refusal for good is a failure, with the reason."""
        (self.folder / "own").touch()
        head = self.answer("400 Bad", "no state")
        self.assertIn(b"rescue=aside", head)
        while "refuses" not in (line := self.line()):
            self.assertIn("trying again", line)
        self.assertIn("400 no state", line)
        self.assertEqual(self.rescue.wait(30), 1)
