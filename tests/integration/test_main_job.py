"""The main job, end to end, as a user does it: HTTPS, the websocket, the commands."""

import random
import time

from tests.support.cases import ProductTestCase, SharedProductTestCase
from tests.support.product import processes
from tests.support.repository import commit

#: Prints its numbered lines in some two seconds.
COUNTING = """\
import sys, time
for number in range(1, 2001):
    print(f"line {number}", flush=True)
    if number % 20 == 0:
        time.sleep(0.02)
"""


class DemoTests(ProductTestCase):
    """The demo project, as a new user sees it."""

    arguments = ("--demo",)

    def test_ansible(self) -> None:
        """The demo's playbook succeeds, with one log from API, socket and command."""
        product = self.product
        (project,) = [
            each["id"]
            for each in product.api("GET", "/projects")
            if each["name"] == "Demo"
        ]
        templates = product.api("GET", f"/project/{project}/templates")
        self.assertEqual(len({each["name"] for each in templates}), 3)
        (template,) = [each for each in templates if each["app"] == "ansible"]
        socket = product.websocket()
        task = product.run(project, template["id"])
        messages = socket.until_final(task)
        socket.close()
        self.assertEqual(product.wait(project, task), "success")
        live = [each["output"] for each in messages if each["type"] == "log"]
        self.assertEqual(live, product.output(project, task))
        self.assertTrue(any("PLAY RECAP" in line for line in live))
        self.assertEqual(messages[-1]["status"], "success")

        followed = self.semaphore(
            *("task", "run", "--project", "Demo"),
            *("--template", template["name"], "--follow"),
        )
        self.assertEqual(followed.returncode, 0, followed.stderr)
        newest = product.api("GET", f"/project/{project}/tasks/last?limit=1")[0]["id"]
        self.assertEqual(followed.stdout.splitlines(), product.output(project, newest))

    def test_failing(self) -> None:
        """The demo's failing script ends as an error, which the command reports."""
        product = self.product
        (project,) = [each["id"] for each in product.api("GET", "/projects")]
        outcomes = {}
        for template in product.api("GET", f"/project/{project}/templates"):
            if template["app"] == "bash":
                done = self.semaphore(
                    *("task", "run", "--project", "Demo", "--follow"),
                    *("--template", template["name"]),
                )
                outcomes[template["name"]] = done.returncode
        self.assertEqual(sorted(outcomes.values()), [0, 1])

    def test_twice(self) -> None:
        """Starting with ``--demo`` again adds nothing."""
        self.product.stop()
        self.product.start()
        self.assertEqual(len(self.product.api("GET", "/projects")), 1)


