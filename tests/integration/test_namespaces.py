"""Jobs with namespaces of their own: nothing of them survives their end."""

import ctypes
import os
import shlex
import signal
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from semaphore_twisted.interfaces import IJob
from semaphore_twisted.jobs.supervision import linux
from semaphore_twisted.model.jobs import (
    File,
    JobIsolation,
    JobResult,
    Namespace,
    Pipe,
    Step,
)
from tests.integration.test_supervisor import (
    ENVIRON,
    JobCase,
    Receiver,
    alive,
    shell,
)
from tests.support.lab import until
from tests.support.namespaces import refusal

#: A number that no account has.
USER = 1900000199
#: What each workspace begins with.
FOLDERS = tuple(File(path=f"{name}/.keep", content=b"") for name in ("home", "tmp"))
ESCAPING = (
    "env -i setsid bash -c 'touch up; exec -a {word} sleep 999' & "
    "until [ -e up ]; do sleep 0.01; done; "
)


class NamespaceCase(JobCase):
    """Jobs in namespaces, with a user of their own where this is root."""

    def setUp(self) -> None:
        """Skip where the kernel refuses namespaces."""
        super().setUp()
        if reason := refusal():
            self.skipTest(f"the kernel gives no namespaces: {reason}")
        self.word = f"word-{self.place.name}"

    def fields(self, **fields: Any) -> dict[str, Any]:
        """Return what such a job has besides its steps."""
        kinds: tuple[Namespace, ...] = ("mount", "ipc", "pid")
        if os.geteuid() == 0:
            fields = {"uid": USER, "gid": USER, **fields}
        else:
            kinds = ("user", *kinds)
        hidden = (str(self.place / "spool"), str(self.place / "workspaces"))
        isolation = JobIsolation(kinds=kinds, hidden=hidden)
        return {"files": FOLDERS, "isolation": isolation, **fields}

    async def start(self, *steps: Step, **fields: Any) -> IJob:
        """Start a job in namespaces."""
        return await super().start(*steps, **self.fields(**fields))

    def gone(self) -> None:
        """Wait until no process with the word is left."""
        until(lambda: not alive(self.word), "every process has ended")


class EndTests(NamespaceCase):
    """How a job ends, and all of its processes with it."""

    async def test_escaping(self) -> None:
        """A process without mark, session or parent ends with its job."""
        script = ESCAPING.format(word=self.word) + "echo up; kill -9 $PPID"
        result = await self.run_job(shell(script))
        self.assertEqual((result.status, result.signal), ("error", signal.SIGKILL))
        self.assertEqual(alive(self.word), [])

    async def test_ordinary_end(self) -> None:
        """The same is true if the step succeeds, at once."""
        result = await self.run_job(shell(ESCAPING.format(word=self.word) + "exit 0"))
        self.assertEqual(result.status, "success")
        self.assertEqual(alive(self.word), [])

    async def test_killed_supervisor(self) -> None:
        """Where the supervisor is killed, its job's processes end without a server."""
        script = ESCAPING.format(word=self.word) + "echo up; sleep 600"
        follower = await self.start(shell(script))
        await self.receiver.line("up")
        follower.abandon()
        until(lambda: alive(self.word) != [], "the process runs")
        self.kill_supervisor()
        self.gone()
        receiver = Receiver(self.reactor)
        self.followers.append(
            self.runner.attach(str(self.place / "spool"), 0, receiver)
        )
        result = await receiver.done
        self.assertEqual((result.status, result.reason), ("error", "interrupted"))
        self.assertEqual(list((self.place / "workspaces").iterdir()), [])

    async def test_stop(self) -> None:
        """A stop signals every process, and kills those that ignore it."""
        script = (
            f'exec -a {self.word} bash -c \'trap "" TERM; echo up;'
            " while :; do sleep 1; done' & trap 'echo told; exit 0' TERM; wait"
        )
        follower = await self.start(shell(script), grace=0.3)
        await self.receiver.line("up")
        follower.stop()
        result = await self.receiver.done
        self.assertEqual(result.status, "stopped")
        self.assertIn("told", self.receiver.received)
        self.assertEqual(alive(self.word), [])

    async def test_time_limit(self) -> None:
        """The time limit ends what left its session, too."""
        script = ESCAPING.format(word=self.word) + "sleep 600"
        result = await self.run_job(shell(script), time_limit=0.5, grace=0.2)
        self.assertEqual(result.reason, "time limit of 0.5 s")
        self.assertEqual(alive(self.word), [])

    async def test_another_server(self) -> None:
        """A job continues in its namespaces when another server follows it."""
        script = "echo up; until [ -e release ]; do sleep 0.02; done; echo $$; ls /proc"
        follower = await self.start(shell(script))
        await self.receiver.line("up")
        follower.abandon()
        receiver = Receiver(self.reactor)
        self.followers.append(
            self.runner.attach(str(self.place / "spool"), 0, receiver)
        )
        (self.place / "workspaces" / "task_1" / "release").touch()
        result: JobResult = await receiver.done
        self.assertEqual(result.status, "success")
        numbers = [int(line) for line in receiver.received if line.isdigit()]
        self.assertLess(max(numbers), 1000)


