"""Terraform for real: variables, plan, approval and apply under the supervisor."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import InventorySource, JobOrder
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.plan_summary import summarize
from semaphore_twisted.model.plans import PlanSummary
from semaphore_twisted.model.results import PlanMade
from tests.support.approvals import asked, confirm, reject
from tests.support.execution import JobCase, Ran, run
from tests.support.gitserver import Repository
from tests.support.orders import order, task, template
from tests.support.product import Product
from tests.support.terraform import NEWEST, OLDEST, install

NASTY = "a{{ b }} $x ${y} %{z} $${q} `id` 'q' \"d\" \\ \n é 😀 {workspace} {pipe:plan}"
SECRET = 'quite-secret "${x}" \n end'

CODE = """
variable "text" {}
variable "word" {}
variable "count_of" { type = number }
variable "names" { type = list(string) }
output "hash_of_text" { value = sha256(var.text) }
output "hash_of_word" { value = sha256(var.word) }
output "sum" { value = var.count_of + length(var.names) }
output "name" { value = terraform.workspace }
output "word" {
  value     = var.word
  sensitive = true
}
"""


class TerraformTests(JobCase):
    """The promises hold for the oldest supported release and for that on PATH."""

    path: str
    upstream: Repository

    def releases(self) -> Iterator[None]:
        """Use each release that is installed, with an empty repository.

        :raises SkipTest: if none is.
        """
        missing = []
        for release in (OLDEST, NEWEST):
            try:
                self.path = install(release, self.folder / "programs" / release)
            except SkipTest as reason:
                missing.append(str(reason))
            else:
                self.upstream = self.repository(release)
                yield
        if len(missing) == 2:
            raise SkipTest("; ".join(missing))

    def order(self, code: str, *, at: str = "", **params: Any) -> JobOrder:
        """Return an order that runs *code*, in the directory *at* of a repository."""
        self.upstream.commit({f"{at}/main.tf".lstrip("/"): code})
        return replace(
            order(str(self.upstream.folder)),
            template=template(app="terraform", playbook=at, task_params=params),
        )

    def finish(
        self,
        changed: JobOrder,
        meanwhile: Callable[[Path], None] = lambda _: None,
    ) -> Ran:
        """Run *changed* to its end."""
        made = specification(changed, replace(self.options, search_path=self.path))
        return run(made, meanwhile=meanwhile)

    def summary(self, ran: Ran) -> PlanSummary:
        """Return the plan that a job has told."""
        (found,) = (e.what.document for e in ran.events if isinstance(e.what, PlanMade))
        return summarize(found)

    def look(self, folder: Path) -> None:
        """Look for the secret in files and arguments while the plan waits; approve."""
        asked(folder)
        seen = 0
        for path in (*self.folder.rglob("*"), *Path("/proc").glob("[0-9]*/cmdline")):
            try:
                content = path.read_bytes() if path.is_file() else b""
            except OSError:  # it is gone, or a socket
                continue
            self.assertNotIn(b"quite-secret", content, str(path))
            seen += 1
        self.assertGreater(seen, 20)
        confirm(folder)

    def test_applied(self) -> None:
        """Variables arrive exactly; secrets are in no file while the plan waits."""
        for _ in self.releases():
            changed = replace(
                self.order(CODE, at="live/web"),
                variables={"text": NASTY},
                answers={"count_of": 40, "names": ["a", "b"]},
                secret_answers={"word": SECRET},
                inventory=InventorySource(
                    type=InventoryType.TERRAFORM_WORKSPACE, inventory="blue"
                ),
            )
            ran = self.finish(changed, self.look)
            self.assertEqual((ran.status, ran.reason), ("success", ""), ran.log[-4000:])
            self.assertNotIn("quite-secret", ran.log)
            for value in (NASTY, SECRET):
                self.assertIn(sha256(value.encode()).hexdigest(), ran.log)
            self.assertRegex(ran.log, r"sum = \S*42")
            self.assertRegex(ran.log, r'name = \S*"blue"')
            summary = self.summary(ran)
            self.assertTrue(summary.complete, summary.problem)
            outputs = {each.name: each for each in summary.outputs}
            self.assertEqual(outputs["sum"].after, "42")
            self.assertEqual(
                (outputs["word"].sensitive, outputs["word"].after), (True, None)
            )

    def test_rejected(self) -> None:
        """A rejected plan changes nothing."""
        for _ in self.releases():
            ran = self.finish(self.order('output "a" { value = "b" }'), reject)
            self.assertEqual((ran.status, ran.step), ("error", "approval"))
            self.assertNotIn("Apply complete", ran.log)

    def test_no_changes(self) -> None:
        """Without changes the task succeeds, and does not wait."""
        for _ in self.releases():
            ran = self.finish(self.order("locals {}\n"))
            self.assertEqual(ran.status, "success", ran.log[-4000:])
            self.assertIn("No changes.", ran.log)
            self.assertEqual(self.summary(ran), PlanSummary())

    def test_plan_only(self) -> None:
        """A run that only plans applies nothing, and needs no approval."""
        for _ in self.releases():
            changed = self.order('output "a" { value = "b" }')
            asking = task(params={"plan": True})
            ran = self.finish(replace(changed, task=asking))
            self.assertEqual(ran.status, "success", ran.log[-4000:])
            self.assertNotIn("Apply complete", ran.log)
            self.assertEqual(len(self.summary(ran).outputs), 1)

    def test_auto_approve(self) -> None:
        """With auto_approve the plan is applied at once."""
        for _ in self.releases():
            ran = self.finish(
                self.order('output "a" { value = "b" }', auto_approve=True)
            )
            self.assertEqual(ran.status, "success", ran.log[-4000:])
            self.assertIn("Apply complete", ran.log)

    def test_destroy(self) -> None:
        """The content of the state is destroyed, here of one in the repository."""
        for _ in self.releases():
            state = (
                '{"version":4,"terraform_version":"0.15.0","serial":3,"lineage":"x",'
                '"outputs":{"a":{"value":"b","type":"string"}},"resources":[]}'
            )
            self.upstream.commit({"terraform.tfstate": state})
            changed = self.order('output "a" { value = "b" }', destroy=True)
            ran = self.finish(changed, confirm)
            self.assertEqual(ran.status, "success", ran.log[-4000:])
            (output,) = self.summary(ran).outputs
            self.assertEqual((output.name, output.action), ("a", "delete"))

    def test_failures(self) -> None:
        """An error of any phase is the reason of the task."""
        for _ in self.releases():
            ran = self.finish(self.order("output {"))
            self.assertEqual((ran.status, ran.step), ("error", "init"), ran.log[-4000:])
            ran = self.finish(
                self.order('variable "v" {}\noutput "a" { value = var.v }')
            )
            self.assertEqual((ran.status, ran.step), ("error", "plan"), ran.log[-4000:])
            missing = replace(self.order(""), task=task(playbook="nowhere"))
            ran = self.finish(missing)
            self.assertIn("The directory nowhere is not in the repository", ran.log)


class ServerTests(SynchronousTestCase):
    """A template of the API, from its creation to the approval."""

    @override
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            path = install(NEWEST, self.folder / "programs")
        except SkipTest:
            path = install(OLDEST, self.folder / "programs")
        self.folder.chmod(0o755)
        self.product = Product(self.folder / "state", is_warm=True)
        self.product.environ["PATH"] = f"{path}:{self.product.environ['PATH']}"
        self.product.start()
        self.addCleanup(self.product.stop)
        self.product.log_in()

    def test_approval(self) -> None:
        """The plan waits, also while the server restarts; approval applies it."""
        product = self.product
        project, template = product.script(self.folder / "files", "terraform", "")
        path = f"/project/{project}"
        stored = product.api("GET", f"{path}/templates/{template}")
        self.assertEqual((stored["app"], stored["playbook"]), ("terraform", "script"))
        work = Repository(self.folder / "code")
        work.commit({"main.tf": 'variable "v" {}\noutput "o" { value = var.v }\n'})
        repository = product.api("GET", f"{path}/repositories")[0]
        product.api(
            "PUT",
            f"{path}/repositories/{repository['id']}",
            {**repository, "git_url": f"file://{work.folder}"},
        )
        stored |= {"playbook": "", "survey_vars": [{"name": "v", "type": "secret"}]}
        product.api("PUT", f"{path}/templates/{template}", stored)
        first, second = (
            product.run(project, template, secret=f'{{"v": "the-secret {number}"}}')
            for number in range(2)
        )
        product.wait(project, first, "waiting_confirmation")
        self.assertEqual(product.status(project, second), "waiting")
        product.kill()
        product.start()
        self.assertEqual(product.status(project, first), "waiting_confirmation")
        plan = product.api("GET", f"{path}/tasks/{first}/plan")
        self.assertEqual([each["name"] for each in plan["outputs"]], ["o"])
        self.assertIsNone(plan["decision"])
        self.assertNotIn("the-secret", json.dumps(plan))
        product.api("POST", f"{path}/tasks/{first}/confirm", {"comment": "Fine"})
        self.assertEqual(product.wait(project, first), "success")
        log = "\n".join(product.output(project, first))
        self.assertIn("Apply complete", log)
        self.assertNotIn("the-secret", log)
        decision = product.api("GET", f"{path}/tasks/{first}/plan")["decision"]
        self.assertEqual((decision["approved"], decision["comment"]), (True, "Fine"))
        again = product.call("POST", f"/api{path}/tasks/{first}/confirm")
        self.assertEqual(again.status, 409, again.content)
        product.wait(project, second, "waiting_confirmation")
        product.api("POST", f"{path}/tasks/{second}/reject")
        self.assertEqual(product.wait(project, second), "error")
        stages = product.api("GET", f"{path}/tasks/{second}/stages")
        self.assertEqual(
            [each["type"] for each in stages if each["type"] != "cleanup"],
            ["checkout", "init", "plan", "approval"],
        )