class RunTests(SharedProductTestCase):
    """A script of a repository is run."""

    def test_commit(self) -> None:
        """The last pushed commit is run and reported."""
        project, repo = self.project({"say.sh": "echo first\n"})
        template = self.template(project, repo, "bash", "say.sh")
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        pushed = commit(self.git, {"say.sh": "echo second\n"})
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        self.assertIn("second", self.product.output(project, task))
        told = self.product.api("GET", f"/project/{project}/tasks/{task}")
        self.assertEqual(told["commit_hash"], pushed)

    def test_demo(self) -> None:
        """A demo project that is made later runs, without a start with ``--demo``."""
        product = self.product
        for name in ("First", "Second"):
            made = product.api("POST", "/projects", {"name": name, "demo": True})
            base = f"/project/{made['id']}"
            (template,) = [
                each["id"]
                for each in product.api("GET", f"{base}/templates")
                if each["playbook"] == "disk-usage.sh"
            ]
            task = product.run(made["id"], template)
            self.assertEqual(product.wait(made["id"], task), "success")

    def test_again(self) -> None:
        """A task that is sent again as it was read runs its own commit again."""
        project, repo = self.project({"say.sh": "echo first\n"})
        template = self.template(project, repo, "bash", "say.sh")
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        told = self.product.api("GET", f"/project/{project}/tasks/{task}")
        commit(self.git, {"say.sh": "echo second\n"})
        again = self.product.api("POST", f"/project/{project}/tasks", told)["id"]
        self.assertEqual(self.product.wait(project, again), "success")
        self.assertIn("first", self.product.output(project, again))
        self.assertNotIn("second", self.product.output(project, again))
        newest = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, newest), "success")
        self.assertIn("second", self.product.output(project, newest))

    def test_odd_text(self) -> None:
        """Text of any language and invalid bytes are kept."""
        odd = b"\xc3\xa9 \xff \xf0\x9f\x98\x80\n"
        script = f"import sys\nsys.stdout.buffer.write({odd!r})\n"
        project, repo = self.project({"odd.py": script})
        template = self.template(project, repo, "python", "odd.py")
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        self.assertIn("é \ufffd 😀", self.product.output(project, task))

    def test_stop(self) -> None:
        """A stop ends all processes of the job, in sessions of their own too."""
        script = (
            "setsid bash -c 'trap \"\" TERM; sleep 3141' &\n"
            "(trap '' TERM; sleep 3142) &\n"
            "sleep 3143\n"
        )
        project, repo = self.project({"tree.sh": script})
        template = self.template(project, repo, "bash", "tree.sh")
        task = self.product.run(project, template)

        def sleepers() -> list[bytes]:
            return [
                arguments
                for _, arguments, _ in processes()
                if arguments.startswith(b"sleep\x00314")
            ]

        deadline = time.monotonic() + 30
        while len(sleepers()) < 3:
            self.assertLess(time.monotonic(), deadline, "the script did not start")
            time.sleep(0.05)
        self.product.api("POST", f"/project/{project}/tasks/{task}/stop")
        self.assertEqual(self.product.wait(project, task, timeout=15), "stopped")
        self.assertEqual(sleepers(), [])

    def test_nosy_job(self) -> None:
        """A job's environment holds no secret of the server."""
        project, repo = self.project({"env.sh": "env\n"})
        template = self.template(project, repo, "bash", "env.sh")
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task), "success")
        text = "\n".join(self.product.output(project, task))
        self.assertNotIn("SEMAPHORE_ADMIN", text)
        self.assertNotIn("ENCRYPTION", text)


class LimitTests(ProductTestCase):
    """A server with a time limit for jobs."""

    config = {"max_task_duration_sec": 2}  # noqa: RUF012 - one value for the class

    def test_time_limit(self) -> None:
        """A job over the time limit ends as an error with that reason."""
        project, repo = self.project({"long.sh": "sleep 60\n"})
        template = self.template(project, repo, "bash", "long.sh")
        task = self.product.run(project, template)
        self.assertEqual(self.product.wait(project, task, timeout=15), "error")
        self.assertIn("time limit", "\n".join(self.product.output(project, task)))


class KillTests(ProductTestCase):
    """The server ends at the worst moments."""

    def test_kills(self) -> None:
        """Log and status of a job are right after three ``kill -9`` of the server."""
        project, repo = self.project({"count.py": COUNTING})
        template = self.template(project, repo, "python", "count.py")
        dice = random.Random(20)
        wanted = [f"line {number}" for number in range(1, 2001)]
        for round_ in range(4):
            task = self.product.run(project, template)
            for _ in range(3):
                time.sleep(dice.uniform(0, 0.8))
                self.product.kill()
                self.product.start()
            status = self.product.wait(project, task)
            lines = self.product.output(project, task)
            counted = [line for line in lines if line.startswith("line ")]
            self.assertEqual((status, counted), ("success", wanted), f"round {round_}")

    def test_waiting_task_starts(self) -> None:
        """A task that waited when the server was killed starts afterwards."""
        project, repo = self.project({"slow.sh": "sleep 2\n"})
        template = self.template(project, repo, "bash", "slow.sh")
        tasks = [self.product.run(project, template) for _ in range(2)]
        self.product.kill()
        self.product.start()
        for task in tasks:
            self.assertEqual(self.product.wait(project, task), "success")
