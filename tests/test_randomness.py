"""Where randomness comes from, and that no secret is built in."""

import ast
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import semaphore_twisted
from semaphore_twisted.config.names import OPTIONS
from tests.test_config import parsed

ROOT = Path(semaphore_twisted.__file__).parent

#: Sixteen or more characters that could be a key: digits and both cases.
_KEY = re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_-]{16,}={0,2}")


class RandomnessTests(SynchronousTestCase):
    """Of the sources."""

    def test_no_weak_source(self) -> None:
        """The module ``random``, which can be guessed, is imported nowhere."""
        wrong = [
            str(path.relative_to(ROOT))
            for path in ROOT.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if (isinstance(node, ast.Import) and _names(node) & {"random"})
            or (isinstance(node, ast.ImportFrom) and node.module == "random")
        ]
        self.assertEqual(wrong, [])

    def test_no_default_secret(self) -> None:
        """No secret option has a default."""
        effective = {each.option.path: each.shown for each in parsed().effective}
        for path, option in OPTIONS.items():
            if option.secret and option.served:
                self.assertEqual(effective[path], "-", path)

    def test_no_key_in_the_sources(self) -> None:
        """No text in the sources looks like a key."""
        found = [
            f"{path.relative_to(ROOT)}: {node.value[:60]!r}"
            for path in ROOT.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _KEY.fullmatch(node.value)
        ]
        self.assertEqual(found, [])


def _names(node: ast.Import) -> set[str]:
    return {each.name for each in node.names}
