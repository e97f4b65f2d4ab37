"""Jobs that plan, wait for an approval and apply, under the real supervisor."""

import json
import os
import time
from pathlib import Path
from typing import Any

from semaphore_twisted.model.jobs import (
    File,
    JobIsolation,
    JobSpecification,
    Namespace,
    Step,
)
from semaphore_twisted.model.plan_summary import summarize
from semaphore_twisted.model.results import PlanMade
from tests.support.approvals import asked, confirm, order
from tests.support.execution import JobCase, Ran, run
from tests.support.namespaces import refusal

ENVIRON = {"PATH": "/usr/bin:/bin"}
PLAN = "{pipe:plan}"
#: A number that no account has.
USER = 1900000198


def shell(name: str, script: str, **fields: Any) -> Step:
    """Return a step whose script has the path of the plan in ``$1``."""
    argv = ("sh", "-c", script, name, *(fields.pop("words", ())))
    return Step(name=name, argv=argv, environ=ENVIRON, **fields)


def plan(script: str, **fields: Any) -> Step:
    """Return the step that writes the plan."""
    return shell("plan", script, words=(PLAN,), writes="plan", **fields)


def gate(seconds: float = 60) -> Step:
    """Return the step that waits for the approval."""
    return Step(name="approval", approval=seconds, applies=True)


def apply(script: str = 'echo "applied $(cat "$1")"', **fields: Any) -> Step:
    """Return the step that reads the plan."""
    return shell("apply", script, words=(PLAN,), reads="plan", applies=True, **fields)


class ApprovalCase(JobCase):
    """Runs steps as a job."""

    def job(self, *steps: Step, meanwhile: Any = lambda _: None, **fields: Any) -> Ran:
        """Run *steps* to their end."""
        made = JobSpecification(
            mark="m" * 32,
            spool=str(self.folder / "jobs" / "j"),
            workspace=str(self.folder / "workspaces" / "j"),
            steps=steps,
            **fields,
        )
        return run(made, meanwhile=meanwhile)


class DecisionTests(ApprovalCase):
    """Only the server decides, and only about what was asked."""

    def test_confirmed(self) -> None:
        """The approved plan is applied; the log and the stages tell what happened."""
        ran = self.job(plan('echo first >"$1"'), gate(), apply(), meanwhile=confirm)
        self.assertEqual((ran.status, ran.reason), ("success", ""))
        self.assertEqual(
            ran.lines, ["Waiting up to 1 minute for an approval", "applied first"]
        )

    def test_rejected(self) -> None:
        """Nothing is applied after a rejection; a later approval changes nothing."""

        def decide(folder: Path) -> None:
            token = asked(folder).token
            order(folder, f"reject {token}\nconfirm {token}")

        ran = self.job(plan('echo x >"$1"'), gate(), apply(), meanwhile=decide)
        self.assertEqual(
            (ran.status, ran.step, ran.reason),
            ("error", "approval", "The plan was rejected"),
        )
        self.assertNotIn("applied", ran.log)

    def test_other_orders(self) -> None:
        """An order without the token is no decision, nor one that came before."""
        control = self.folder / "jobs" / "j" / "control"

        def decide(folder: Path) -> None:
            token = asked(folder).token
            for text in (
                "confirm",
                "confirm x",
                f"reject {token}x",
                f"approve {token}",
            ):
                order(folder, text)
            time.sleep(0.1)
            order(folder, f"reject {token}")

        script = (
            'echo x >"$1"; python3 -c "import socket, time; s = socket.socket(1, 1); '
            f"s.connect('{control}'); s.sendall(b'confirm\\nconfirm {'0' * 32}\\n'); "
            'time.sleep(0.2)"'
        )
        ran = self.job(plan(script), gate(), apply(), meanwhile=decide)
        self.assertEqual(ran.reason, "The plan was rejected", ran.log)

    def test_too_late(self) -> None:
        """Without a decision the job fails, and says why."""
        ran = self.job(plan('echo x >"$1"'), gate(0.2), apply())
        self.assertEqual(
            (ran.status, ran.reason),
            ("error", "The plan was not approved within 0.2 seconds"),
        )

    def test_time_limit(self) -> None:
        """The time of waiting does not count for the time limit of the job."""

        def decide(folder: Path) -> None:
            asked(folder)
            time.sleep(1.2)
            confirm(folder)

        steps = (plan('echo x >"$1"'), gate())
        ran = self.job(*steps, apply(), meanwhile=decide, time_limit=1)
        self.assertEqual(ran.status, "success", ran.log)
        ran = self.job(*steps, apply("sleep 30"), meanwhile=confirm, time_limit=1)
        self.assertEqual(ran.reason, "time limit of 1 s")

    def test_stopped(self) -> None:
        """A stop ends a waiting job at once."""

        def stop(folder: Path) -> None:
            asked(folder)
            order(folder, "stop")

        ran = self.job(plan('echo x >"$1"'), gate(), apply(), meanwhile=stop)
        self.assertEqual(ran.status, "stopped")
        self.assertLess(ran.seconds, 5)


