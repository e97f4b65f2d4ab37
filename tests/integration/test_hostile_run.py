"""Attacks by a guest, a task runner, a job and a local account at the same time.

The server answers throughout, its memory stays within its limits, no secret is shown,
and nothing must be repaired by hand afterwards.
"""

import contextlib
import itertools
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

from semaphore_twisted.model import limits
from tests.support.cases import ProductTestCase
from tests.support.pace import in_time
from tests.support.product import Answer, processes
from tests.support.websocket import Refused

MIB = 1 << 20

#: Permitted growth of the process: its own, and the sum of the limits.
ROOM = 64 * MIB
TOTALS = (
    limits.PENDING * 2 * limits.HELLO
    + limits.BODIES_UNKNOWN
    + limits.BODIES
    + limits.ANSWERS
    + limits.WEBSOCKETS_UNREAD * limits.BATCH
)

#: A job that prints much, prints its secret in odd ways, and looks where it must not.
JOB = """\
exec 2>&1
echo "$TOKEN"; printf '%s' "$TOKEN" | fold -w 7
printf '%s' "$TOKEN" | base64 -w 0; echo
for i in $(seq 40); do head -c 60000 /dev/zero | tr '\\0' '<'; echo; done
for i in $(seq 20); do head -c 60000 /dev/zero | tr '\\0' '\\1'; echo; done
for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $f | grep -a MARKER; done
(setsid sleep 600 &) ; (trap '' TERM HUP; sleep 600) &
seq 100000
"""

GOOD = "echo good\n"


