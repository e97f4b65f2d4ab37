"""The routes of checks; their jobs are controlled by the test."""

from typing import Any

import msgspec
from sqlalchemy import select
from twisted.internet.defer import Deferred
from typing_extensions import override

from semaphore_twisted.jobs.shortages import SupervisorFailed
from semaphore_twisted.model import limits
from semaphore_twisted.persistence.schema import access_key, task
from tests.support.checks import HeldRunner, MemoryDirectories, check_service
from tests.support.http import Answer, api_client
from tests.support.memory import make_project
from tests.support.resources import ResourceTestCase


class CheckTestCase(ResourceTestCase):
    """A manager of a project, and a service that checks."""

    @override
    def setUp(self) -> None:
        """Create the service."""
        super().setUp()
        self.runner, self.directories = HeldRunner(), MemoryDirectories()
        self.service = check_service(self.site.database, self.runner, self.directories)
        self.site = api_client(database=self.site.database, checks=self.service)
        self.client = self.site.as_user(self.user)

    def path(self, noun: str, number: int, verb: str = "check") -> str:
        """Return the address of a check."""
        return f"{self.base}/{noun}/{number}/{verb}"

    def begin(self, path: str, **body: Any) -> Any:
        """Start a check."""
        answer = self.client.post(path, body)
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json

    def say(self, **record: object) -> None:
        """Print a record of the check that was started last."""
        text = msgspec.json.encode(record).decode()
        self.runner.job.say(f"{self.runner.token} {text}")

    def get(self, path: str) -> Any:
        """Return the check."""
        answer = self.client.get(path)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json


