"""The web page in Debian's Chromium: the suite of ``ui/e2e``, one test for each noun.

The suite runs once, with one server and one browser; a test here passes if all tests
of its file passed. Where the command line names some tests, only their files run.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import ClassVar
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.support.lab import until
from tests.support.product import clean_environment
from tests.support.programs import needs
from tools import page_build

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "ui" / "e2e"

#: Seconds after which the suite is stopped; what has not run then has failed.
_LONGEST = 1_800

_RESULT = re.compile(r"^(ok|not ok) \d+ - (\S+): (.*)$", re.MULTILINE)


#: Starts a server as the suite does, says its process, and waits.
_SERVER = """
const { startServer } = await import('./lib/server.mjs')
console.log((await startServer()).pid)
setInterval(() => {}, 1_000)
"""


def _node_path() -> str:
    """Return a PATH with a suitable Node.

    :raises SkipTest: if there is none.
    """
    _, path = page_build.npm()
    if not page_build.has_node(path):
        raise SkipTest(
            "node ^20.19 or >=22.12 is missing (Debian package nodejs, from Debian 13)"
        )
    return path


def _asked() -> list[str]:
    """Return the nouns of the tests that the command line names; none means all."""
    start = f"{PageTests.__module__}.{PageTests.__qualname__}.test_"
    return [word.removeprefix(start) for word in sys.argv if word.startswith(start)]


@lru_cache(maxsize=1)
def _results() -> tuple[dict[str, list[str]], dict[str, list[str]], str]:
    """Run the suite; return what passed and what failed, by noun, and its output."""
    program, _ = page_build.npm()
    path = _node_path()
    if not (SUITE / "node_modules").is_dir() or not page_build.is_current(ROOT):
        raise SkipTest("the page is not built; run python -m tools.page_build")
    with tempfile.TemporaryFile("w+") as written:
        suite = subprocess.Popen(
            [*program, "run", "--silent", "tap", "--", *_asked()],
            cwd=SUITE,
            env={**clean_environment(), "PATH": f"{path}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _ = suite.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(suite.pid, signal.SIGKILL)  # with its server and browser
            _ = suite.wait()
        _ = written.seek(0)
        output = written.read()
    passed: dict[str, list[str]] = defaultdict(list)
    failed: dict[str, list[str]] = defaultdict(list)
    for result, noun, name in _RESULT.findall(output):
        (passed if result == "ok" else failed)[noun].append(name)
    return passed, failed, output


@needs("setpriv")
class SuiteTests(SynchronousTestCase):
    """The suite itself."""

    def test_killed(self) -> None:
        """A suite that is killed leaves no server behind."""
        environ = clean_environment()
        environ["PATH"] = f"{_node_path()}:{environ['PATH']}"
        suite = subprocess.Popen(
            ["node", "--input-type=module", "--eval", _SERVER],
            cwd=SUITE,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert suite.stdout is not None
        self.addCleanup(suite.stdout.close)
        self.addCleanup(suite.wait)
        self.addCleanup(suite.kill)
        server = int(suite.stdout.readline())
        self.assertIn(b"twistd", Path(f"/proc/{server}/cmdline").read_bytes())
        suite.kill()
        until(lambda: not Path(f"/proc/{server}").exists(), "the server has ended")


@needs("chromium-headless-shell")
class PageTests(SynchronousTestCase):
    """The page, by noun."""

    NOUNS: ClassVar[tuple[str, ...]] = tuple(
        sorted(
            path.name.removesuffix(".test.mjs")
            for path in (SUITE / "tests").glob("*.test.mjs")
        )
    )

    def _check(self, noun: str) -> None:
        if noun == "vpn" and os.geteuid() != 0:
            raise SkipTest("network namespaces are root's")
        passed, failed, output = _results()
        if failed[noun] or not passed[noun]:
            self.fail(f"failed: {failed[noun]}\n{output[-20_000:]}")


def _test_of(noun: str) -> None:
    def test(self: PageTests) -> None:
        self._check(noun)

    test.__doc__ = f"The page in the browser: {noun}."
    setattr(PageTests, f"test_{noun}", test)


for _noun in PageTests.NOUNS:
    _test_of(_noun)
