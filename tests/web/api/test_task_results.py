"""Tests of the routes of stages, hosts, errors, sections and the summary of a task."""

from datetime import UTC, datetime, timedelta
from typing import Any

from semaphore_twisted.model.plans import PlanAttribute, PlanChange, PlanSummary
from semaphore_twisted.model.results import (
    HandlerBegun,
    HostFailed,
    HostsCounted,
    JobEvent,
    PlayBegun,
    Report,
    ReportsDropped,
    RunBegun,
    RunEnded,
    StepBegun,
    TaskBegun,
    TaskDone,
)
from semaphore_twisted.model.tasks import TaskEnd, TaskEvent, TaskStatus
from semaphore_twisted.operations.tasks import output, plans, task_lifecycle
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.result_tables import task_approval
from tests.support.memory import BEGINNING, actor_of, make_project, make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_keyring, make_task, make_template

START = BEGINNING.timestamp()
ROUTES = (
    *("/stages", "/summary", "/inventory"),
    *("/ansible/hosts", "/ansible/errors", "/ansible/sections"),
)
#: A run: each line of the log, or the event after it.
RUN: tuple[str | StepBegun | Report, ...] = (
    *(StepBegun("repository fetch"), "Cloning", StepBegun("playbook"), RunBegun(2)),
    *("PLAY [web] *", PlayBegun(1, "web", 1), "TASK [one] *", TaskBegun(2, "one")),
    *("ok: [a]", "fatal: [b]: FAILED! => no"),
    HostFailed(2, "b", "failed", ignored=False, message="rescued later"),
    TaskDone(2, 1, 1, 1, 0, 0, 0),
    *("RUNNING HANDLER [two] *", HandlerBegun(3, "two")),
    *("fatal: [a]: FAILED!", HostFailed(3, "a", "failed", ignored=True, message="x")),
    *("fatal: [c]: UNREACHABLE!",),
    HostFailed(3, "c", "unreachable", ignored=False, message="timed out"),
    *("fatal: [b]: FAILED!", HostFailed(3, "b", "failed", ignored=False, message="y")),
    TaskDone(3, 1, 0, 1, 2, 1, 1),
    HostsCounted(
        (
            ("a", 2, 1, 0, 0, 0, 1, 0),
            ("b", 0, 0, 0, 0, 0, 0, 2),
            ("c", 0, 0, 0, 0, 1, 0, 0),
        )
    ),
    *("PLAY [db] *", PlayBegun(4, "db", 2), RunEnded(0), ReportsDropped(3)),
)


