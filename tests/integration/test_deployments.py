"""Builds and their deployments, on a running server, by the command line."""

import json

from tests.support.cases import ProductTestCase

DEPLOY = 'echo "brings <$SEMAPHORE_TASK_INCOMING_VERSION>"\n'


class DeploymentTests(ProductTestCase):
    """A template that builds, and one that deploys."""

    def test_command(self) -> None:
        """A build that succeeded is deployed, one that failed is not."""
        files = {"build": "exit ${1:-0}\n", "deploy": DEPLOY}
        project, repo = self.project(files)
        build = self.template(
            project,
            repo,
            "bash",
            "build",
            type="build",
            start_version="2.0.9",
            allow_override_args_in_task=True,
        )
        deploy = self.template(
            project, repo, "bash", "deploy", type="deploy", build_template_id=build
        )
        numbers = []
        for words, wanted in (([], "success"), (["1"], "error")):
            task = self.product.run(project, build, arguments=json.dumps(words))
            self.assertEqual(self.product.wait(project, task), wanted)
            numbers.append(task)
        good, bad = numbers
        run = ("task", "run", "-p", "Test", "-t", str(deploy), "--follow")
        done = self.semaphore(*run, "--build", str(good))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("brings <2.0.9>", done.stdout)
        done = self.semaphore(*run, "--build", str(bad))
        self.assertEqual(done.returncode, 4)
        self.assertIn(f"Task {bad} cannot be deployed", done.stderr)

    def test_empty_limit(self) -> None:
        """A limit that is empty is refused: it would be every host."""
        project, repo = self.project({"x": "true\n"})
        template = self.template(project, repo, "bash", "x")
        run = ("task", "run", "-p", "Test", "-t", str(template))
        for empty in ("", " ", ","):
            done = self.semaphore(*run, "--limit", empty)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("--limit: invalid value", done.stderr)
        self.assertEqual(self.product.api("GET", f"/project/{project}/tasks"), [])
