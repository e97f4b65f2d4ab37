"""The table of limits in ``docs/architecture.md`` is that of the module."""

import re
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"

_ROW = re.compile(r"^\| [^|]+ \| [^|]*`([A-Z_]+)` \| ([0-9.]+)( KiB| MiB| s)? \|", re.M)
_KIND = re.compile(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.M)
_TESTS = re.compile(r"^\| ([^|]+) \| (`tests[^|]+) \|$", re.M)
_UNITS = {"": 1, " s": 1, " KiB": 1 << 10, " MiB": 1 << 20}


class TableTests(SynchronousTestCase):
    """What is documented is what holds."""

    def test_table(self) -> None:
        """Each limit has one row with its value, and each row is a limit."""
        rows = _ROW.findall(DOCUMENT.read_text())
        documented = {name: float(value) * _UNITS[unit] for name, value, unit in rows}
        self.assertEqual(len(documented), len(rows), "a limit has two rows")
        held = {
            name: float(value) for name, value in vars(limits).items() if name.isupper()
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
