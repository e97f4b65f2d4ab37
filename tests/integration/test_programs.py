"""Programs that the companion runs."""

import os
from typing import Any
from unittest import skipUnless

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from semaphore_twisted.vpnd import programs
from semaphore_twisted.vpnd.diagnosis import WITHOUT_CAPABILITY
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs
from semaphore_twisted.wireguard.state import DeviceFailed

#: mypy does not know all interfaces of the reactor
REACTOR: Any = reactor


class ProgramsTests(TestCase):
    """They are real ones here."""

    timeout = 30

    def setUp(self) -> None:
        """Use a short timeout."""
        self.programs = Programs(REACTOR, timeout=0.5)

    async def test_output(self) -> None:
        """Input and output of any size are passed on; standard error is not."""
        content = os.urandom(3_000_000)
        self.assertEqual(await self.programs.run("cat", content=content), content)
        printed = await self.programs.run("sh", "-c", "echo secret >&2; echo out")
        self.assertEqual(printed, b"out\n")
        # a program need not read its input
        self.assertEqual(await self.programs.run("true", content=content), b"")

    async def test_environment(self) -> None:
        """A program finds our environment, not the tester's."""
        printed = await self.programs.run("env")
        found = dict(line.split("=", 1) for line in printed.decode().splitlines())
        self.assertEqual(found, programs.ENVIRONMENT)

    @skipUnless(os.geteuid() == 0, "only root gives a capability")
    async def test_doctor_has_no_capability(self) -> None:
        """The program that inspects the machine does not inherit the capability."""
        printed = await Programs(REACTOR, timeout=20).run(
            *("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=+net_admin"),
            *("--ambient-caps=+net_admin", *WITHOUT_CAPABILITY),
            *("/bin/cat", "/proc/self/status"),
        )
        for name in ("Prm", "Eff", "Amb"):
            self.assertIn(f"Cap{name}:\t{0:016x}\n", printed.decode())

    async def test_failure(self) -> None:
        """A failure has the program's name and code, and nothing that it printed."""
        with self.assertRaises(ProgramFailed) as caught:
            await self.programs.run("sh", "-c", "echo secret; echo secret >&2; exit 7")
        self.assertEqual(str(caught.exception), "sh failed (exit code 7)")
        with self.assertRaises(DeviceFailed) as missing:
            await self.programs.run("no-such-program")
        self.assertIn("not there", str(missing.exception))
        self.assertNotIsInstance(missing.exception, ProgramFailed)

    async def test_late(self) -> None:
        """A program that takes too long is ended."""
        with self.assertRaises(ProgramFailed) as caught:
            await self.programs.run("sleep", "1000")
        self.assertEqual(str(caught.exception), "sleep took too long")

    async def test_too_much(self) -> None:
        """A program that prints without end is ended."""
        patient = Programs(REACTOR, timeout=20)
        with self.assertRaises(ProgramFailed) as caught:
            await patient.run("yes")
        self.assertEqual(str(caught.exception), "yes printed too much")

    async def test_read(self) -> None:
        """JSON output is decoded as the expected type, or refused."""
        read = self.programs.read
        self.assertEqual(await read(list[int], "echo", "[1]"), [1])
        self.assertEqual(await read(list[int], "echo"), [])
        with self.assertRaises(DeviceFailed):
            await read(list[int], "echo", '["a"]')
