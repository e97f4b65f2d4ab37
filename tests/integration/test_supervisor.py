"""Jobs under real supervisors: real processes, pipes, signals and sockets."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from semaphore_twisted.interfaces import IJob, IJobReceiver
from semaphore_twisted.jobs import spool
from semaphore_twisted.jobs.disk import punch
from semaphore_twisted.jobs.process import SupervisedRunner
from semaphore_twisted.jobs.shortages import SupervisorFailed
from semaphore_twisted.model.jobs import (
    File,
    JobResult,
    JobSpecification,
    Pipe,
    Step,
)
from semaphore_twisted.model.results import JobEvent, StepBegun
from tests.support.disks import own_mounts, small_disk
from tests.support.pace import in_time

ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
NOBODY = 65534


def shell(script: str, **fields: Any) -> Step:
    """Return a step ``app`` that runs *script* with bash."""
    fields = {"name": "app", "environ": ENVIRON, **fields}
    return Step(argv=("bash", "-c", script), **fields)


def python(script: str, **fields: Any) -> Step:
    """Return a step ``app`` that runs *script* with this Python."""
    fields = {"name": "app", "environ": ENVIRON, **fields}
    return Step(argv=(sys.executable, "-I", "-S", "-c", script), **fields)


def alive(word: str) -> list[int]:
    """Return the processes that have *word* among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in arguments:
            found.append(int(path.parent.name))
    return found


@implementer(IJobReceiver)
class Receiver:
    """Keeps what a job gives; each delivery waits *pause* seconds for the store."""

    def __init__(self, reactor: Any, pause: float | None = None) -> None:
        self.reactor = reactor
        self.pause = pause
        self.received: list[str] = []
        self.parts: list[str] = []
        self.times: list[float] = []
        self.offset = 0
        self.facts: dict[str, str] = {}
        self.events: list[JobEvent] = []
        self.done: Deferred[JobResult] = Deferred()
        self.waiting: list[tuple[str, Deferred[None]]] = []
        self.deliveries = 0

    def lines(
        self,
        lines: Sequence[tuple[float, str]],
        offset: int,
        events: Sequence[JobEvent] = (),
    ) -> Deferred[None]:
        """Keep the lines."""
        self.deliveries += 1
        self.received += [text for _, text in lines]
        self.times += [moment for moment, _ in lines]
        self.events += events
        self.offset = offset
        self._look(self.received)
        if self.pause is None:
            return succeed(None)
        return deferLater(self.reactor, self.pause, lambda: None)

    def part(self, moment: float, text: str) -> Deferred[None]:
        """Keep the beginning of a line."""
        self.parts.append(text)
        self._look([text])
        return succeed(None)

    def _look(self, texts: list[str]) -> None:
        for entry in list(self.waiting):
            if entry[0] in texts:
                self.waiting.remove(entry)
                entry[1].callback(None)

    def fact(self, name: str, value: str) -> None:
        """Keep a fact."""
        self.facts[name] = value

    def ended(self, result: JobResult) -> None:
        """Keep the result."""
        self.done.callback(result)

    def line(self, text: str) -> Deferred[None]:
        """Fire once the line *text* was given, or a part with this text."""
        if text in self.received:
            return succeed(None)
        entry: tuple[str, Deferred[None]] = (text, Deferred())
        self.waiting.append(entry)
        return entry[1]


