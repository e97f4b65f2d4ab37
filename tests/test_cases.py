"""``tests/cases.md`` is true: each test that it names exists.

Tests of the first round (B and V) name their cases too, those of the second (C) do not.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

TESTS = Path(__file__).parent
_CASE = re.compile(r"\b[BV]\d{2,3}\b")
_TEST = re.compile(r"`(tests\.[\w.]+)`")


def _docstrings() -> Iterator[tuple[str, str]]:
    """Yield each test's dotted name, and its docstring."""
    for path in sorted([*TESTS.rglob("test_*.py"), TESTS / "soak.py"]):
        module = ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)
        for case in ast.parse(path.read_text()).body:
            if isinstance(case, ast.ClassDef):
                for function in case.body:
                    if isinstance(
                        function, ast.FunctionDef | ast.AsyncFunctionDef
                    ) and function.name.startswith("test"):
                        name = f"{module}.{case.name}.{function.name}"
                        yield name, ast.get_docstring(function) or ""


def _rows() -> Iterator[tuple[str, str]]:
    """Yield each row of the table: the case, and the rest of the line."""
    for line in (TESTS / "cases.md").read_text().splitlines():
        if re.match(r"\| [BVC]\d", line):
            case, _, rest = line[2:].partition(" | ")
            yield case.strip(), rest


class CasesTests(SynchronousTestCase):
    """The list of cases agrees with the tests."""

    def test_named_tests_exist(self) -> None:
        """Every test that the list names exists; B and V are in its docstring."""
        docstrings = dict(_docstrings())
        wrong = [
            f"{case}: {name}"
            for case, rest in _rows()
            for name in _TEST.findall(rest)
            if name not in docstrings
            or (
                not case.startswith("C") and case not in _CASE.findall(docstrings[name])
            )
        ]
        self.assertEqual(wrong, [])

    def test_every_case_is_listed(self) -> None:
        """Every case that a test names has a row with that test."""
        rows = dict(_rows())
        missing = [
            f"{case}: {name}"
            for name, docstring in _docstrings()
            for case in _CASE.findall(docstring)
            if name not in _TEST.findall(rows.get(case, ""))
        ]
        self.assertEqual(missing, [])

    def test_no_empty_row(self) -> None:
        """A row names a test, says what it waits for, or is said to be open."""
        empty = [
            case
            for case, rest in _rows()
            if not _TEST.findall(rest)
            and "waits for" not in rest
            and not rest.endswith("| open |")
        ]
        self.assertEqual(empty, [])
