"""The steps that decide where a state is kept, as programs in a directory."""

import json
import subprocess
import tempfile
from pathlib import Path
from shutil import rmtree

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import InventorySource, StateBackend
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import Step
from tests.support.orders import options, order, template

FILE = "semaphore_override.tf"


def steps(app: str = "terraform", **params: object) -> list[Step]:
    """Return the steps of a job whose workspace the server keeps."""
    made = replace(
        order("https://h.example/x"),
        template=template(app=app, playbook="", task_params=params),
        inventory=InventorySource(
            type=InventoryType.TERRAFORM_WORKSPACE, inventory="default"
        ),
        state=StateBackend(port=1, socket="/s", alias="alias", password="hidden"),
    )
    given = specification(made, options("/s")).steps
    return [step for step in given if not step.name.startswith("repository")]


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


class DecisionTests(SynchronousTestCase):
    """The records of ``init`` count, and no text of the code."""

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

    def record(self, kind: str, place: str = ".terraform") -> None:
        """Write the record of ``init`` for a backend."""
        backend = {"type": kind, "config": {"x": '"backend":{"type":"s3"'}}
        whole = {"version": 3, "backend": backend}
        self.write(f"{place}/terraform.tfstate", json.dumps(whole, indent=4))

    def run_step(
        self, step: Step, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run *step* in the directory of the code."""
        argv = [word.replace("{workspace}", str(self.workspace)) for word in step.argv]
        return subprocess.run(
            argv,
            cwd=self.code,
            env={"PATH": "/usr/bin:/bin", **environ},
            input=(step.stdin or b"").decode(),
            check=False,
            capture_output=True,
            text=True,
        )

    def decide(self, app: str = "terraform", **environ: str) -> str:
        """Decide, and return the line of the log."""
        ended = self.run_step(named("backend", app), **environ)
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
