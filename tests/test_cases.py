"""``tests/cases.md`` is true: it maps each case to tests that exist.

The list is the only place of the codes of cases; docstrings of tests have none.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.syntax import nodes, tree

TESTS = Path(__file__).parent
_CODE = re.compile(r"\b[BVC]\d{2,3}\b|^[BVCST]\d{1,3}\b[^:\n]*:")
_TEST = re.compile(r"`(tests\.[\w.]+)`")
#: A test of the page in a browser: its file, and its name.
_PAGE_TEST = re.compile(r"`(ui/e2e/tests/[\w.]+): ([^`]+)`")

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _test_files() -> list[Path]:
    return sorted([*TESTS.rglob("test_*.py"), TESTS / "soak.py"])


def _name(path: Path) -> str:
    return ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)


def _tests() -> Iterator[str]:
    """Yield each test's dotted name."""
    for path in _test_files():
        for case in tree(path).body:
            if isinstance(case, ast.ClassDef):
                for function in case.body:
                    if isinstance(
                        function, ast.FunctionDef | ast.AsyncFunctionDef
                    ) and function.name.startswith("test"):
                        yield f"{_name(path)}.{case.name}.{function.name}"


def _docstrings() -> Iterator[tuple[str, str]]:
    """Yield each docstring of the tests, after the name of its module."""
    for path in sorted(TESTS.rglob("*.py")):
        for node in nodes(path):
            if isinstance(node, _Documented):
                yield _name(path), ast.get_docstring(node) or ""


def _rows() -> Iterator[tuple[str, str]]:
    """Yield each row of the table: the case, and the rest of the line."""
    for line in (TESTS / "cases.md").read_text().splitlines():
        if re.match(r"\| [BVC]\d", line):
            case, _, rest = line[2:].partition(" | ")
            yield case.strip(), rest


class CasesTests(SynchronousTestCase):
    """The list of cases agrees with the tests."""

    def test_named_tests_exist(self) -> None:
        """Every test that the list names exists."""
        tests = set(_tests())
        wrong = [
            f"{case}: {name}"
            for case, rest in _rows()
            for name in _TEST.findall(rest)
            if name not in tests
        ]
        self.assertEqual(wrong, [])

    def test_named_page_tests_exist(self) -> None:
        """Every test of the page that the list names is in its file."""
        wrong = [
            f"{case}: {name}"
            for case, rest in _rows()
            for file, name in _PAGE_TEST.findall(rest)
            if name not in (TESTS.parent / file).read_text()
        ]
        self.assertEqual(wrong, [])

    def test_one_row_for_each_case(self) -> None:
        """No case has two rows, and no row names a test twice."""
        cases = [case for case, _ in _rows()]
        twice = [case for case in cases if cases.count(case) > 1]
        for case, rest in _rows():
            names = _TEST.findall(rest)
            twice += [f"{case}: {name}" for name in names if names.count(name) > 1]
        self.assertEqual(twice, [])

    def test_no_code_in_a_docstring(self) -> None:
        """Docstrings say what a test shows; codes of cases are in the list only."""
        found = [
            f"{module}: {text.splitlines()[0]}"
            for module, text in _docstrings()
            if _CODE.search(text)
        ]
        self.assertEqual(found, [])

    def test_no_empty_row(self) -> None:
        """A row names a test, says what it waits for, or is said to be open."""
        empty = [
            case
            for case, rest in _rows()
            if not _TEST.findall(rest)
            and not _PAGE_TEST.findall(rest)
            and "waits for" not in rest
            and not rest.endswith("| open |")
        ]
        self.assertEqual(empty, [])
