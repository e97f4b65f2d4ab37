"""The table of limits in ``docs/architecture.md`` is that of the module."""

import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import lines
from semaphore_twisted.jobs.supervision import (
    control,
    masker,
    memory_files,
    plan_document,
    records,
    state_rescue,
)
from semaphore_twisted.model import companion_limits, limits

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"

_ROW = re.compile(r"^\| [^|]+ \| [^|]*`([A-Z_]+)` \| ([0-9.]+)( KiB| MiB| s)? \|", re.M)
_KIND = re.compile(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.M)
_TESTS = re.compile(r"^\| ([^|]+) \| (`tests[^|]+) \|$", re.M)
_UNITS = {"": 1, " s": 1, " KiB": 1 << 10, " MiB": 1 << 20}


class TableTests(SynchronousTestCase):
    """The documented limits are the effective ones."""

    def test_table(self) -> None:
        """Each limit has one row with its value, and each row is a limit."""
        rows = _ROW.findall(DOCUMENT.read_text())
        documented = {name: float(value) * _UNITS[unit] for name, value, unit in rows}
        self.assertEqual(len(documented), len(rows), "a limit has two rows")
        held = {
            name: float(value)
            for module in (limits, companion_limits)
            for name, value in vars(module).items()
            if name.isupper()
        }
        held = {name: each for name, each in held.items() if name[0] != "_"}
        self.assertEqual(documented, held)

    def test_tests(self) -> None:
        """Each kind of buffer has tests that try to exceed its limits."""
        text = DOCUMENT.read_text().partition("## Limits")[2].partition("\n## ")[0]
        kinds = {row[0] for row in _KIND.findall(text) if row[1] not in {"limit"}}
        tested = dict(_TESTS.findall(text))
        self.assertEqual(set(tested), kinds)
        for names in tested.values():
            for name in re.findall(r"`([\w.]+)`", names):
                self.assertIsNotNone(namedAny(name), name)


class SupervisorTests(SynchronousTestCase):
    """The supervisor, which imports nothing but its own parts, has the same limits."""

    def test_same(self) -> None:
        """The server has the same limits as the supervisor."""
        self.assertEqual(
            (masker.LONGEST_LINE, records.LONGEST, lines.LONGEST),
            (limits.LOG_LINE, limits.SPOOL_RECORD, limits.LOG_LINE),
        )
        self.assertEqual(
            (control.LONGEST_ORDER, control.MOST_SERVERS),
            (limits.SUPERVISOR_ORDER, limits.SUPERVISOR_CONNECTIONS),
        )
        self.assertEqual(
            (
                *(plan_document.LONGEST_PRINTED, plan_document.LONGEST_WRITTEN),
                *(plan_document.MOST_VALUES, memory_files.LONGEST_FILE),
            ),
            (
                *(limits.PLAN_JSON, limits.PLAN_RECORD),
                *(limits.PLAN_PRINTED_VALUES, limits.PLAN_FILE),
            ),
        )
        self.assertEqual(state_rescue.LONGEST, limits.STATE_RESCUED)

    def test_connections(self) -> None:
        """Of many connections the newest are heard; the rest is closed."""
        folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, folder)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder)
        orders: list[str] = []
        listening = control.Control(ordered=orders.append)
        self.addCleanup(listening.close)
        (descriptor,) = listening.descriptors()
        servers = []
        for _ in range(3 * limits.SUPERVISOR_CONNECTIONS):
            servers.append(socket.socket(socket.AF_UNIX))
            self.addCleanup(servers[-1].close)
            servers[-1].connect("control")
            self.assertTrue(listening.readable(descriptor))
        self.assertEqual(
            len(listening.descriptors()), 1 + limits.SUPERVISOR_CONNECTIONS
        )
        self.assertEqual(servers[0].recv(1), b"")
        servers[-1].sendall(b"stop\n")
        self.assertTrue(listening.readable(listening.descriptors()[-1]))
        self.assertEqual(orders, ["stop"])
