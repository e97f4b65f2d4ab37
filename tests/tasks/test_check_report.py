"""What is kept of the output of a check."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.checks import (
    CheckedGroup,
    CheckKind,
    InventoryCheck,
    RepositoryCheck,
)
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.tasks.check_report import CheckReport

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def ended(status: Any = "success", reason: str = "", step: str = "") -> JobResult:
    """Return the end of a job."""
    return JobResult(status=status, reason=reason, step=step, started=1, ended=2)


class ReportTestCase(SynchronousTestCase):
    """A report of each kind."""

    def setUp(self) -> None:
        """Begin both."""
        self.hosts = CheckReport(CheckKind.INVENTORY, "token", WHEN)
        self.files = CheckReport(CheckKind.REPOSITORY, "token", WHEN)

    def say(self, report: CheckReport, **record: object) -> None:
        """Print a record."""
        report.add(f"token {msgspec.json.encode(record).decode()}")

    def inventory(self, result: JobResult | None = None) -> InventoryCheck:
        """Return the report of the inventory."""
        found = self.hosts.report(result)
        assert isinstance(found, InventoryCheck)
        return found


class RecordTests(ReportTestCase):
    """Lines of the programs."""

    def test_hosts(self) -> None:
        """A host waits, is checked and answers; an unknown one is left out."""
        self.say(self.hosts, group="web", hosts=1)
        self.say(self.hosts, host="a", groups=["web"])
        self.say(self.hosts, host="b", groups=[])
        self.say(self.hosts, ping="a", state="checking")
        self.say(self.hosts, ping="other", state="ok")
        found = self.inventory()
        self.assertEqual(found.status, "running")
        self.assertEqual(found.groups, (CheckedGroup(name="web", hosts=1),))
        states = [(each.name, each.state) for each in found.hosts]
        self.assertEqual(states, [("a", "checking"), ("b", "waiting")])
        self.say(self.hosts, ping="a", state="failed", reason="no", seconds=0.5)
        found = self.inventory(ended())
        states = [(each.name, each.state) for each in found.hosts]
        self.assertEqual(states, [("a", "failed"), ("b", "unknown")])
        self.assertEqual((found.hosts[0].reason, found.hosts[0].seconds), ("no", 0.5))

    def test_files(self) -> None:
        """Branches and playbooks are kept once each, in their order."""
        for name in ("main", "old", "main"):
            self.say(self.files, branch=name)
        self.say(self.files, playbook="site.yml")
        self.files.commit = "abc"
        found = self.files.report(ended())
        assert isinstance(found, RepositoryCheck)
        self.assertEqual(found.branches, ("main", "old"))
        self.assertEqual((found.playbooks, found.commit), (("site.yml",), "abc"))

    def test_foreign_lines(self) -> None:
        """Lines without the token, and damaged records, are no records."""
        for line in (
            *(
                'other {"host": "x"}',
                '{"host": "x"}',
                "token",
                "token {",
                "",
                "token []",
            ),
            *('token {"host": 3}', 'token {"ping": "x", "state": "magic"}'),
        ):
            self.hosts.add(line)
        self.assertEqual(self.inventory().hosts, ())


class ReasonTests(ReportTestCase):
    """Why a check failed."""

    def test_problem(self) -> None:
        """The program's own sentence takes precedence."""
        self.say(self.hosts, problem="no such thing")
        self.assertEqual(self.inventory(ended("error", "x")).reason, "no such thing")
        self.assertEqual(self.inventory(ended("error", "x")).status, "error")

    def test_git(self) -> None:
        """What git says follows the job's sentence; what Ansible says does not."""
        self.files.begin("repository fetch")
        for line in ("Cloning Repository x", "", "fatal: denied", "ask", "another"):
            self.files.add(line)
        found = self.files.report(ended("error", "it failed", "repository fetch"))
        self.assertEqual(found.reason, "it failed: fatal: denied; ask")
        self.hosts.begin("list")
        self.hosts.add("got: hush")
        found = self.inventory(ended("error", "it failed", "list"))
        self.assertEqual(found.reason, "it failed")

    def test_stopped(self) -> None:
        """A stop is a status of its own."""
        self.assertEqual(self.inventory(ended("stopped", "Stopped")).status, "stopped")


class LimitTests(ReportTestCase):
    """Output without an end."""

    def test_many(self) -> None:
        """Names are kept up to the limit in bytes, and the report says so."""
        for number in range(60_000):
            self.say(self.hosts, host=f"host{number:06}{'x' * 100}")
        found = self.inventory()
        self.assertTrue(found.truncated)
        kept = sum(len(each.name) for each in found.hosts)
        self.assertLess(kept, limits.CHECK_NAMES)
        self.assertGreater(kept, limits.CHECK_NAMES // 2)

    def test_reasons(self) -> None:
        """Reasons count too, and the last one of a host replaces the others."""
        for number in range(4_000):
            self.say(self.hosts, host=f"h{number}")
        for _ in range(3):
            for number in range(4_000):
                self.say(
                    self.hosts, ping=f"h{number}", state="failed", reason="y" * 9_000
                )
        found = self.inventory()
        self.assertTrue(found.truncated)
        size = sum(len(each.reason) for each in found.hosts)
        self.assertLess(size, limits.CHECK_NAMES)
        self.assertEqual({each.state for each in found.hosts}, {"failed"})

    def test_long(self) -> None:
        """A name that no path could have is left out."""
        self.say(self.hosts, host="x" * 5_000)
        self.say(self.files, branch="x" * 5_000)
        self.assertEqual(self.inventory().hosts, ())
        self.assertTrue(self.inventory().truncated)