class InventoryCheckTests(CheckTestCase):
    """From the request to the stored result."""

    def test_life(self) -> None:
        """Progress is shown while it runs, and the result afterwards."""
        key = self.key()
        path = self.path("inventory", self.inventory(ssh_key_id=key))
        self.assertEqual(self.get(path)["status"], "never")
        self.assertEqual(self.begin(path)["status"], "running")
        self.assertEqual(len(self.directories.made), 1)
        self.say(host="a", groups=["web"])
        self.say(ping="a", state="ok", seconds=0.25)
        host = {
            "name": "a",
            "groups": ["web"],
            "state": "ok",
            "reason": "",
            "seconds": 0.25,
        }
        found = self.get(path)
        self.assertEqual((found["status"], found["hosts"]), ("running", [host]))
        self.runner.job.end()
        found = self.get(path)
        self.assertEqual((found["status"], found["hosts"]), ("success", [host]))
        self.assertEqual(found["ended"], "2026-01-02T03:04:05Z")
        self.assertEqual(self.directories.made, [])
        self.assertIsNone(self.conn.scalar(select(task.c.id)))
        usage = self.client.get(f"{self.base}/keys/{key}/usage").json
        self.assertEqual(usage["last_used"], "2026-01-02T03:04:05Z")
        self.assertEqual(usage["last_used_by"], "check")

    def test_one_at_a_time(self) -> None:
        """A second check of an object is refused."""
        path = self.path("inventory", self.inventory())
        self.begin(path)
        self.conflicts(path, "A check of this inventory runs already")

    def test_limits(self) -> None:
        """Too many checks are refused, of a project and in total."""
        paths = []
        for number in range(limits.CHECKS // limits.CHECKS_OF_PROJECT + 1):
            self.enter(make_project(self.conn, self.user, name=f"P{number}"))
            for each in range(limits.CHECKS_OF_PROJECT + 1):
                inventory = self.inventory(f"Hosts {each}")
                paths.append(self.path("inventory", inventory))
        first, of_one = paths[0], limits.CHECKS_OF_PROJECT
        for path in paths[:of_one]:
            self.begin(path)
        self.conflicts(paths[of_one], f"{of_one} checks of this project run already")
        self.client.delete(first)
        self.begin(paths[of_one])
        for path in paths[of_one + 1 : -2]:
            if len(self.service._running) < limits.CHECKS:
                self.begin(path)
        self.conflicts(paths[-1], f"{limits.CHECKS} checks run already")
        self.runner.job.end()
        self.begin(paths[-1])

    def conflicts(self, path: str, words: str) -> None:
        """Check that a check is refused with *words*."""
        answer = self.client.post(path, {})
        self.assertEqual(answer.status, 409)
        self.assertIn(words, answer.json["error"])

    def test_stop(self) -> None:
        """A stop ends the job; without a check it changes nothing."""
        path = self.path("inventory", self.inventory())
        self.assertEqual(self.client.delete(path).status, 204)
        self.begin(path)
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(self.runner.job.stopped, 1)
        self.assertEqual(self.get(path)["status"], "stopped")

    def test_refused(self) -> None:
        """What cannot be checked is refused at once, and nothing is left."""
        file = self.inventory(type="file", inventory="hosts.ini")
        path = self.path("inventory", file)
        self.refused(self.client.post(path, {}), "repository_id: missing")
        self.refused(self.client.post(path, {"repository_id": 987}), "987 is missing")
        key = self.key()
        self.conn.update(access_key, key, secret="s1.damaged")
        other = self.path("inventory", self.inventory(ssh_key_id=key))
        answer = self.client.post(other, {})
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn("cannot be opened", answer.json["error"])
        self.directories.full = "the disk is full"
        plain = self.path("inventory", self.inventory())
        self.assertEqual(self.client.post(plain, {}).status, 503)
        self.directories.full = None
        self.runner.refusal = SupervisorFailed("no memory", temporary=True)
        answer = self.client.post(plain, {})
        self.assertEqual(answer.status, 503)
        self.assertIn("no memory", answer.json["error"])
        self.assertEqual(self.directories.made, [])
        self.assertEqual(self.get(plain)["status"], "never")
        self.runner.refusal = None
        self.begin(plain)
        self.begin(path, repository_id=self.repository())

    def test_rights(self) -> None:
        """A guest sees a result, and starts and stops nothing."""
        path = self.path("inventory", self.inventory())
        guest = self.guest()
        self.assertEqual(guest.get(path).status, 200)
        self.assertEqual(guest.post(path, {}).status, 403)
        self.assertEqual(guest.delete(path).status, 403)
        for noun in ("inventory", "repositories"):
            missing = self.path(noun, 987)
            for answer in (self.client.get(missing), self.client.post(missing, {})):
                self.assertEqual(answer.status, 404)
        self.assertEqual(self.runner.started, [])

    def test_changed(self) -> None:
        """The result of another content is not kept."""
        number = self.inventory()
        path = self.path("inventory", number)
        self.begin(path)
        self.runner.job.end()
        self.assertEqual(self.get(path)["status"], "success")
        body = self.shown("inventory", number)
        one = f"{self.base}/inventory/{number}"
        self.assertEqual(self.client.put(one, body).status, 204)
        self.assertEqual(self.get(path)["status"], "never")

    def test_changed_meanwhile(self) -> None:
        """The result of a check that began before a change is dropped."""
        number = self.inventory()
        path = self.path("inventory", number)
        self.begin(path)
        body = self.shown("inventory", number)
        one = f"{self.base}/inventory/{number}"
        self.assertEqual(self.client.put(one, body).status, 204)
        self.runner.job.end()
        self.assertEqual(self.get(path)["status"], "never")

    def test_not_recorded(self) -> None:
        """A check whose beginning cannot be stored is ended, and leaves nothing."""
        path = self.path("inventory", self.inventory())
        self.conn.raw.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON project__inventory"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        self.assertEqual(self.client.post(path, {}).status, 500)
        self.flushLoggedErrors()
        self.assertEqual(self.runner.job.killed, 1)
        self.assertEqual(self.directories.made, [])
        self.conn.raw.execute("DROP TRIGGER full")
        self.begin(path)

    def test_client_leaves(self) -> None:
        """A job that starts while its client disconnects is followed to its end."""
        path = self.path("inventory", self.inventory())
        self.runner.gate = Deferred()
        body = b"{}"
        lines = self.client.head_of("POST", path, {"Content-Length": f"{len(body)}"})
        transport = self.client.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.client.hang_up(transport)
        self.runner.gate.callback(None)
        self.assertEqual(self.get(path)["status"], "running")
        self.runner.job.end()
        self.assertEqual(self.get(path)["status"], "success")

    def test_server_stops(self) -> None:
        """A check is ended with the server, and none begins afterwards."""
        path = self.path("inventory", self.inventory())
        self.begin(path)
        self.service.stopService()
        self.assertEqual(self.runner.job.killed, 1)
        found = self.get(path)
        self.assertEqual(found["status"], "error")
        self.assertEqual(found["reason"], "The server stopped during the check")
        self.assertEqual(self.client.post(path, {}).status, 503)


class RepositoryCheckTests(CheckTestCase):
    """Branches and playbooks."""

    def ask(self, number: int, verb: str) -> Answer:
        """Ask for a list, whose check ends as soon as it has begun."""
        return self.client.get(self.path("repositories", number, verb))

    def test_lists(self) -> None:
        """The lists come from a check that just ended."""
        number = self.repository()
        path = self.path("repositories", number)
        self.begin(path)
        self.say(branch="main")
        self.say(playbook="site.yml")
        self.runner.job.tell("commit_hash", "abc")
        self.runner.job.end()
        found = self.get(path)
        self.assertEqual((found["status"], found["commit"]), ("success", "abc"))
        self.assertEqual(self.ask(number, "branches").json, ["main"])
        self.assertEqual(self.ask(number, "playbooks").json, ["site.yml"])
        self.assertEqual(len(self.runner.started), 1)

    def test_failed(self) -> None:
        """The reason of a check that failed is the error of its lists."""
        number = self.repository()
        self.begin(self.path("repositories", number))
        self.runner.job.end("error", "it cannot be reached")
        for verb in ("branches", "playbooks"):
            self.refused(self.ask(number, verb), "it cannot be reached")

    def test_own_check(self) -> None:
        """Without a recent check the list waits for one of its own."""
        number = self.repository()

        class Quick(HeldRunner):
            """Lists one branch and ends."""

            def start(self, specification: Any, receiver: Any) -> Any:
                """Start and end a job."""
                started = super().start(specification, receiver)
                self.job.say(f'{self.token} {{"branch": "main"}}')
                self.job.end()
                return started

        service = check_service(self.site.database, Quick(), self.directories)
        site = api_client(database=self.site.database, checks=service)
        client = site.as_user(self.user)
        path = self.path("repositories", number, "branches")
        answer = client.get(path)
        self.assertEqual((answer.status, answer.json), (200, ["main"]))
        self.assertEqual(self.guest().get(path).status, 403)
