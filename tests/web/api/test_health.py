"""The health of the installation, for administrators."""

from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred, succeed

from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.persistence.schema import access_key, task
from semaphore_twisted.wireguard import wire
from tests.support.http import api_client
from tests.support.memory import BEGINNING, MemoryDatabase
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template
from tests.support.vpn_api import RecordingPeers, VpnApiCase


class HealthTests(ResourceTestCase):
    """Findings from the database."""

    def findings(self) -> dict[str, Any]:
        """Return the findings by subject."""
        self.site.login()
        answer = self.site.get("/api/admin/health")
        self.assertEqual(answer.status, 200, answer.body)
        self.level = answer.json["level"]
        return {each["subject"]: each for each in answer.json["findings"]}

    def test_rights(self) -> None:
        """Only administrators see it."""
        self.assertEqual(self.client.get("/api/admin/health").status, 403)

    def test_good(self) -> None:
        """Everything is well in a new installation, which has no VPN."""
        self.key()
        found = self.findings()
        self.assertEqual(set(found), {"key store", "queue", "database"})
        self.assertEqual({each["level"] for each in found.values()}, {"ok"})
        self.assertEqual(self.level, "ok")
        self.assertEqual(
            found["key store"],
            {
                "subject": "key store",
                "level": "ok",
                "sentence": "All 1 stored secrets can be opened",
                "value": 0,
                "unit": "secrets",
                "code": "opened",
                "facts": {"total": 1},
            },
        )
        self.assertRegex(found["database"]["sentence"], r"SQLite 3.* has \d\.\d MiB")

    def test_key_store(self) -> None:
        """A secret that does not open is an error, and named without its content."""
        number = self.key("Broken")
        self.conn.update(access_key, number, secret="s1.nothing")
        found = self.findings()["key store"]
        self.assertEqual((found["level"], found["value"]), ("error", 1))
        self.assertIn('"Broken" of project', found["sentence"])
        self.assertEqual(found["code"], "broken")
        self.assertEqual((found["facts"]["count"], found["facts"]["total"]), (1, 1))
        self.assertIn('"Broken" of project', found["facts"]["first"])
        self.assertNotIn("s1.nothing", found["sentence"])
        self.assertEqual(self.level, "error")

    def test_queue(self) -> None:
        """Tasks are counted, and one that waits for hours is named."""
        template = make_template(self.conn, self.project, name="<img> nightly")
        make_task(self.conn, self.project, template, status=TaskStatus.RUNNING)
        waiting = make_task(self.conn, self.project, template)
        found = self.findings()["queue"]
        self.assertEqual((found["level"], found["value"]), ("ok", 1))
        self.assertEqual(found["sentence"], "Tasks: 1 running, 1 waiting")
        self.conn.update(task, waiting, created=BEGINNING - timedelta(hours=2))
        found = self.findings()["queue"]
        self.assertEqual(found["level"], "warning")
        self.assertIn(f'task {waiting} of "<img> nightly" has', found["sentence"])
        self.assertEqual(found["code"], "late")
        self.assertEqual(
            found["facts"],
            {
                "running": 1,
                "waiting": 1,
                "task": waiting,
                "template": "<img> nightly",
                "since": (BEGINNING - timedelta(hours=2)).isoformat(),
            },
        )


class TroubledPeers(RecordingPeers):
    """A VPN whose forwarding is off."""

    def diagnose(self) -> "Deferred[Any]":
        """Return a finding of each level."""
        return succeed(
            [
                wire.Finding("mtu", "ok", "1420 fits"),
                wire.Finding("forwarding", "error", "it is off"),
            ]
        )


class VpnHealthTests(VpnApiCase):
    """Findings of the VPN's doctor."""

    def test_good(self) -> None:
        """If all checks pass, one finding says so."""
        answer = self.as_admin.get("/api/admin/health").json
        found = [each for each in answer["findings"] if each["subject"] == "vpn"]
        self.assertEqual(len(found), 1)
        self.assertEqual(found[0]["sentence"], "All 1 checks of the VPN pass")
        self.assertEqual((found[0]["code"], found[0]["facts"]), ("pass", {"count": 1}))

    def test_trouble(self) -> None:
        """Only the findings that need attention are shown."""
        site = api_client(
            database=MemoryDatabase(self.conn),
            options=self.options,
            peers=TroubledPeers(),
        )
        answer = site.as_user(self.root).get("/api/admin/health").json
        found = [each for each in answer["findings"] if each["subject"] == "vpn"]
        self.assertEqual(
            [(each["level"], each["sentence"]) for each in found],
            [("error", "forwarding: it is off")],
        )
        self.assertEqual(answer["level"], "error")
