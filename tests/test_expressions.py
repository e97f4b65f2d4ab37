"""Regular expressions: none takes more than linear time for a text of a stranger's."""

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

import semaphore_twisted
from semaphore_twisted.crypto.privatekeys import LONGEST, normalise
from semaphore_twisted.model.errors import Invalid

ROOT = Path(semaphore_twisted.__file__).parent

#: A repetition of up to so many is not a loop: its cost has a bound of its own.
FEW = 64

_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}


def faults(parsed: Any, *, within: bool = False) -> Iterator[str]:
    """Yield what can take more than linear time in a *parsed* expression.

    A repetition *within* another one is allowed where the inner one is possessive: it
    gives nothing back, so the outer one has one way to divide the text.
    """
    for code, value in parsed:
        if code in _REPEATS:
            _, most, inner = value
            loop = most is codes.MAXREPEAT or most > FEW
            if loop and within and code is not codes.POSSESSIVE_REPEAT:
                yield "a repetition within a repetition"
            yield from faults(inner, within=within or loop)
        elif code in {codes.GROUPREF, codes.GROUPREF_EXISTS, codes.GROUPREF_IGNORE}:
            yield "a back-reference"
        elif code is codes.SUBPATTERN:
            yield from faults(value[3], within=within)
        elif code is codes.BRANCH:
            for branch in value[1]:
                yield from faults(branch, within=within)
        elif code in {codes.ASSERT, codes.ASSERT_NOT}:
            yield from faults(value[1], within=within)
        elif code is codes.ATOMIC_GROUP:
            yield from faults(value, within=within)


class _Use:
    """One use of an expression: the *pattern*, and by which *method*."""

    def __init__(self, pattern: str | bytes, flags: int, method: str, place: str):
        self.pattern = pattern
        self.flags = flags
        self.method = method
        self.place = place


