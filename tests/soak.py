"""Long trials, run by ``tests/run --soak`` only (the name keeps trial from them)."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from tests.integration import test_api_document, test_hostile_run
from tests.support.cases import ProductTestCase
from tests.support.kept_client import KeptClient

#: Tasks that run at a time, and the short ones that wait beside the chatty one.
PARALLEL, SHORT = 5, 200

#: Seconds within which a task must start while there is room.
LONGEST_WAIT = 60.0

CHATTY = """\
for number in range(300_000):
    print(f"chatty {number}")
"""


#: Writes numbered lines until the second ``end``, with pauses.
CHATTY_SHELL = """\
number=0
while [ $SECONDS -lt $end ]; do
    number=$((number + 1))
    echo "chatty $number"
    [ $((number % 50)) != 0 ] || sleep 0.05
done
"""


class QueueSoak(ProductTestCase):
    """A chatty task and many short ones."""

    config = {"max_parallel_tasks": PARALLEL}  # noqa: RUF012 - one value for the class

    def template_named(self, project: int, repo: int, app: str, number: int) -> int:
        """Make a template with a name of its own."""
        file = "chatty.py" if app == "python" else "short.sh"
        return self.product.create(
            project,
            "templates",
            name=f"{app} {number}",
            app=app,
            playbook=file,
            repository_id=repo,
        )

    def test_queue(self) -> None:
        """After 300,000 lines of one task no other waits, and none is lost."""
        files = {"chatty.py": CHATTY, "short.sh": "echo short\n"}
        project, repo = self.project(files)
        chatty = self.product.run(
            project, self.template_named(project, repo, "python", 0)
        )
        templates = [
            self.template_named(project, repo, "bash", number) for number in range(10)
        ]
        tasks = [self.product.run(project, templates[n % 10]) for n in range(SHORT)]
        began = time.monotonic()
        for task in (chatty, *tasks):
            self.assertEqual(self.product.wait(project, task, timeout=600), "success")
        print(f"{SHORT} tasks beside 300,000 lines: {time.monotonic() - began:.0f} s")
        chat = [
            line
            for line in self.product.output(project, chatty)
            if line.startswith("chatty ")
        ]
        self.assertEqual(chat, [f"chatty {number}" for number in range(300_000)])
        rows = self.product.api("GET", f"/project/{project}/tasks")
        self.check_waits([row for row in rows if row["id"] in tasks])

    def check_waits(self, rows: list[dict[str, Any]]) -> None:
        """Check that a task starts soon after the one before it in its template."""
        by_template: dict[int, list[dict[str, Any]]] = {}
        for row in sorted(rows, key=lambda row: int(row["id"])):
            by_template.setdefault(row["template_id"], []).append(row)
        for queue in by_template.values():
            for before, after in pairwise(queue):
                ended = datetime.fromisoformat(before["end"])
                waited = datetime.fromisoformat(after["start"]) - ended
                self.assertLess(waited.total_seconds(), LONGEST_WAIT)


class MemorySoak(ProductTestCase):
    """The server after many tasks."""

    def figures(self) -> tuple[float, int]:
        """Return the server's resident memory in MB, and its open files."""
        assert self.product.process is not None
        folder = Path(f"/proc/{self.product.process.pid}")
        (line,) = [
            each
            for each in (folder / "status").read_text().splitlines()
            if each.startswith("VmRSS:")
        ]
        return int(line.split()[1]) / 1024, len(list((folder / "fd").iterdir()))

    def test_memory(self) -> None:
        """2,000 tasks of 1,000 lines leave no memory and no open file behind."""
        project, repo = self.project({"many.sh": "seq 1000\n"})
        template = self.template(
            project, repo, "bash", "many.sh", allow_parallel_tasks=True
        )

        def tasks(count: int) -> None:
            for _ in range(count // 20):
                started = [self.product.run(project, template) for _ in range(20)]
                for task in started:
                    self.assertEqual(self.product.wait(project, task), "success")

        tasks(100)
        memory, files = self.figures()
        tasks(1900)
        time.sleep(2)
        memory_then, files_then = self.figures()
        print(f"memory {memory:.0f} to {memory_then:.0f} MB, files {files_then}")
        self.assertLess(memory_then - memory, 50)
        self.assertLessEqual(files_then, files + 5)


class WriterSoak(ProductTestCase):
    """Tasks with much output beside many clients that change settings."""

    TASKS, WRITERS, SECONDS = 10, 50, 60.0
    config = {"max_parallel_tasks": TASKS}  # noqa: RUF012 - one value for the class

    def write(self, path: str, number: int, until: float) -> list[int]:
        """Change a variable group again and again; return each status."""
        body = {"id": number, "name": f"Group {number}", "json": "{}", "env": "{}"}
        client = KeptClient(self.product)
        found: list[int] = []
        while time.monotonic() < until:
            body["json"] = json.dumps({"written": len(found)})
            status, _ = client.call("PUT", f"/api{path}/{number}", body)
            found.append(status)
        return found

    def test_writers(self) -> None:
        """No change is refused, and no line of a task is lost."""
        script = f"end=$((SECONDS + {self.SECONDS:.0f}))\n" + CHATTY_SHELL
        project, repo = self.project({"chatty.sh": script})
        template = self.template(
            project, repo, "bash", "chatty.sh", allow_parallel_tasks=True
        )
        tasks = [self.product.run(project, template) for _ in range(self.TASKS)]
        path = f"/project/{project}/environment"
        groups = [
            self.product.create(project, "environment", name=f"{n}", json="{}")
            for n in range(self.WRITERS)
        ]
        until = time.monotonic() + self.SECONDS
        with ThreadPoolExecutor(self.WRITERS) as pool:
            answers = pool.map(partial(self.write, path, until=until), groups)
            statuses = Counter(chain.from_iterable(answers))
        print(f"{self.WRITERS} writers: {dict(statuses)}")
        self.assertEqual(set(statuses), {204})
        self.assertGreater(statuses[204], 10 * self.WRITERS)
        for task in tasks:
            self.assertEqual(self.product.wait(project, task, timeout=300), "success")
            said = [
                int(line.removeprefix("chatty "))
                for line in self.product.output(project, task)
                if line.startswith("chatty ")
            ]
            self.assertGreater(len(said), 1_000)
            self.assertEqual(said, list(range(1, len(said) + 1)))


class HostileSoak(test_hostile_run.HostileRunTests):
    """The hostile run, for five minutes."""

    SECONDS = 300.0


class ApiDocumentSoak(test_api_document.ApiDocumentTests):
    """Ten thousand generated requests."""

    REQUESTS = 10_000
    SECONDS = 3600.0