class HostileRunTests(ProductTestCase):
    """All of them at once; `tests/run --soak` does so for five minutes."""

    SECONDS = 60.0

    is_warm = False  # environment and memory are looked at
    config = {"max_parallel_tasks": 4}  # noqa: RUF012 - one value for the class

    def setUp(self) -> None:
        """Make a project with secrets, and an account for each role."""
        super().setUp()
        self.random = random.Random(1)
        self.marker = f"MARKER{token_hex(12)}"
        self.faults: list[str] = []
        self.done: Counter[str] = Counter()
        self.pongs: list[float] = []
        self.peak = 0
        self.stopping = threading.Event()
        self.project_id, repo = self.project({"job.sh": JOB, "good.sh": GOOD})
        environment = self.product.create(
            self.project_id,
            "environment",
            name="Secrets",
            json="{}",
            env="{}",
            secrets=[
                {
                    "operation": "create",
                    "type": "env",
                    "name": "TOKEN",
                    "secret": self.marker,
                }
            ],
        )
        self.job = self.template(
            self.project_id, repo, "bash", "job.sh", environment_id=environment
        )
        self.good = self.template(self.project_id, repo, "bash", "good.sh")
        self.log = self.product.run(self.project_id, self.job)
        self.product.wait(self.project_id, self.log)
        self.guest = self.account("guest")
        self.runner = self.account("task_runner")

    def account(self, role: str) -> str:
        """Make an account with *role* in the project; return a token of its."""
        password = f"{self.marker}-{role}"
        made = self.product.api(
            "POST",
            "/users",
            {
                "name": role,
                "username": role,
                "email": f"{role}@example.org",
                "password": password,
            },
        )
        self.product.api(
            "POST",
            f"/project/{self.project_id}/users",
            {"user_id": made["id"], "role": role},
        )
        answer = self.product.call(
            "POST", "/api/auth/login", {"auth": role, "password": password}, {}
        )
        cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
        token: str = self.product.call("POST", "/api/user/tokens", {}, cookie).json[
            "id"
        ]
        return token

    # What each of them does ----------------------------------------------------------

    def call(self, token: str, method: str, path: str, body: Any = None) -> Answer:
        """Make one request with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.product.call(method, f"/api{path}", body, headers)

    def connect(self, *, tls: bool) -> socket.socket:
        """Return a connection that reads little."""
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(5)
        plain.connect(("127.0.0.1", self.product.port))
        if not tls:
            return plain
        return self.product.context.wrap_socket(plain, server_hostname="localhost")

    def stranger(self, number: int, kept: list[Any]) -> None:
        """Send what is no request, no end of one, or one with a long body."""
        kept.append(self.connect(tls=number % 2 == 0))
        kept[-1].sendall(
            (
                b"\x16\x03\x01\x3f\xff\x01\x00\x7d\x00" + bytes(12_000),
                b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 15_000,
                b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 3900000\r\n\r\n" + b"x" * 1_000_000,
                b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20_000,
                b"GET /api/ping HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,
                random.randbytes(10_000),
            )[number % 6]
        )

    def guess(self, number: int, kept: list[Any]) -> None:
        """Guess passwords and tokens, and send invalid keys."""
        del kept
        self.product.call(
            "POST",
            "/api/auth/login",
            {"auth": f"user{number % 3}", "password": "wrong"},
            {"Cookie": "semaphore=x"},
        )
        self.call("x" * 44, "GET", "/projects")
        self.call(self.runner, "GET", f"/project/{self.project_id}/keys")

    def watch(self, number: int, kept: list[Any]) -> None:
        """Ask for logs and news as a guest, and read nothing."""
        headers = f"Host: localhost\r\nAuthorization: Bearer {self.guest}\r\n\r\n"
        path = f"/api/project/{self.project_id}/tasks/{self.log}"
        if number % 3 == 2:
            sent = {"Authorization": f"Bearer {self.guest}"}
            with contextlib.suppress(Refused):
                kept.append(self.product.websocket(sent))
            return
        kept.append(self.connect(tls=number % 2 == 0))
        kind = ("output", "raw_output")[number % 2]
        ask = f"GET {path}/{kind} HTTP/1.1\r\n{headers}".encode()
        kept[-1].sendall(ask * (1 + number % 20))

    def run_tasks(self, number: int, kept: list[Any]) -> None:
        """Start tasks as a task runner, with values that must be refused."""
        del kept
        hostile: tuple[dict[str, Any], ...] = (
            {"message": "x" * 2_000_000},
            {"environment": json.dumps({"a": "{{ lookup('pipe','id') }}"})},
            {"environment": "[" * 5_000},
            {"limit": "@/etc/shadow"},
            {"git_branch": "-oProxyCommand=x"},
            {"arguments": json.dumps(["x"] * 100_000)},
            {},
        )
        body = {"template_id": self.job, **hostile[number % len(hostile)]}
        answer = self.call(
            self.runner, "POST", f"/project/{self.project_id}/tasks", body
        )
        if answer.status == 201 and number % 3 == 0:
            path = f"/project/{self.project_id}/tasks/{answer.json['id']}/stop"
            self.call(self.runner, "POST", path, {"force": True})
        if answer.status >= 500 and answer.status not in {503, 507}:
            self.faults.append(f"{answer.status} {answer.content[:200]!r}")

    def repeat(self, what: Callable[[int, list[Any]], None], most: int) -> None:
        """Do it again and again; keep *most* connections, and drop the oldest."""
        kept: list[Any] = []
        for number in itertools.count():
            if self.stopping.wait(0.02):
                break
            with contextlib.suppress(OSError):
                what(number, kept)
                self.done[what.__name__] += 1
            while len(kept) > most:
                kept.pop(0).close()
        for each in kept:
            each.close()

    def look(self) -> None:
        """Ask for a sign of life, and note the memory."""
        process = self.product.process
        assert process is not None
        while not self.stopping.wait(0.5):
            began = time.monotonic()
            try:
                status = self.product.call("GET", "/api/ping").status
            except OSError as error:
                self.faults.append(f"ping: {error}")
                continue
            if status != 200:
                self.faults.append(f"ping: {status}")
            self.pongs.append(time.monotonic() - began)
            self.peak = max(self.peak, self.resident(process.pid))

    def resident(self, pid: int) -> int:
        """Return the resident memory of a process."""
        text = Path(f"/proc/{pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) * 1024

    # What must hold ------------------------------------------------------------------

    def test_run(self) -> None:
        """The attackers find no secret, lock no user out and leave no damage."""
        process = self.product.process
        assert process is not None
        idle = self.resident(process.pid)
        threads = [
            threading.Thread(target=self.repeat, args=each)
            for each in (
                (self.stranger, 100),
                (self.guess, 1),
                (self.watch, 60),
                (self.run_tasks, 1),
            )
        ]
        threads.append(threading.Thread(target=self.look))
        for each in threads:
            each.start()
        names = ("stranger", "guess", "watch", "run_tasks")
        began = time.monotonic()
        while (passed := time.monotonic() - began) < self.SECONDS or (
            passed < self.SECONDS + 120  # on a busy machine
            and (min(self.done[each] for each in names) <= 10 or len(self.pongs) <= 5)
        ):
            time.sleep(0.1)
        self.stopping.set()
        for each in threads:
            each.join(120)
            self.assertFalse(each.is_alive())
        self.assertIsNone(process.poll(), "the server has ended")
        self.assertEqual(self.faults, [])
        for name in names:
            self.assertGreater(self.done[name], 10, self.done)
        self.assertGreater(len(self.pongs), 5)
        in_time(max(self.pongs), 1)
        self.assertLess(self.peak - idle, TOTALS + ROOM)
        self.afterwards()

    def afterwards(self) -> None:
        """Check that the server is in order, and that no secret is shown."""
        base = f"/project/{self.project_id}/tasks"
        for each in self.product.api("GET", base):
            if each["status"] in {"waiting", "starting", "running"}:
                stop = f"/api{base}/{each['id']}/stop"
                answer = self.product.call("POST", stop, {"force": True})
                # it may have ended since it was listed
                self.assertIn(answer.status, {204, 400}, answer.content)
        for each in self.product.api("GET", base):
            self.product.wait(self.project_id, each["id"])
        mark = self.marker.encode()
        left = [words for _, words, environ in processes() if mark in environ]
        self.assertEqual(left, [], "processes of a job are left")
        task = self.product.run(self.project_id, self.good)
        self.assertEqual(self.product.wait(self.project_id, task), "success")
        self.assertIn("good", self.product.output(self.project_id, task))
        # Guesses are counted by address, so an administrator comes from another one.
        self.product.source = ("127.0.0.9", 0)
        self.product.log_in()
        said = self.product.log.read_text()
        self.assertNotIn("Traceback", said)
        self.assertNotIn(self.marker, said)
        for each in self.product.api("GET", base)[:20]:
            text = self.product.api("GET", f"{base}/{each['id']}/raw_output")
            self.assertNotIn(self.marker, text)
        for path in ("/events", base):
            self.assertNotIn(self.marker, json.dumps(self.product.api("GET", path)))