def uses() -> Iterator[_Use]:
    """Yield each expression of the package with the method by which it is used."""
    for path in sorted(ROOT.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        source = path.read_text()
        if "re." not in source:
            continue
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        tree = ast.parse(source)
        yield from _direct(tree, name)
        yield from _compiled(tree, name)


def _direct(tree: ast.AST, name: str) -> Iterator[_Use]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        module, _, method = ast.unparse(node.func).partition(".")
        if module == "re" and method not in {"compile", "escape"}:
            yield _Use(ast.literal_eval(node.args[0]), 0, method, name)


def _compiled(tree: ast.AST, name: str) -> Iterator[_Use]:
    module = importlib.import_module(name)
    called = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    for variable, value in vars(module).items():
        found = value if isinstance(value, tuple) else (value,)
        for each in found:
            if isinstance(each, re.Pattern):
                methods = {method for owner, method in called if owner == variable}
                for method in methods or {"fullmatch"}:
                    yield _Use(each.pattern, each.flags, method, f"{name}.{variable}")


def bait(pattern: str | bytes) -> Iterator[str]:
    """Yield texts to repeat for *pattern*: its literals, whole and cut."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    plain = re.sub(r"\\([^A-Za-z0-9])", r"\1", text)
    words = [each for each in re.findall(r"[A-Za-z -/:;=@#]{1,24}", plain) if each]
    yield from (
        "a",
        "A",
        "1",
        " ",
        "\n",
        "-",
        ".",
        ",",
        "/",
        '"',
        "\\",
        "=",
        "\x1b",
        ":",
    )
    for word in words:
        yield word
        yield word + " "
        yield word + "A-----"
    yield from ("a1", "1a", "a.", "/a", "a,", '="a', "\x1b[", "\x1b]", "\x1b ", "%a")


class ShapeTests(SynchronousTestCase):
    """The forms of an expression."""

    def test_shape(self) -> None:
        """No expression has a back-reference or a repetition within a repetition."""
        wrong = [
            f"{use.place}: {use.pattern!r}: {fault}"
            for use in uses()
            for fault in faults(parser.parse(use.pattern, use.flags & ~re.LOCALE))
        ]
        self.assertEqual(wrong, [])

    def test_made_at_run_time(self) -> None:
        """An expression that is made at run time is made of escaped texts."""
        wrong = []
        for path in sorted(ROOT.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and ast.unparse(call.func) in {
                        "re.compile",
                        "re.Regex",
                    }:
                        made = ast.unparse(call.args[0])
                        if "re.escape" not in ast.unparse(node):
                            wrong.append(f"{path.name}: {made}")
        self.assertEqual(wrong, [])

    def test_scan(self) -> None:
        """The scan finds what it is for."""
        for pattern, wrong in (
            (r"-----BEGIN ([A-Z]+)-----(.*?)-----END \1-----", True),
            (r"(a+)+", True),
            (r"(?:a|b*)*", True),
            (r"(?:[a-z]+\.)+x", True),
            (r"(?:[a-z]++\.)*+x", False),
            (r"(?:a{1,60}b)*", False),
            (r"[a-z]+\.[a-z]+", False),
        ):
            self.assertEqual(bool(list(faults(parser.parse(pattern)))), wrong, pattern)


class GrowthTests(SynchronousTestCase):
    """How the time grows with the text: four times the text, not sixteen the time."""

    #: sixteen would be quadratic; the rest is room for a machine that is busy
    MOST: ClassVar[float] = 9.0

    #: seconds that a text of 20,000 characters may take; a quadratic one takes more
    QUICK: ClassVar[float] = 0.01

    def check(self, do: Callable[[int], object], what: str) -> None:
        """Check that *do*, called with a size, takes time in proportion to it."""
        if self.seconds(do, 20_000) < self.QUICK:
            return
        # the second try is for a machine that was busy during one of the two
        ratio = 0.0
        for _ in range(2):
            ratio = self.seconds(do, 64_000) / self.seconds(do, 16_000)
            if ratio < self.MOST:
                return
        self.fail(f"{what}: four times the text takes {ratio:.1f} times the time")

    def seconds(self, do: Callable[[int], object], size: int) -> float:
        """Return the time of the processor that *do* takes, once it was quick."""
        took = []
        for _ in range(3):
            began = time.process_time()
            do(size)
            took.append(time.process_time() - began)
            if took[-1] < self.QUICK:
                break
        return max(min(took), 1e-6)

    def test_expressions(self) -> None:
        """Each expression of the package, with texts that nearly fit it."""
        for use in uses():
            compiled = re.compile(use.pattern, use.flags & ~re.UNICODE)
            method = use.method if use.method in {"match", "fullmatch"} else "search"
            for text in bait(use.pattern):
                for end in ("", "\x00"):

                    def do(size: int, text: str = text, end: str = end) -> None:
                        whole = text * (size // len(text)) + end
                        given = (
                            whole.encode("latin-1")
                            if isinstance(compiled.pattern, bytes)  # noqa: B023
                            else whole
                        )
                        getattr(compiled, method)(given)  # noqa: B023

                    self.check(do, f"{use.place} {use.pattern!r} {text!r}")

    def test_private_key(self) -> None:
        """A private key of BEGIN lines, of END lines, and of labels that differ."""
        for text in (
            "-----BEGIN A-----",
            "-----BEGIN A-----\n-----END B-----\n",
            "-----END A-----",
            "-----BEGIN ",
            "-----",
            "-----BEGIN PRIVATE KEY-----\nProc-Type: ",
        ):
            for end in ("", "-----END A-----", "\n-----END PRIVATE KEY-----"):

                def do(size: int, text: str = text, end: str = end) -> None:
                    with self.assertRaises(Invalid):
                        normalise(text * (size // len(text)) + end)

                self.check(do, text)

    def test_private_key_of_labels(self) -> None:
        """Sixty-four kilobytes of different labels take little time."""
        lines = "".join(f"-----BEGIN {number}-----" for number in range(3_000))
        began = time.process_time()
        with self.assertRaises(Invalid):
            normalise(lines[:LONGEST])
        self.assertLess(time.process_time() - began, 0.5)