class InsideTests(NamespaceCase):
    """A job's view inside its namespaces."""

    async def test_first_process(self) -> None:
        """Process 1 is called init, collects orphans, and cannot be ended or read."""
        result = await self.run_job(
            shell(
                "cat /proc/1/comm; (sleep 0.01 & exec true); sleep 0.2;"
                " grep -l '^State:.Z' /proc/[0-9]*/status; kill -9 1; kill -15 1;"
                " cat /proc/1/environ /proc/1/mem; ls /proc/1/fd; cat /proc/1/comm;"
                " echo done"
            )
        )
        self.assertEqual(result.status, "success", result.reason)
        said = self.receiver.received
        self.assertEqual((said[0], *said[-2:]), ("init", "init", "done"))
        self.assertNotIn("status", " ".join(said))

    async def test_several_steps(self) -> None:
        """A job's own steps share the namespaces; the server's steps are outside."""
        result = await self.run_job(
            shell("sleep 600 & echo $! >number; touch /tmp/kept /dev/shm/kept"),
            shell("kill -0 $(cat number) && ls /tmp/kept /dev/shm/kept"),
            shell("[ ! -e /tmp/kept ] && [ -e /proc/$PPID ]", as_user=False),
            shell("[ ! -e /tmp/kept ] && [ -e /proc/$PPID ]", inside=False),
        )
        self.assertEqual(result.status, "success", result.reason)
        self.assertEqual(self.receiver.received, ["/dev/shm/kept", "/tmp/kept"])
        self.assertFalse(Path("/tmp/kept").exists())

    async def test_no_way_back(self) -> None:
        """A job cannot take its mounts away, not as "root" of a further namespace."""
        spool = self.place / "spool"
        attempt = f"umount {spool}; umount /tmp; umount /proc; ls {spool}"
        result = await self.run_job(
            shell(
                f"({attempt}; unshare --user --map-root-user --mount"
                f" sh -c '{attempt}') 2>/dev/null;"
                " grep -E '^(CapPrm|CapEff|NoNewPrivs)' /proc/self/status"
            )
        )
        self.assertEqual(result.status, "success", result.reason)
        self.assertEqual(
            [line.split()[1] for line in self.receiver.received],
            ["0" * 16, "0" * 16, "1"],
        )

    async def test_keyring(self) -> None:
        """A job does not have the session keyring of its server."""
        number = linux.keyctl_number()
        if number is None:
            self.skipTest("the number of keyctl(2) is not known for this machine")
        # KEYCTL_GET_KEYRING_ID of the session's keyring, without making one
        script = f"import ctypes; print(ctypes.CDLL(None).syscall({number}, 0, -3, 0))"
        # The system's Python: a job does not see one that is below /tmp.
        await self.run_job(shell(f"/usr/bin/python3 -c {shlex.quote(script)}"))
        (found,) = self.receiver.received
        if int(found) < 0:
            self.skipTest("keyctl(2) is not allowed here")
        self.assertNotEqual(int(found), ctypes.CDLL(None).syscall(number, 0, -3, 0))

    async def test_pipes(self) -> None:
        """Secrets arrive through pipes and files in memory."""
        result = await self.run_job(
            shell(
                "cat {pipe:a} {pipe:b} {pipe:b}",
                pipes=(
                    Pipe(name="a", content=b"one\n"),
                    Pipe(name="b", content=b"two\n", reread=True),
                ),
            )
        )
        self.assertEqual(result.status, "success", result.reason)
        self.assertEqual(self.receiver.received, ["one", "two", "two"])

    async def test_missing_program(self) -> None:
        """A program that is missing is named as outside."""
        result = await self.run_job(Step(name="a", argv=("nowhere",), environ=ENVIRON))
        self.assertEqual(result.reason, "Running a failed: nowhere: not found")


class RefusedTests(JobCase):
    """A job that cannot be separated does not run."""

    async def test_refused(self) -> None:
        """The reason names the call; nothing is left."""
        # a workspace without tmp/, which the job would find as /tmp
        kinds: tuple[Namespace, ...] = ("mount", "pid")
        if os.geteuid() != 0:
            kinds = ("user", *kinds)
        done: Deferred[JobResult] = self.receiver.done
        await self.start(shell("echo ran"), isolation=JobIsolation(kinds=kinds))
        result = await done
        self.assertEqual(result.status, "error")
        self.assertIn("The job cannot be separated from others: ", result.reason)
        self.assertNotIn("ran", self.receiver.received)
        self.assertEqual(list((self.place / "workspaces").iterdir()), [])