class JobCase(TestCase):
    """A place for jobs, and a runner."""

    timeout = 60

    def setUp(self) -> None:
        """Make a place for spools and workspaces."""
        from twisted.internet import reactor  # noqa: PLC0415 - as Twisted wants it

        self.reactor = cast("Any", reactor)
        # the commands set a narrow umask, other tests of theirs too
        self.addCleanup(os.umask, os.umask(0o022))
        self.place = Path(tempfile.mkdtemp(prefix="semaphore-job-"))
        self.place.chmod(0o711)
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.runner = SupervisedRunner(reactor=self.reactor)
        self.receiver = Receiver(self.reactor)
        self.followers: list[IJob] = []
        self.addCleanup(self._abandon)

    def _abandon(self) -> Deferred[None]:
        for follower in self.followers:
            follower.abandon()
        return deferLater(self.reactor, 0.02, lambda: None)

    def specification(self, *steps: Step, **fields: Any) -> JobSpecification:
        """Return a job with *steps* in this place."""
        folder = self.place / "spool"
        folder.mkdir(0o700, exist_ok=True)
        fields = {"mark": f"test-{self.place.name}", **fields}
        return JobSpecification(
            spool=str(folder),
            workspace=str(self.place / "workspaces" / "task_1"),
            steps=steps,
            **fields,
        )

    async def start(self, *steps: Step, **fields: Any) -> IJob:
        """Start a job."""
        (self.place / "workspaces").mkdir(0o711)
        follower = await self.runner.start(
            self.specification(*steps, **fields), self.receiver
        )
        self.followers.append(follower)
        return follower

    async def run_job(self, *steps: Step, **fields: Any) -> JobResult:
        """Run a job to its end; nothing of it is left but its spool."""
        await self.start(*steps, **fields)
        result = await self.receiver.done
        # the rest of a large one goes after the result
        await self.until(lambda: not any((self.place / "workspaces").iterdir()), 30)
        self.assertEqual(self.errors(), "")
        return result

    def errors(self) -> str:
        """Return what the supervisor complained about."""
        return (self.place / "spool" / "errors").read_text()

    def _supervisor(self) -> int:
        """Return the number of the process that listens at the control socket."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.place / "spool" / "control"))
            packed = control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, _, _ = struct.unpack("3i", packed)
        self.assertNotIn(pid, (0, os.getpid()))
        return int(pid)

    def kill_supervisor(self) -> None:
        """End the supervisor at once, as an administrator could."""
        os.kill(self._supervisor(), signal.SIGKILL)

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until *condition* holds."""
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it took too long")
            await deferLater(self.reactor, 0.02, lambda: None)


