"""What the documents tell a reader to type exists and comes to an end."""

import re
import subprocess
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BOUND = re.compile(r"[A-Za-z0-9_-]+(\[[a-z]+\])?>=[0-9][0-9.]*")


def _texts() -> dict[str, str]:
    """Return every text that a reader may follow: documents, units, the package."""
    return {
        str(path.relative_to(ROOT)): path.read_text()
        for folder, pattern in (
            (ROOT, "*.md"),
            (ROOT / "docs", "*.md"),
            (ROOT / "etc", "**/*"),
            (ROOT / "semaphore_twisted", "**/*.py"),
            (ROOT / "semaphore_twisted", "**/*.sh"),
        )
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


class DocumentsTests(SynchronousTestCase):
    """Commands in documents."""

    def test_no_foreign_package(self) -> None:
        """No text installs this project by a name on an index that is not its own."""
        wrong = [
            f"{name}: {line.strip()}"
            for name, text in _texts().items()
            for line in text.splitlines()
            if re.search(r"(pip|pipx|uv)\b.*\binstall\b.*semaphore[-_]twisted", line)
        ]
        self.assertEqual(wrong, [])

    def test_loops_end(self) -> None:
        """No loop in README waits without a limit."""
        blocks = "\n".join(_BLOCK.findall((ROOT / "README.md").read_text()))
        self.assertIn("for second in $(seq", blocks)
        self.assertNotRegex(blocks, r"\b(until|while)\b")

    def test_readme_installs_what_it_runs(self) -> None:
        """The first command installs the programs that the tour calls."""
        text = (ROOT / "README.md").read_text()
        installed = next(
            line for line in text.splitlines() if "apt-get install" in line
        )
        for package in ("curl", "git", "openssh-client", "python3-venv"):
            self.assertIn(f" {package}", installed)

    def test_shell_syntax(self) -> None:
        """Each shell block of README is understood by bash."""
        for block in _BLOCK.findall((ROOT / "README.md").read_text()):
            done = subprocess.run(
                ["bash", "-n"], input=block, text=True, capture_output=True, check=False
            )
            self.assertEqual(done.stderr, "")

    def test_lower_bounds(self) -> None:
        """Each dependency of the product has a lower bound, and no upper one."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extras = project["optional-dependencies"]
        for bound in (*project["dependencies"], *extras["ansible"], *extras["test"]):
            self.assertRegex(bound, rf"^{_BOUND.pattern}$")
