"""A job that left a state behind hands it to the server, as another user too."""

import gzip
import os
import socket
import threading
from typing import Any

from semaphore_twisted.jobs import state_backend
from semaphore_twisted.jobs.job_inputs import StateBackend
from semaphore_twisted.jobs.workspace import Layout
from semaphore_twisted.model.jobs import (
    File,
    JobIsolation,
    JobSpecification,
    Namespace,
    Step,
)
from tests.support.execution import JobCase, Ran, run
from tests.support.namespaces import refusal

ENVIRON = {"PATH": "/usr/bin:/bin"}
#: A number that no account has.
USER = 1900000199


class RescueTests(JobCase):
    """The last steps of a job, under the real supervisor."""

    def setUp(self) -> None:
        """Listen as the server does."""
        super().setUp()
        self.received: list[bytes] = []
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / "s"))
        listener.listen()
        self.server = threading.Thread(target=self.serve, args=(listener,), daemon=True)
        self.server.start()

    def serve(self, listener: socket.socket) -> None:
        """Accept one state."""
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as sent:
            head = b"".join(iter(sent.readline, b"\r\n"))
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            self.received += [head, gzip.decompress(sent.read(length))]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrescued")

    def job(self, script: str, **fields: Any) -> Ran:
        """Run a job that applies *script*."""
        spool = str(self.folder / "jobs" / "j")
        workspace = str(self.folder / "workspaces" / "j")
        paths = Layout(
            workspace=workspace, spool=spool, staging=False, known_hosts="/dev/null"
        )
        state = StateBackend(
            port=1, socket=str(self.folder / "s"), alias="alias", password="hidden"
        )
        begin = 'mkdir repository; : >"declared-backend"; sleep 0.05; cd repository;'
        apply = Step(
            name="apply", argv=("sh", "-c", f"{begin} {script}"), environ=ENVIRON
        )
        made = JobSpecification(
            mark="m" * 32,
            spool=spool,
            workspace=workspace,
            steps=(apply,),
            finally_steps=state_backend.rescue(
                Step(name="", environ=ENVIRON), state, paths
            ),
            **fields,
        )
        ran = run(made)
        self.assertFalse((self.folder / "workspaces" / "j").exists())
        return ran

    def check(self, ran: Ran) -> None:
        """Check that the server has the state, and the log nothing of it."""
        self.server.join(30)
        head, content = self.received
        self.assertTrue(head.startswith(b"POST /api/terraform/alias?rescue=next "))
        self.assertEqual(content, b"the state\n")
        self.assertEqual((ran.status, ran.step), ("error", "apply"))
        self.assertIn("rescued", ran.lines)
        self.assertNotIn("the state", ran.log)

    def test_failed(self) -> None:
        """A job that failed hands over the state; its reason stays."""
        self.check(self.job("echo the state >errored.tfstate; exit 1"))

    def test_nothing_left(self) -> None:
        """A job that left nothing says nothing."""
        ran = self.job("echo applied")
        self.assertEqual((ran.status, ran.lines), ("success", ["applied"]))
        self.assertEqual(self.received, [])

    def test_separated(self) -> None:
        """The same in namespaces, with a user of the job where this is root."""
        if reason := refusal():
            self.skipTest(f"the kernel gives no namespaces: {reason}")
        kinds: tuple[Namespace, ...] = ("mount", "ipc", "pid")
        fields: dict[str, Any] = {"uid": USER, "gid": USER}
        if os.geteuid() != 0:
            kinds, fields = ("user", *kinds), {}
        self.folder.chmod(0o755)
        (self.folder / "workspaces").chmod(0o755)
        isolation = JobIsolation(kinds=kinds, hidden=(str(self.folder / "jobs"),))
        ran = self.job(
            "umask 077; echo the state >errored.tfstate; exit 1",
            isolation=isolation,
            files=tuple(
                File(path=f"{name}/.keep", content=b"") for name in ("home", "tmp")
            ),
            **fields,
        )
        self.check(ran)