class RunTests(JobCase):
    """Steps, their outcome and their output."""

    async def test_success(self) -> None:
        """Steps run one after another in a fresh workspace with their own files."""
        result = await self.run_job(
            shell(
                "cat a/b > c; echo $HOME", name="one", environ=ENVIRON | {"HOME": "/h"}
            ),
            shell(
                "cat c; stat -c %a a/b a .; pwd", name="two", announce=("Two begins",)
            ),
            files=(File(path="a/b", content=b"content\n"),),
        )
        self.assertEqual(result.status, "success")
        self.assertEqual(
            self.receiver.received,
            [
                *("/h", "Two begins", "content", "600", "700", "700"),
                str(self.place / "workspaces/task_1"),
            ],
        )
        steps = [each.what for each in self.receiver.events]
        self.assertEqual(steps, [StepBegun("one"), StepBegun("two")])

    async def test_failure(self) -> None:
        """A failing step ends the job; its exit status is in the result and the log."""
        result = await self.run_job(shell("echo a; exit 2"), shell("echo never"))
        self.assertEqual(result.status, "error")
        self.assertEqual(result.reason, "Running app failed: exit status 2")
        self.assertEqual((result.step, result.exit_status), ("app", 2))
        self.assertEqual(
            self.receiver.received, ["a", "Running app failed: exit status 2"]
        )

    async def test_signal(self) -> None:
        """The error for a step that a signal ended names the signal."""
        result = await self.run_job(shell("kill -9 $$"))
        self.assertEqual(
            result.reason, "Running app failed: killed by signal 9 (SIGKILL)"
        )
        self.assertEqual((result.exit_status, result.signal), (None, 9))

    async def test_failure_sentence(self) -> None:
        """The step's failure sentence precedes its exit status."""
        result = await self.run_job(shell("exit 128", failure="Cannot be fetched"))
        self.assertEqual(result.reason, "Cannot be fetched (step app: exit status 128)")
        self.assertEqual(
            self.receiver.received,
            ["Cannot be fetched", "Running app failed: exit status 128"],
        )

    async def test_exits(self) -> None:
        """An exit status may be mapped to continue, or to success."""
        result = await self.run_job(
            shell("exit 1", exits={"1": "next"}),
            shell("exit 3", exits={"3": "success"}),
            shell("echo never"),
        )
        self.assertEqual(result.status, "success")
        self.assertEqual(self.receiver.received, [])

    async def test_missing_program(self) -> None:
        """A missing program is named, with a way to get it."""
        environ = {"PATH": "/nonexistent"}
        result = await self.run_job(
            Step(name="clone", argv=("git", "status"), environ=environ)
        )
        self.assertEqual(
            result.reason,
            "Running clone failed: git: not found; install it with the package git",
        )

    async def test_missing_interpreter(self) -> None:
        """A missing interpreter and a missing script give different errors."""
        result = await self.run_job(
            Step(name="app", argv=("{workspace}/run",), environ=ENVIRON),
            files=(File(path="run", content=b"#!/no/such\n", executable=True),),
        )
        self.assertIn("its interpreter", result.reason)

    async def test_requires(self) -> None:
        """A step whose file is missing is skipped, and the log says so."""
        step = shell("echo ran", requires="{workspace}/x", absent=("There is no x",))
        result = await self.run_job(step, shell("touch x"), step)
        self.assertEqual(result.status, "success")
        self.assertEqual(self.receiver.received, ["There is no x", "ran"])

    async def test_requires_by_link(self) -> None:
        """A link out of the workspace does not reveal whether a file exists."""
        step = shell("echo ran", requires="{workspace}/x", absent=("There is no x",))
        result = await self.run_job(shell("ln -s /etc/passwd x"), step)
        self.assertEqual(result.status, "success")
        self.assertEqual(self.receiver.received, ["There is no x"])

    async def test_capture(self) -> None:
        """Each line of captured output is a fact; errors go to the log."""
        names = ("commit_hash", "commit_message")
        await self.run_job(shell("echo warning >&2; echo abc; echo d", capture=names))
        facts = {"commit_hash": "abc", "commit_message": "d"}
        self.assertEqual(self.receiver.facts, facts)
        self.assertEqual(self.receiver.received, ["warning"])

    async def test_quiet(self) -> None:
        """The output of a quiet step is logged only if it fails."""
        await self.run_job(
            shell("echo dropped", quiet=True), shell("echo kept; exit 1", quiet=True)
        )
        self.assertEqual(
            self.receiver.received, ["kept", "Running app failed: exit status 1"]
        )

    async def test_pipes(self) -> None:
        """Secrets arrive through standard input and pipes, large ones too."""
        large = b"x" * 3_000_000
        await self.run_job(
            shell(
                "cat; cat {pipe:small}; cat $LARGE | wc -c",
                stdin=b"from stdin\n",
                environ=ENVIRON | {"LARGE": "{pipe:large}"},
                pipes=(
                    Pipe(name="small", content=b"from a pipe\n"),
                    Pipe(name="large", content=large),
                ),
            )
        )
        self.assertEqual(
            self.receiver.received, ["from stdin", "from a pipe", "3000000"]
        )

    async def test_environment(self) -> None:
        """A step has its own environment, the job's mark and nothing else."""
        await self.run_job(
            Step(name="app", argv=("/usr/bin/env",), environ={"A": "b"}),
            mark="the-mark",
        )
        self.assertEqual(self.receiver.received, ["A=b", "JOB_MARK=the-mark"])

    async def test_signals_are_default(self) -> None:
        """A step finds its signals at their defaults, and no descriptor too many."""
        await self.run_job(
            shell("grep -E 'Sig(Blk|Ign)' /proc/self/status; ls -x /proc/$$/fd; true")
        )
        # Two signals of the C library are as the tests were started.
        ours = (1 << 31) - 1
        for line in self.receiver.received[:2]:
            self.assertEqual(int(line.split()[-1], 16) & ours, 0, line)
        self.assertEqual(self.receiver.received[2].split(), ["0", "1", "2"])

    async def test_background(self) -> None:
        """The job waits for a background step, which runs on until the job's end."""
        word = f"word-{self.place.name}"
        path = str(self.place / "socket")
        listener = (
            "import os, socket, sys, time\n"
            "it = socket.socket(socket.AF_UNIX)\n"
            f"it.bind({path!r})\n"
            "time.sleep(0.3)\n"  # the file exists, but does not accept connections yet
            "it.listen()\n"
            "os.set_inheritable(it.fileno(), True)\n"
            f"os.execvp('sleep', [{word!r}, '1000'])\n"
        )
        client = f"import socket\nsocket.socket(socket.AF_UNIX).connect({path!r})\n"
        result = await self.run_job(
            python(listener, name="agent", background=True, ready=path),
            python(client + "print('let in')"),
        )
        self.assertEqual(result.status, "success")
        self.assertEqual(self.receiver.received, ["let in"])
        self.assertEqual(alive(word), [])

    async def test_lock(self) -> None:
        """A step waits for its lock."""
        lock = self.place / "lock"
        holder = subprocess.Popen(["flock", str(lock), "sleep", "0.4"])
        await self.until(lock.exists)
        await deferLater(self.reactor, 0.1, lambda: None)
        await self.run_job(shell("echo ran", lock=str(lock)))
        self.assertEqual(holder.poll(), 0)
        self.assertEqual(self.receiver.received, ["ran"])

    async def test_odd_modes(self) -> None:
        """The workspace is removed despite unusual modes and depths."""
        result = await self.run_job(
            python(
                "import os\n"
                "for i in range(3000):\n"
                "    os.mkdir('d' * 10); os.chdir('d' * 10)\n"
                "open('f', 'w').close()\n"
                "os.chmod('.', 0)\n"
            ),
            shell("mkdir -p a/b; ln -s / root; touch a/b/c; chmod 0 a/b a ."),
        )
        self.assertEqual(result.status, "success")

    async def test_finally(self) -> None:
        """Steps of the very end run after a failure; their own changes nothing."""
        marker = self.place / "marker"
        result = await self.run_job(
            shell("exit 1"),
            finally_steps=(
                shell("exit 7", name="broken"),
                shell(f"echo end; touch {marker}", name="clean"),
            ),
        )
        self.assertEqual(result.exit_status, 1)
        self.assertTrue(marker.exists())
        self.assertEqual(
            self.receiver.received,
            [
                "Running app failed: exit status 1",
                "Cleaning up: Running broken failed: exit status 7",
                "end",
            ],
        )

    async def test_path_out_of_the_workspace(self) -> None:
        """A file outside of the workspace is refused."""
        result = await self.run_job(
            shell("echo never"), files=(File(path="../x", content=b""),)
        )
        self.assertEqual(result.status, "error")
        self.assertIn("is not a path inside the workspace", result.reason)

    async def test_broken_specification(self) -> None:
        """An invalid specification starts no job, and gives the reason."""
        (self.place / "spool").mkdir(0o700)
        with self.assertRaises(SupervisorFailed):
            await self.runner._spawn(self.place / "spool", b'{"steps": ')
        self.assertFalse((self.place / "spool" / "result").exists())