class TaskResultsTestCase(ResourceTestCase):
    """A task of the project."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        template = make_template(self.conn, self.project)
        self.task = make_task(
            self.conn, self.project, template, status=TaskStatus.RUNNING
        )
        self.place = f"{self.base}/tasks/{self.task}"

    def run_through(self, *given: str | StepBegun | Report) -> None:
        """Store lines and events, one second after the other."""
        lines = [each for each in given if isinstance(each, str)]
        events: list[JobEvent] = []
        count = 0
        for number, each in enumerate(given):
            if isinstance(each, str):
                count += 1
            else:
                # an event belongs to the line before it, a step to the next one
                line = count + isinstance(each, StepBegun)
                events.append(JobEvent(line, START + number, each))
        timed = [(START, text) for text in lines]
        output.append(self.conn, self.task, timed, offset=1, events=events)

    def finish(self, happening: TaskEvent, **end: Any) -> None:
        """End the task."""
        end.setdefault("ended", BEGINNING + timedelta(minutes=1))
        task_lifecycle.finish(
            self.conn, make_keyring(), self.task, happening, end=TaskEnd(**end)
        )

    def get(self, path: str) -> Any:
        """Return the answer to a GET below the task."""
        answer = self.client.get(f"{self.place}{path}")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json


class PlanTests(TaskResultsTestCase):
    """The plan of a task."""

    def test_none(self) -> None:
        """A task without a plan has none."""
        self.assertEqual(self.client.get(f"{self.place}/plan").status, 404)

    def test_plan(self) -> None:
        """Members read the plan, and who decided about it; others do not."""
        address = PlanAttribute(path="tags[0]", after='"a"')
        change = PlanChange(
            address="a.b", type="a", action="create", attributes=(address,), unchanged=2
        )
        summary = PlanSummary(add=1, unchanged=27, changes=(change,))
        plans.store(self.conn, self.task, summary)
        answer = self.site.as_user(self.user).get(f"{self.place}/plan")
        attribute = {"path": "tags[0]", "before": None, "after": '"a"'}
        marks = dict.fromkeys(("sensitive", "unknown", "forces", "shortened"), False)
        self.assertEqual(
            answer.json,
            {
                "add": 1,
                "change": 0,
                "destroy": 0,
                "unchanged": 27,
                "serial": None,
                "own_backend": False,
                "complete": True,
                "problem": "",
                "outputs": [],
                "changes": [
                    {
                        "address": "a.b",
                        "type": "a",
                        "action": "create",
                        "reason": "",
                        "previous_address": "",
                        "imported": False,
                        "attributes": [{**attribute, **marks}],
                        "unchanged": 2,
                        "omitted": 0,
                    }
                ],
                "decision": None,
                "moved_to": None,
                "until": None,
            },
        )
        until = datetime(2026, 1, 3, tzinfo=UTC)
        self.conn.insert(task_approval, task_id=self.task, token="x", until=until)
        self.assertIsNone(self.get("/plan")["until"])
        waits = TaskStatus.WAITING_CONFIRMATION
        self.conn.update(schema.task, self.task, status=waits)
        self.assertEqual(self.get("/plan")["until"], "2026-01-03T00:00:00Z")
        actor = actor_of(self.user, self.project)
        plans.decide(self.conn, actor, self.task, approved=True, comment="looks fine")
        answer = self.guest().get(f"{self.place}/plan")
        self.assertIsNone(answer.json["until"])
        self.assertEqual(
            answer.json["decision"],
            {
                "approved": True,
                "user_id": self.user.id,
                "comment": "looks fine",
                "user_name": self.user.name,
                "at": "2026-01-02T03:04:05Z",
            },
        )
        stranger = self.site.as_user(make_user(self.conn, "stranger"))
        self.assertEqual(stranger.get(f"{self.place}/plan").status, 404)
        base = f"/api/project/{self.other.id}"
        foreign = self.client.get(f"{base}/tasks/{self.task}/plan")
        self.assertEqual(foreign.status, 404)


class AnswerTests(TaskResultsTestCase):
    """Their shapes."""

    def test_nothing(self) -> None:
        """A task that has reported nothing has empty lists."""
        none = {"inventory_id": None, "recorded": False}
        empty = {"progress": None, "failure": None, "dropped_reports": 0}
        self.assertEqual(
            [self.get(each) for each in ROUTES], [[], empty, none, [], [], []]
        )

    def test_stages(self) -> None:
        """A stage has its times and lines, with null for what is not known yet."""
        self.run_through(*RUN)
        first, second = self.get("/stages")
        self.assertEqual(
            first,
            {
                "id": 1,
                "task_id": self.task,
                "type": "checkout",
                "start": "2026-01-02T03:04:05Z",
                "end": "2026-01-02T03:04:07Z",
                "start_output_id": 1,
                "end_output_id": 1,
                "result": "success",
            },
        )
        self.assertEqual((second["end"], second["end_output_id"]), (None, None))
        self.finish(TaskEvent.FAILED, step="playbook", reason="exit status 2")
        second = self.get("/stages")[1]
        self.assertEqual((second["result"], second["end_output_id"]), ("error", 10))

    def test_hosts(self) -> None:
        """A host has Semaphore's counters, and the line of its first error."""
        self.run_through(*RUN)
        rows = self.get("/ansible/hosts")
        self.assertEqual(
            rows[0],
            {
                "task_id": self.task,
                "project_id": self.project.id,
                "host": "b",
                "ok": 0,
                "changed": 0,
                "failed": 0,
                "skipped": 0,
                "unreachable": 0,
                "ignored": 0,
                "rescued": 2,
                "line": 5,
            },
        )
        found = [(row["host"], row["unreachable"], row["line"]) for row in rows]
        self.assertEqual(found, [("b", 0, 5), ("c", 1, 8), ("a", 0, None)])

    def test_last_of_hosts(self) -> None:
        """An inventory tells what the last run that reached a host did there."""
        used = self.made("inventory", name="Hosts", type="static", inventory="a")["id"]
        self.conn.update(schema.task, self.task, inventory_id=used)
        path = f"{self.base}/inventory/{used}/results"
        self.assertEqual(self.client.get(path).json, [])
        self.run_through(*RUN)
        first = self.task
        # a later run, with the inventory of its template, reaches one host only
        template = make_template(self.conn, self.project, inventory_id=used)
        self.task = make_task(
            self.conn, self.project, template, status=TaskStatus.RUNNING
        )
        self.run_through(
            *(
                StepBegun("playbook"),
                RunBegun(1),
                HostsCounted((("c", 1, 0, 0, 0, 0, 0, 0),)),
            )
        )
        rows = self.client.get(path).json
        self.assertEqual(
            [(row["host"], row["result"], row["task_id"]) for row in rows],
            [("a", "changed", first), ("b", "ok", first), ("c", "ok", self.task)],
        )
        for client in (self.client, self.site.as_user(make_user(self.conn, "bob"))):
            path = f"/api/project/{self.other.id}/inventory/{used}/results"
            self.assertEqual(client.get(path).status, 404)

    def test_inventory(self) -> None:
        """A run belongs to the inventory that it used, not to its template's."""
        used, now = (
            self.made("inventory", name=name, type="static", inventory="a")["id"]
            for name in ("Used", "Now")
        )
        template = make_template(self.conn, self.project, inventory_id=used)
        self.task = make_task(
            self.conn, self.project, template, status=TaskStatus.STARTING
        )
        self.place = f"{self.base}/tasks/{self.task}"
        self.assertEqual(
            self.get("/inventory"), {"inventory_id": used, "recorded": False}
        )
        task_lifecycle.started(self.conn, self.task)
        self.conn.update(schema.template, template, inventory_id=now)
        self.run_through(*RUN)
        self.assertEqual(
            self.get("/inventory"), {"inventory_id": used, "recorded": True}
        )
        counts = [
            len(self.client.get(f"{self.base}/inventory/{each}/results").json)
            for each in (used, now)
        ]
        self.assertEqual(counts, [3, 0])
        # a run of an older release belongs to what its template has now
        self.conn.update(schema.task, self.task, used_inventory_id=None)
        self.assertEqual(
            self.get("/inventory"), {"inventory_id": now, "recorded": False}
        )
        found = self.client.get(f"{self.base}/inventory/{now}/results").json
        self.assertEqual(len(found), 3)

    def test_no_inventory(self) -> None:
        """A script needs none."""
        self.assertEqual(
            self.get("/inventory"), {"inventory_id": None, "recorded": False}
        )

    def test_errors(self) -> None:
        """An error has its play, task and line, and tells whether it was fatal."""
        self.run_through(*RUN)
        rows = self.get("/ansible/errors")
        self.assertEqual(
            rows[0],
            {
                "id": 1,
                "task_id": self.task,
                "project_id": self.project.id,
                "host": "b",
                "play": "web",
                "task": "one",
                "error": "rescued later",
                "kind": "failed",
                "fatal": False,
                "line": 5,
            },
        )
        self.assertEqual(
            [(row["host"], row["task"], row["fatal"]) for row in rows[1:]],
            [("a", "two", False), ("c", "two", True), ("b", "two", False)],
        )

    def test_sections(self) -> None:
        """Plays and tasks have their lines, times, counters and results."""
        self.run_through(*RUN)
        rows = self.get("/ansible/sections")
        self.assertEqual(
            rows[0],
            {
                "id": 1,
                "type": "play",
                "name": "web",
                "play": None,
                "start": "2026-01-02T03:04:10Z",
                "end": "2026-01-02T03:04:28Z",
                "line": 2,
                "ok": 2,
                "changed": 1,
                "failed": 2,
                "skipped": 2,
                "unreachable": 1,
                "ignored": 1,
                "result": "failed",
            },
        )
        self.assertEqual(
            [(row["type"], row["name"], row["play"], row["line"]) for row in rows[1:]],
            [("task", "one", 1, 3), ("handler", "two", 1, 6), ("play", "db", None, 10)],
        )

    def test_progress(self) -> None:
        """The summary has the progress, and the number of dropped reports."""
        self.run_through(*RUN)
        self.assertEqual(
            self.get("/summary"),
            {
                "progress": {
                    "play": 2,
                    "plays": 2,
                    "play_name": "db",
                    "task_name": "",
                },
                "failure": None,
                "dropped_reports": 3,
            },
        )


