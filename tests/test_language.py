"""The language of the code: docstrings, names and their number."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

import semaphore_twisted
import tests
from tests.support.syntax import nodes

PRODUCT = Path(semaphore_twisted.__file__).parent
TESTS = Path(tests.__file__).parent

#: Pronouns without a noun, which make a sentence hard to understand.
VAGUE = re.compile(
    r"\b(whoever|whatever|whom|nobody|anybody|somebody)\b"
    r"|(?:^|[.:;(\"]\s+)(?:Who|What)\b(?![^.]*\?)"
    r"|\b(?:of|to|for|by|with|than|from|that|and|or|,) (?:who|what)\b"
    r"|\bothers\b|\bthose who\b",
    re.MULTILINE | re.IGNORECASE,
)

#: The largest share of docstrings that may match.
SHARE = 0.015


def docstrings(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each docstring below *root*, with its place."""
    for path in sorted(root.rglob("*.py")):
        for node in nodes(path):
            if isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                text = ast.get_docstring(node)
                if text:
                    line = getattr(node, "lineno", 1)
                    yield f"{path.relative_to(root)}:{line}", text


class VagueWordsTests(SynchronousTestCase):
    """Docstrings name their subjects."""

    def check(self, root: Path) -> None:
        """Compare the share of vague docstrings with the limit."""
        found = dict(docstrings(root))
        vague = {
            place: match[0]
            for place, text in found.items()
            if (match := VAGUE.search(text))
        }
        self.assertGreater(len(found), 100)
        self.assertLess(len(vague) / len(found), SHARE, vague)

    def test_product(self) -> None:
        """The product's docstrings."""
        self.check(PRODUCT)

    def test_tests(self) -> None:
        """The docstrings of tests."""
        self.check(TESTS)

    def test_expression(self) -> None:
        """The expression finds what it is for, and leaves questions alone."""
        for text in ("Whoever asks is answered.", "It belongs to who made it."):
            self.assertTrue(VAGUE.search(text), text)
        for text in ("The client that asks is answered.", "What is the limit?"):
            self.assertFalse(VAGUE.search(text), text)


class NamesTests(SynchronousTestCase):
    """A name means one thing."""

    #: The classes that ``twistd`` and Ansible look for in each module of a plugin.
    TWICE: ClassVar[set[str]] = {"Options", "CallbackModule"}

    def test_classes(self) -> None:
        """No name of a class is used twice."""
        places: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(PRODUCT.rglob("*.py")):
            for node in nodes(path):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(str(path.relative_to(PRODUCT)))
        twice = {
            name: found
            for name, found in places.items()
            if len(found) > 1 and name not in self.TWICE
        }
        self.assertEqual(twice, {})

    def test_modules_at_the_root(self) -> None:
        """Few modules are outside of packages."""
        found = {path.stem for path in PRODUCT.glob("*.py")} - {"__init__"}
        self.assertEqual(found, {"interfaces", "lifecycle", "tap"})

    def test_modules_and_packages(self) -> None:
        """No module has the name of a package beside it."""
        wrong = [
            str(path) for path in PRODUCT.rglob("*.py") if path.with_suffix("").is_dir()
        ]
        self.assertEqual(wrong, [])