class PlanTests(ApprovalCase):
    """The applied plan is the one that was made."""

    def test_no_process_is_left(self) -> None:
        """A program that the plan left behind is ended before the approval."""
        script = (
            'echo good >"$1"; '
            "pid=$(sh -c 'setsid sleep 60 >/dev/null 2>&1 & echo $!'); "
            f"echo $pid >{self.folder}/pid"
        )

        def decide(folder: Path) -> None:
            token = asked(folder).token
            pid = (self.folder / "pid").read_text().strip()
            self.assertFalse(Path(f"/proc/{pid}").exists())
            order(folder, f"confirm {token}")

        ran = self.job(plan(script), gate(), apply(), meanwhile=decide)
        self.assertIn("applied good", ran.lines)

    def test_sealed(self) -> None:
        """Nothing changes the plan after it was made, not even its owner."""
        script = (
            '(echo bad >"$1") 2>&1; (echo bad >>"$1") 2>&1; '
            'truncate -s 0 "$1" 2>&1; echo "still $(cat "$1")"'
        )
        ran = self.job(plan('echo good >"$1"'), apply(script))
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("still good", ran.lines)
        self.assertIn("not permitted", ran.log)

    def test_background(self) -> None:
        """A program in the background, such as an agent, stays during the wait."""
        pid = self.folder / "pid"
        agent = shell("agent", f"echo $$ >{pid}; exec sleep 60", background=True)
        steps = (agent, plan('echo x >"$1"'), gate())
        seen = apply(f"kill -0 $(cat {pid}) && echo alive")
        ran = self.job(*steps, seen, meanwhile=confirm)
        self.assertIn("alive", ran.lines)

    def test_no_plan(self) -> None:
        """A program that succeeds without a plan is a failure."""
        ran = self.job(plan("true"), gate(), apply())
        self.assertEqual(ran.reason, "Running plan failed: it wrote no plan")

    def test_long_plan(self) -> None:
        """A plan that fills the memory is refused."""
        ran = self.job(plan('truncate -s 257M "$1"'), gate(), apply())
        self.assertIn("at most 268435456 are kept", ran.reason)

    def test_unchanged(self) -> None:
        """Without changes the job neither waits nor applies; other steps run."""
        ran = self.job(
            plan('echo x >"$1"', exits={"0": "unchanged"}),
            shell("show", "echo shown"),
            gate(),
            apply(),
        )
        self.assertEqual((ran.status, ran.lines), ("success", ["shown"]))

    def test_stop_while_applying(self) -> None:
        """A program with patience ends by itself, before its own programs."""
        script = (
            "setsid sh -c 'trap \"\" TERM; sleep 60' & "
            'trap "kill -0 $! && echo stored; exit 1" INT; '
            "echo begun; wait"
        )

        def stop(folder: Path) -> None:
            confirm(folder)
            while b"begun" not in (folder / "output").read_bytes():
                time.sleep(0.02)
            order(folder, "stop")

        ran = self.job(
            *(plan('echo x >"$1"'), gate(), apply(script, patience=60)),
            meanwhile=stop,
            grace=0,
        )
        self.assertEqual(ran.status, "stopped", ran.log)
        self.assertEqual(
            ran.lines[1:4],
            ["begun", "Waiting up to 1 minute for apply to end", "stored"],
        )
        self.assertLess(ran.seconds, 20)


class SeparatedTests(ApprovalCase):
    """The same in namespaces, with a user of the job where this is root."""

    def test_applied(self) -> None:
        """No process is left; the job's user reads the plan and cannot change it."""
        if reason := refusal():
            self.skipTest(f"the kernel gives no namespaces: {reason}")
        kinds: tuple[Namespace, ...] = ("mount", "ipc", "pid")
        fields: dict[str, Any] = {"uid": USER, "gid": USER}
        if os.geteuid() != 0:
            kinds, fields = ("user", *kinds), {}
        self.folder.chmod(0o755)
        (self.folder / "workspaces").chmod(0o755)
        isolation = JobIsolation(kinds=kinds, hidden=(str(self.folder / "jobs"),))
        script = 'echo good >"$1"; (setsid sleep 999 >/dev/null 2>&1 &); echo begun'
        seen = (
            'echo "applied $(cat "$1") as $(id -u)"; (echo bad >"$1") 2>&1; '
            "grep -c '^sleep' /proc/[0-9]*/cmdline | grep -c :1"
        )
        ran = self.job(
            *(plan(script), gate(), apply(f"{seen}; true")),
            meanwhile=confirm,
            isolation=isolation,
            files=tuple(
                File(path=f"{name}/.keep", content=b"") for name in ("home", "tmp")
            ),
            **fields,
        )
        self.assertEqual(ran.status, "success", ran.log)
        user = fields.get("uid", os.getuid())
        self.assertIn(f"applied good as {user}", ran.lines)
        self.assertIn("not permitted", ran.log)
        self.assertEqual(ran.lines[-1], "0")