class OutputTests(JobCase):
    """Bytes on their way to lines."""

    async def test_odd_bytes(self) -> None:
        """Characters stay whole with any read sizes; invalid UTF-8 becomes U+FFFD."""
        await self.run_job(
            python(
                "import os, time\n"
                "text = 'é Тест 漢字 😀'.encode()\n"
                "for i in range(len(text)):\n"
                "    os.write(1, text[i:i+1]); time.sleep(0.002)\n"
                r"os.write(1, b'\na\xffb\nc\rd\r\nlast')"
            )
        )
        self.assertEqual(
            self.receiver.received, ["é Тест 漢字 😀", "a\ufffdb", "c\rd\r", "last"]
        )

    async def test_interleaving(self) -> None:
        """Output and errors stay in the order in which they were written."""
        await self.run_job(shell("for i in {1..200}; do echo $i; echo e$i >&2; done"))
        expected = [word for i in range(1, 201) for word in (f"{i}", f"e{i}")]
        self.assertEqual(self.receiver.received, expected)

    async def test_many_lines(self) -> None:
        """300,000 numbered lines arrive in order at a slow store."""
        self.receiver.pause = 0.001
        await self.run_job(
            python("for i in range(300000): print(i)"), masks=(b"secret-secret",)
        )
        self.assertEqual(self.receiver.received, [str(i) for i in range(300000)])

    async def test_partial_line(self) -> None:
        """A line without its end is shown after 2 s, as a part, and stays one line."""
        await self.start(shell("printf 'Password: '; sleep 30"))
        began = time.monotonic()
        await self.receiver.line("Password: ")
        self.assertGreater(time.monotonic() - began, 1.5)
        self.assertEqual(self.receiver.received, [])
        self.followers[0].kill()
        await self.receiver.done
        self.assertEqual(self.receiver.received[0], "Password: ")

    async def test_secrets(self) -> None:
        """A secret is masked wherever a pipe cuts it, in files as well."""
        secret, key = "s3cr3t-Wörd", "first line of it\nsecond line of it"
        script = (
            "import os, time\n"
            f"secret, key = {secret!r}.encode(), {key!r}.encode()\n"
            "for at in range(1, len(secret)):\n"
            "    os.write(1, b'a' + secret[:at]); time.sleep(0.002)\n"
            "    os.write(1, secret[at:] + b'b\\n')\n"
            "os.write(1, b'x' * 200000 + secret + b'y' * 200000 + b'\\n')\n"
            "for at in range(0, len(key), 5):\n"
            "    os.write(1, key[at:at+5]); time.sleep(0.002)\n"
            "os.write(1, b'\\n')\n"
            "os.write(1, b'z' + secret[:6]); time.sleep(2.5)\n"
            "os.write(1, secret[6:] + b'\\n')\n"
        )
        await self.run_job(python(script), masks=(secret.encode(), key.encode()))
        text = "".join(self.receiver.received)
        self.assertEqual(self.receiver.received[:11], ["a***b"] * 11)
        self.assertEqual(text[55:].replace("x", "").replace("y", ""), "******z***")
        kept = (self.place / "spool" / "output").read_bytes()
        self.assertNotIn(secret.encode(), kept)
        self.assertNotIn(b"second line", kept)

    async def test_limit(self) -> None:
        """Output over the limit is dropped, and one line reports it."""
        result = await self.run_job(
            python("for i in range(50000): print(i)"), max_output_bytes=10_000
        )
        self.assertEqual(result.status, "success")
        numbers = self.receiver.received[:-1]
        self.assertEqual(numbers, [str(i) for i in range(len(numbers))])
        self.assertEqual(
            self.receiver.received[-1],
            "Output is over 10000 bytes; the rest is dropped",
        )

    async def test_latency(self) -> None:
        """A line of a job that is idle arrives without a poll's delay."""
        await self.start(
            python(
                "import time\n"
                "for i in range(20):\n"
                "    time.sleep(0.03); print(time.time(), flush=True)\n"
            )
        )
        delays: list[float] = []
        keep = self.receiver.lines

        def lines(
            lines: Sequence[tuple[float, str]],
            offset: int,
            events: Sequence[JobEvent] = (),
        ) -> Deferred[None]:
            delays.extend(time.time() - float(text) for _, text in lines)
            return keep(lines, offset, events)

        self.receiver.lines = lines  # type: ignore[method-assign]
        await self.receiver.done
        in_time(sorted(delays)[len(delays) // 2], 0.02)

    async def test_full_disk(self) -> None:
        """A full disk does not change a job's result; dropped output is reported."""
        self.small_spool("1m")
        specification = self.specification(
            python(
                "import time\n"
                "for i in range(40000): print('x' * 99)\n"
                "time.sleep(0.5)\n"
                "open('done', 'w').close()\n"
            ),
            shell("ls"),
        )
        (self.place / "workspaces").mkdir(0o711)
        await self.runner.start(specification, self.receiver)
        result = await self.receiver.done
        self.assertEqual((result.status, result.reason), ("success", ""))
        self.assertIn("x" * 99, self.receiver.received)
        told = [each for each in self.receiver.received if "dropped" in each]
        self.assertEqual(len(told), 1, told)
        kept = self.receiver.received.count("x" * 99)
        self.assertEqual(result.dropped, (40000 - kept) * 100 + 5)
        self.assertTrue(told[0].startswith(f"{result.dropped} bytes"), told)
        self.assertIn("less than 64 KiB", told[0])

    async def test_room_again(self) -> None:
        """Stored output is given back to the disk, so that a job can print more."""
        self.small_spool("4m")
        (self.place / "workspaces").mkdir(0o711)
        specification = self.specification(
            python(
                "import time\n"
                "for i in range(40):\n"
                "    for j in range(2000): print('x' * 99)\n"
                "    time.sleep(0.02)\n"
            )
        )
        keep = self.receiver.lines

        def lines(
            lines: Sequence[tuple[float, str]],
            offset: int,
            events: Sequence[JobEvent] = (),
        ) -> Deferred[None]:
            self.followers[0].release(offset)
            return keep(lines, offset, events)

        follower = await self.runner.start(specification, self.receiver)
        self.followers.append(follower)
        self.receiver.lines = lines  # type: ignore[method-assign]
        result = await self.receiver.done
        self.assertEqual(result.status, "success")
        written = self.receiver.received.count("x" * 99)
        self.assertGreater(written, 45_000)  # of 8 MB, more than the disk has

    def small_spool(self, size: str) -> None:
        """Put a small disk where the spool will be."""
        own_mounts(self)
        small_disk(self, self.place / "spool", size=size)


class StopTests(JobCase):
    """Stop, limits, and cleaning up."""

    def tree(self, word: str) -> Step:
        """Return a step of three levels, sessions of their own and deaf processes."""
        return python(
            "import os, signal, subprocess, sys, time\n"
            "sleep = [sys.executable, '-c', 'import time; time.sleep(600)',"
            f"{word!r}]\n"
            "deaf = [sys.executable, '-c', 'import signal, time;"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            f'print("deaf", flush=True); time.sleep(600)\', {word!r}]\n'
            "subprocess.Popen(sleep)\n"
            "subprocess.Popen(deaf, start_new_session=True)\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    if os.fork() == 0:\n"
            "        subprocess.Popen(sleep, env={}, start_new_session=True)\n"
            "        os.execv(sleep[0], sleep)\n"
            "    os._exit(0)\n"
            "time.sleep(600)\n"
        )

    async def test_stop(self) -> None:
        """Stop ends three levels, sessions of their own and a deaf process."""
        word = f"word-{self.place.name}"
        await self.start(self.tree(word), grace=0.5)
        await self.receiver.line("deaf")
        await self.until(lambda: len(alive(word)) == 4)
        self.followers[0].stop()
        result = await self.receiver.done
        self.assertEqual(
            (result.status, result.reason), ("stopped", "Stopped by request")
        )
        self.assertEqual(alive(word), [])
        self.assertEqual(self.receiver.received[-1], "Stopped by request")

    async def test_polite(self) -> None:
        """A job that cleans up at SIGTERM gets the time for it, and its lines count."""
        await self.start(
            shell(
                "trap 'echo cleaning; sleep 0.3; echo clean; exit' TERM; echo up\n"
                "while :; do sleep 0.05; done"
            )
        )
        await self.receiver.line("up")
        self.followers[0].stop()
        result = await self.receiver.done
        self.assertEqual(result.status, "stopped")
        self.assertEqual(
            [line for line in self.receiver.received if "clean" in line],
            ["cleaning", "clean"],
        )

    async def test_kill(self) -> None:
        """Kill does not wait for the grace time."""
        word = f"word-{self.place.name}"
        await self.start(self.tree(word), grace=30)
        await self.receiver.line("deaf")
        self.followers[0].kill()
        began = time.monotonic()
        result = await self.receiver.done
        self.assertEqual(result.status, "stopped")
        in_time(time.monotonic() - began, 5)
        self.assertEqual(alive(word), [])

    async def test_stop_early(self) -> None:
        """After a stop during the checkout no later step starts."""
        marker = self.place / "marker"
        await self.start(
            shell("sleep 600", name="clone"), shell(f"touch {marker}"), grace=1
        )
        self.followers[0].stop()
        result = await self.receiver.done
        self.assertEqual(result.status, "stopped")
        self.assertFalse(marker.exists())

    async def test_stop_while_waiting_for_a_lock(self) -> None:
        """A job that waits for a lock can be stopped."""
        lock = self.place / "lock"
        holder = subprocess.Popen(["flock", str(lock), "sleep", "600"])
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        await self.until(lock.exists)
        await deferLater(self.reactor, 0.1, lambda: None)
        await self.start(shell("echo never", lock=str(lock)))
        self.followers[0].stop()
        result = await self.receiver.done
        self.assertEqual(result.status, "stopped")
        subprocess.run(["pkill", "-P", str(holder.pid)], check=False)

    async def test_time_limit(self) -> None:
        """The time limit of a job ends it as error, its children with it."""
        word = f"word-{self.place.name}"
        result = await self.run_job(self.tree(word), time_limit=1, grace=0.5)
        self.assertEqual((result.status, result.reason), ("error", "time limit of 1 s"))
        self.assertEqual(alive(word), [])

    async def test_time_limit_of_a_step(self) -> None:
        """A step's own time limit names the step."""
        result = await self.run_job(shell("sleep 60", time_limit=0.3))
        self.assertEqual(result.reason, "Running app failed: time limit of 0.3 s")

    async def test_left_behind(self) -> None:
        """Processes that a step leaves behind do not delay the job, and end with it."""
        word = f"word-{self.place.name}"
        began = time.monotonic()
        result = await self.run_job(
            shell(f"(exec -a {word} sleep 600) & echo done"), shell("echo next")
        )
        self.assertEqual(result.status, "success")
        self.assertEqual(self.receiver.received, ["done", "next"])
        self.assertEqual(alive(word), [])
        in_time(time.monotonic() - began, 5)


class UserTests(JobCase):
    """Jobs that run as another user."""

    def setUp(self) -> None:
        """Only root may switch."""
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root may run jobs as another user")

    async def test_switch(self) -> None:
        """Steps run as the job's user, without groups or a way back; files are its."""
        result = await self.run_job(
            shell(
                "id -u; id -G; cat f {pipe:p} /dev/stdin; echo err > /dev/stderr;"
                "grep NoNewPrivs /proc/self/status | cut -f2; touch mine; chmod 0 .",
                stdin=b"in\n",
                pipes=(Pipe(name="p", content=b"pipe\n"),),
            ),
            shell("id -u", as_user=False, cwd="/"),
            files=(File(path="f", content=b"file\n"),),
            uid=NOBODY,
            gid=NOBODY,
        )
        self.assertEqual(result.status, "success", result.reason)
        self.assertEqual(
            self.receiver.received,
            [
                *(str(NOBODY), str(NOBODY), "file", "pipe", "in", "err", "1"),
                "0",
            ],
        )

    async def test_spool_is_closed(self) -> None:
        """A job of another user can read neither spool nor the supervisor's memory."""
        spool_path = self.place / "spool"
        await self.run_job(
            shell(
                f"cat {spool_path}/output; cat /proc/$PPID/environ; ls /proc/$PPID/fd"
            ),
            uid=NOBODY,
        )
        self.assertEqual(
            len([line for line in self.receiver.received if "ermission" in line]), 3
        )


class SurvivalTests(JobCase):
    """A job outlives the process that started it."""

    def attach(self, offset: int = 0) -> Receiver:
        """Attach to the job from *offset* with a new receiver."""
        receiver = Receiver(self.reactor)
        self.followers.append(
            self.runner.attach(str(self.place / "spool"), offset, receiver)
        )
        return receiver

    async def test_killed_server(self) -> None:
        """After a kill -9 of the starter a job continues and is followed again."""
        (self.place / "workspaces").mkdir(0o711)
        specification = self.specification(
            shell("for i in {1..40}; do echo $i; sleep 0.05; done; exit 3")
        )
        program = (
            "import sys, msgspec\n"
            "from twisted.internet import reactor\n"
            "from semaphore_twisted.jobs.process import SupervisedRunner\n"
            "from semaphore_twisted.model.jobs import JobSpecification\n"
            "from twisted.internet.defer import succeed\n"
            "class Receiver:\n"
            "    def lines(self, lines, offset, events=()):\n"
            "        print(len(lines), offset, flush=True)\n"
            "        return succeed(None)\n"
            "    fact = ended = lambda *a: None\n"
            "spec = msgspec.json.decode(sys.argv[1], type=JobSpecification)\n"
            "SupervisedRunner(reactor=reactor).start(spec, Receiver())\n"
            "reactor.run()\n"
        )
        starter = subprocess.Popen(
            [sys.executable, "-c", program, msgspec.json.encode(specification)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert starter.stdout is not None
        count, offset = 0, 0
        while count < 5:
            lines, offset = map(int, starter.stdout.readline().split())
            count += lines
        os.killpg(starter.pid, signal.SIGKILL)
        starter.stdout.close()
        starter.wait()
        receiver = self.attach(offset)
        result = await receiver.done
        self.assertEqual(result.exit_status, 3)
        expected = [str(i) for i in range(1, 41)]
        self.assertEqual(receiver.received[:-1], expected[count:])

    async def test_finished_meanwhile(self) -> None:
        """A job that ended without a follower is read to its end."""
        await self.start(shell("sleep 0.2; echo late; exit 5"))
        self.followers[0].abandon()
        await self.until((self.place / "spool" / "result").exists)
        receiver = self.attach()
        result = await receiver.done
        self.assertEqual(result.exit_status, 5)
        self.assertEqual(
            receiver.received, ["late", "Running app failed: exit status 5"]
        )

    async def test_stop_after_attaching(self) -> None:
        """A job that was attached to again can be stopped at once."""
        await self.start(shell("sleep 600"), grace=1)
        self.followers[0].abandon()
        receiver = self.attach()
        self.followers[-1].stop()
        result = await receiver.done
        self.assertEqual(result.status, "stopped")

    async def test_vanished(self) -> None:
        """Where the supervisor is killed, the job is interrupted; none is left."""
        word = f"word-{self.place.name}"
        await self.start(
            shell(
                f"(exec -a {word} setsid sleep 600) & echo up; sleep 600; true {word}"
            )
        )
        await self.receiver.line("up")
        self.kill_supervisor()
        result = await self.receiver.done
        self.assertEqual((result.status, result.reason), ("error", "interrupted"))
        self.assertEqual(alive(word), [])
        self.assertEqual(list((self.place / "workspaces").iterdir()), [])
        self.assertEqual(self.receiver.received, ["up", "interrupted"])

    async def test_vanished_after_a_release(self) -> None:
        """The output that was not stored survives a supervisor that vanishes."""
        follower = await self.start(
            python("print('first ' * 2000, flush=True)"),
            shell("echo second; sleep 600"),
        )
        await self.receiver.line("second")
        follower.abandon()
        output = self.place / "spool" / "output"
        records, _ = spool.decode(output.read_bytes())
        second = next(
            before.end for before, after in pairwise(records) if b"second" in after.body
        )
        with output.open("r+b") as file:
            punch(file.fileno(), second)
        self.kill_supervisor()
        again = Receiver(self.reactor)
        self.followers.append(
            self.runner.attach(str(self.place / "spool"), second, again)
        )
        result = await again.done
        self.assertEqual((result.status, result.reason), ("error", "interrupted"))
        self.assertEqual(again.received[0], "second")

    async def test_vanished_meanwhile(self) -> None:
        """An incomplete record is cut off, and the job is interrupted."""
        await self.start(shell("echo up; sleep 600"))
        await self.receiver.line("up")
        self.followers[0].abandon()
        self.kill_supervisor()
        output = self.place / "spool" / "output"
        record = spool.encode(spool.RecordKind.OUTPUT, 0, b"torn\n")
        with output.open("ab") as file:
            file.write(record[:-2])
        receiver = self.attach()
        result = await receiver.done
        self.assertEqual(result.reason, "interrupted")
        self.assertEqual(receiver.received, ["up", "interrupted"])

    async def test_empty_spool(self) -> None:
        """A spool in which no supervisor has ever been is an interrupted job."""
        (self.place / "spool").mkdir(0o700)
        receiver = self.attach()
        result = await receiver.done
        self.assertEqual((result.status, result.reason), ("error", "interrupted"))

    async def test_signals(self) -> None:
        """SIGHUP and SIGINT do not touch the job, SIGTERM stops it."""
        await self.start(shell("echo up; sleep 600"), grace=1)
        await self.receiver.line("up")
        pid = self._supervisor()
        for number in (signal.SIGHUP, signal.SIGINT):
            os.kill(pid, number)
        await deferLater(self.reactor, 0.1, lambda: None)
        self.assertFalse(self.receiver.done.called)
        os.kill(pid, signal.SIGTERM)
        result = await self.receiver.done
        self.assertEqual(result.status, "stopped")

    async def test_store_fails(self) -> None:
        """A failing receiver ends the following, which can resume at its offset."""
        self.receiver.pause = None

        def fails(
            lines: Sequence[tuple[float, str]],
            offset: int,
            events: Sequence[JobEvent] = (),
        ) -> Deferred[None]:
            raise ValueError("no store")

        self.receiver.lines = fails  # type: ignore[method-assign]
        await self.start(shell("echo one; sleep 0.2; echo two"))
        await self.until((self.place / "spool" / "result").exists)
        self.assertFalse(self.receiver.done.called)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        receiver = self.attach()
        await receiver.done
        self.assertEqual(receiver.received, ["one", "two"])