class FailureTests(TaskResultsTestCase):
    """Why a task failed, as one sentence."""

    def failure(self, **end: Any) -> Any:
        """End the task, and return why it failed."""
        self.finish(TaskEvent.FAILED, **end)
        return self.get("/summary")["failure"]

    def test_host(self) -> None:
        """The first error that made a host fail is the reason."""
        self.run_through(*RUN)
        self.assertEqual(
            self.failure(step="playbook", reason="exit status 4"),
            {
                "sentence": "c is unreachable: timed out",
                "stage": "playbook",
                "host": "c",
                "task": "two",
                "line": 8,
            },
        )

    def test_openings(self) -> None:
        """Words that each error of its kind begins with are left out."""
        said = "Task failed: Failed to connect to the host via ssh: ssh: refused"
        self.run_through(
            *(
                StepBegun("playbook"),
                RunBegun(1),
                "PLAY [web] *",
                PlayBegun(1, "web", 1),
            ),
            *("TASK [one] *", TaskBegun(2, "one"), "fatal: [c]: UNREACHABLE!"),
            HostFailed(2, "c", "unreachable", ignored=False, message=said),
            HostsCounted((("c", 0, 0, 0, 0, 1, 0, 0),)),
        )
        found = self.failure(step="playbook", reason="exit status 4")
        self.assertEqual(found["sentence"], "c is unreachable: refused")

    def test_other_hosts(self) -> None:
        """The sentence says how many more hosts failed."""
        failed = HostFailed(2, "b", "failed", ignored=False, message="no")
        rows = tuple((each, 0, 0, 1, 0, 0, 0, 0) for each in "abc")
        begun = (StepBegun("playbook"), PlayBegun(1, "p", 1), TaskBegun(2, "try"))
        self.run_through("x", *begun, failed, HostsCounted(rows))
        found = self.failure(step="playbook", reason="exit status 2")
        self.assertEqual(found["sentence"], "b failed: try: no (and 2 more hosts)")

    def test_checkout(self) -> None:
        """An error of a step of the server has the step's sentence, and git's line."""
        self.run_through(
            *("Started", StepBegun("repository fetch"), "Cloning Repository x"),
            *("fatal: 'x' does not appear to be a git repository", "Cannot be fetched"),
        )
        self.assertEqual(
            self.failure(step="repository fetch", reason="Cannot be fetched"),
            {
                "sentence": "Cannot be fetched",
                "stage": "checkout",
                "host": None,
                "task": None,
                "line": 3,
            },
        )

    def test_program(self) -> None:
        """An error of a program is quoted, without colors."""
        self.run_through(
            *(StepBegun("playbook"), "x", "x", "x"),
            *("\x1b[31mERROR! no such playbook\x1b[0m", "Running playbook failed"),
        )
        found = self.failure(step="playbook", reason="exit status 1")
        self.assertEqual(
            (found["sentence"], found["line"]),
            ("ERROR! no such playbook (exit status 1)", 4),
        )

    def test_end_of_a_long_log(self) -> None:
        """The error of a program with much output is sought at its end, too."""
        lines = ["x"] * 900 + ["Error: nothing left", "bye"]
        self.run_through(StepBegun("script"), *lines)
        found = self.failure(step="script", reason="exit status 1")
        self.assertEqual(found["line"], 901)

    def test_end_of_long_lines(self) -> None:
        """The end of a stage is read also if its lines are long."""
        for size in (300, 2_000, 50_000):
            with self.subTest(size=size):
                self.setUp()
                lines = ["x" * size] * 300
                self.run_through(StepBegun("script"), *lines, "Error: no room", "bye")
                found = self.failure(step="script", reason="exit status 1")
                self.assertEqual(found["line"], 301)

    def test_script_goes_on(self) -> None:
        """The command that was not found says more than the script's last line."""
        missing = "run.sh: line 2: helmfile: \x1b[1mcommand not found\x1b[0m"
        last = ("ERROR: deployment failed", "Running script failed: exit status 1")
        self.run_through(StepBegun("script"), "Deploying", missing, *last)
        found = self.failure(step="script", reason="exit status 1")
        self.assertEqual(
            (found["sentence"], found["line"]),
            ("run.sh: line 2: helmfile: command not found (exit status 1)", 2),
        )

    def test_first_lines(self) -> None:
        """An error at the begin of a long log counts if the end has none as good."""
        lines = ["Error: no state", *["x"] * 900, "make: *** [Makefile:2: x] Error 1"]
        self.run_through(StepBegun("script"), *lines)
        found = self.failure(step="script", reason="exit status 2")
        self.assertEqual(found["line"], 1)

    def test_frame(self) -> None:
        """What Terraform draws around an error is not quoted."""
        self.run_through(StepBegun("script"), "╷", "│ Error: Missing provider", "╵")
        found = self.failure(step="script", reason="exit status 1")
        self.assertEqual(found["sentence"], "Error: Missing provider (exit status 1)")

    def test_silent_program(self) -> None:
        """Without a line that names an error, it is the last line of the stage."""
        self.run_through(StepBegun("script"), "a", "b")
        found = self.failure(step="script", reason="exit status 1")
        self.assertEqual((found["sentence"], found["line"]), ("exit status 1", 2))

    def test_without_a_job(self) -> None:
        """A task that could not be prepared has the reason."""
        self.run_through("Failed to run task: no key")
        found = self.failure(reason="no key")
        self.assertEqual((found["sentence"], found["stage"]), ("no key", "preparation"))

    def test_success(self) -> None:
        """A task that has not failed has no failure, whatever was ignored."""
        self.run_through(*RUN)
        self.finish(TaskEvent.SUCCEEDED)
        self.assertIsNone(self.get("/summary")["failure"])


class RightsTests(TaskResultsTestCase):
    """Who may read them."""

    def test_other_projects(self) -> None:
        """A task of another project is not found below this one."""
        other = make_project(self.conn, make_user(self.conn, "eve"))
        task = make_task(self.conn, other, make_template(self.conn, other))
        for each in ROUTES:
            answer = self.client.get(f"{self.base}/tasks/{task}{each}")
            self.assertEqual(answer.status, 400, each)

    def test_long_lists(self) -> None:
        """A list that is longer than a batch is complete."""
        rows = tuple((f"{'h' * 300}{n}", 1, 0, 0, 0, 0, 0, 0) for n in range(2000))
        names = [TaskBegun(n, "n" * 300) for n in range(1, 2001)]
        self.run_through("x", HostsCounted(rows), *names)
        self.assertEqual(
            [len(self.get(f"/ansible/{each}")) for each in ("hosts", "sections")],
            [2000, 2000],
        )