class DocumentTests(ApprovalCase):
    """The plan in JSON has no secrets, and is no part of the log."""

    def shown(self, document: object, **fields: Any) -> tuple[Ran, Any]:
        """Return how a job ended that shows *document*, and the stored document."""
        path = self.folder / "document"
        text = document if isinstance(document, str) else json.dumps(document)
        path.write_text(text)
        step = shell("show", f"cat {path}", plan=True, quiet=True)
        ran = self.job(step, **fields)
        found = [e.what.document for e in ran.events if isinstance(e.what, PlanMade)]
        return ran, json.loads(found[0]) if found else None

    def test_reduced(self) -> None:
        """Sensitive values, variables and states are left out; secrets are masked."""
        change = {
            "address": "a.b",
            "type": "a",
            "mode": "managed",
            "name": "b",
            "change": {
                "actions": ["update"],
                "before": {"x": 1, "pw": "old-generated", "l": ["p", "q", "q"]},
                "after": {"x": 12345678, "pw": "new-generated", "l": ["p", "q", "r"]},
                "after_unknown": {},
                "before_sensitive": {"pw": True, "l": [False, True, True]},
                "after_sensitive": {"pw": True, "l": [False, True, True]},
            },
        }
        bare = {"actions": ["create"], "before": None, "after": "plain", "x": "y"}
        ran, found = self.shown(
            {
                "format_version": "1.2",
                "variables": {"v": {"value": "of-a-variable"}},
                "prior_state": {"values": "of-the-state"},
                "resource_changes": [
                    change,
                    {"address": "k", "change": {"actions": ["no-op"], "after": "kept"}},
                ],
                "output_changes": {"o": bare, "s": {**bare, "after_sensitive": False}},
            },
            masks=(b"12345678",),
        )
        self.assertEqual((ran.status, ran.lines), ("success", []))
        inner = found["resource_changes"][0]["change"]
        # 1 stands for a sensitive value that differs from that before the change
        self.assertEqual(inner["before"], {"x": 1, "pw": 0, "l": ["p", 0, 0]})
        self.assertEqual(inner["after"], {"x": "***", "pw": 1, "l": ["p", 0, 1]})
        (listed,) = summarize(json.dumps(found).encode()).changes[:1]
        self.assertEqual(
            [(each.path, each.sensitive, each.after) for each in listed.attributes],
            [("x", False, '"***"'), ("pw", True, None), ("l[2]", True, None)],
        )
        self.assertEqual(listed.unchanged, 2)
        self.assertEqual(inner["after_sensitive"]["pw"], True)
        text = json.dumps(found)
        for word in ("generated", "of-a-variable", "of-the-state", "kept", '"r"'):
            self.assertNotIn(word, text)
        # without marks it is not known which values are sensitive
        self.assertEqual(found["output_changes"]["o"]["after"], 1)
        self.assertEqual(found["output_changes"]["s"]["after"], "plain")

    def test_own_backend(self) -> None:
        """The plan tells whether the code has a backend of its own."""
        plan = json.dumps({"format_version": "1.2", "resource_changes": []})
        for script, expected in (("true", False), ("touch own", True)):
            show = shell(
                "show", f"echo '{plan}'", plan=True, own_backend="{workspace}/own"
            )
            ran = self.job(shell("init", script), show)
            (event,) = ran.events
            assert isinstance(event.what, PlanMade)
            self.assertEqual(summarize(event.what.document).own_backend, expected)

    def test_no_plan(self) -> None:
        """An unreadable document is left out, with a line in the log."""
        for text in ("", "no", "[]", "{}", "[" * 10_000, '{"resource_changes":[1]}'):
            ran, found = self.shown(text)
            self.assertEqual((ran.status, found), ("success", None))
            self.assertEqual(ran.lines, ["The plan cannot be listed; the log has it"])

    def test_much(self) -> None:
        """A long plan keeps its changes without their values; too long a one none."""
        value = "x" * 1_000_000
        change = {"actions": ["create"], "after": value, "after_sensitive": False}
        changes = [{"address": str(n), "change": change} for n in range(5)]
        plan = {"format_version": "1.0", "resource_changes": changes}
        _, found = self.shown(plan)
        self.assertEqual(len(found["resource_changes"]), 5)
        self.assertTrue(found["shortened"])
        self.assertEqual(
            [bool(each["change"].get("after")) for each in found["resource_changes"]],
            [True, True, True, False, False],
        )
        ran, found = self.shown({**plan, "resource_changes": changes * 2})
        self.assertIsNone(found)
        said = "The plan is too long to be listed; the log has it"
        self.assertEqual(ran.lines, [said])
        ran, found = self.shown(f'{{"resource_changes": [{"[]," * 300_000}[]]}}')
        self.assertEqual((ran.lines, found), ([said], None))
