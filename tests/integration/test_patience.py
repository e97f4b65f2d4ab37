"""Programs with patience get time when their supervisor vanishes or ends them."""

from typing import Any

from semaphore_twisted.jobs.process import SupervisedRunner
from semaphore_twisted.model.jobs import Step
from tests.integration.test_namespaces import NamespaceCase
from tests.integration.test_supervisor import JobCase, alive, python, shell

#: Writes a file *saved* after it was interrupted, with a service that still runs. What
#: it says goes to a pipe that nothing reads any more.
_APPLIES = """\
save() {{
    for i in 1 2 3; do echo interrupted; sleep 0.1; done
    echo state >saved
    exit 1
}}
trap save INT
exec -a {word} sleep 600 &
echo up
while :; do wait; done
"""
#: Says at its end whether the program has written its file before.
_SERVES = """\
trap '[ ! -e saved ] || touch {after}; exit' TERM
while :; do sleep 0.1; done
"""


class VanishedMixin:
    """The job of these tests."""

    async def vanish(
        self: Any,
        *,
        patience: float = 60,
        script: str = "",
        forced: bool = False,
        again: bool = False,
    ) -> list[str]:
        """Kill the supervisor of such a program; return the log.

        With *forced* the job is then stopped by force; with *again* the supervisor that
        cleans up is killed, too.
        """
        self.word = f"word-{self.place.name}"
        after = self.place / "after"
        service = shell(
            _SERVES.format(after=after),
            name="service",
            background=True,
            patience=10,
            as_user=False,
        )
        show = shell("cat saved", name="show", requires="{workspace}/saved")

        async def last_steps(spool: Any) -> tuple[Step, ...]:
            self.assertEqual(spool, self.place / "spool")
            return (show,)

        self.runner = SupervisedRunner(reactor=self.reactor, last_steps=last_steps)
        applies = shell(
            script or _APPLIES.format(word=self.word), name="apply", patience=patience
        )
        await self.start(service, applies)
        await self.receiver.line("up")
        self.kill_supervisor()
        if forced or again:
            await self.until(lambda: len(self.receiver.received) > 1)
        if forced:
            self.followers[0].kill()
        if again:
            self.kill_supervisor()
        result = await self.receiver.done
        self.assertEqual((result.status, result.reason), ("error", "interrupted"))
        self.assertEqual(alive(self.word), [])
        self.assertEqual(list((self.place / "workspaces").iterdir()), [])
        lines: list[str] = self.receiver.received
        self.assertEqual(after.exists(), "state" in lines, "the service ended before")
        return lines


class VanishedTests(VanishedMixin, JobCase):
    """Without namespaces."""

    async def test_stored(self) -> None:
        """The program stores its state with the service, and the last steps have it."""
        lines = await self.vanish()
        self.assertIn("state", lines)
        self.assertIn("waiting up to 1 minute", lines[1])

    async def test_endless(self) -> None:
        """One that does not end is killed after its seconds."""
        script = "trap '' INT; echo up; while :; do sleep 0.1; done"
        lines = await self.vanish(patience=1, script=script)
        self.assertIn("waiting up to 1 seconds", lines[1])

    async def test_forced(self) -> None:
        """A forced stop ends it at once."""
        script = "trap '' INT; echo up; while :; do sleep 0.1; done"
        lines = await self.vanish(script=script, forced=True)
        self.assertNotIn("state", lines)

    async def test_again(self) -> None:
        """The supervisor that waits for it may be killed, too."""
        script = (
            "save() { for i in {1..30}; do sleep 0.1; done; echo state >saved; exit; }"
            "\n"
            "trap save INT; echo up; while :; do sleep 0.1; done"
        )
        lines = await self.vanish(script=script, again=True)
        self.assertIn("state", lines)
        self.assertEqual(sum("waiting up to" in each for each in lines), 2)

    async def test_much_output(self) -> None:
        """It can write more than a pipe holds."""
        script = (
            "save() { head -c 5000000 /dev/zero; echo state >saved; exit; }\n"
            "trap save INT; echo up; while :; do sleep 0.1; done"
        )
        self.assertIn("state", await self.vanish(script=script))


class SeparatedTests(VanishedMixin, NamespaceCase):
    """In namespaces, whose first process gives the time."""

    async def test_stored(self) -> None:
        """The same is true there."""
        self.assertIn("state", await self.vanish())

    async def test_escaped(self) -> None:
        """A process that left its session, without a mark, ends after the program."""
        self.word = f"word-{self.place.name}"
        script = (
            f"env -i setsid bash -c 'exec -a {self.word} sleep 600' &\n"
            "save() { echo state >saved; exit; }\n"
            "trap save INT; echo up; while :; do sleep 0.1; done"
        )
        self.assertIn("state", await self.vanish(script=script))


class EndTests(JobCase):
    """The end of a job."""

    async def test_service(self) -> None:
        """A service with patience finishes its work after the other programs."""
        finished = self.place / "finished"
        service = python(
            "import pathlib, signal, sys, time\n"
            "def finish(*_):\n"
            "    time.sleep(2)\n"
            f"    pathlib.Path({str(finished)!r}).touch()\n"
            "    sys.exit()\n"
            "signal.signal(signal.SIGTERM, finish)\n"
            "signal.pause()\n",
            name="service",
            background=True,
            patience=20,
        )
        result = await self.run_job(service, shell("sleep 0.5; echo applied"))
        self.assertEqual(result.status, "success")
        self.assertTrue(finished.exists())
