"""Tests of the documents: their commands work, links resolve, texts are current."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.syntax import nodes, tree
from tools import api_document, documents

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
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

    def test_api_document(self) -> None:
        """The page's sources have the API document of this server."""
        kept = documents.API_DOCUMENT.read_text()
        if kept != api_document.text():
            self.fail("ui/openapi.json is old; run: python -m tools.documents")

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

    def test_width(self) -> None:
        """A line of prose has at most 100 characters; a message cannot be wrapped."""
        wrong = []
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
            if path.name == "CHANGELOG.md":  # from fragments, an entry in a line each
                continue
            prose = _CODE.sub("", path.read_text())
            wrong += [
                f"{path.name}: {line}"
                for line in prose.splitlines()
                if len(line) > 100 and not line.startswith(("|", "**`"))
            ]
        self.assertEqual(wrong, [])

    def test_lower_bounds(self) -> None:
        """Each dependency of the product has a lower bound, and no upper one."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extras = project["optional-dependencies"]
        for bound in (*project["dependencies"], *extras["ansible"], *extras["test"]):
            self.assertRegex(bound, rf"^{_BOUND.pattern}$")


def _anchors(text: str) -> set[str]:
    """Return the anchors that a heading of Markdown gets."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", _CODE.sub("", text), re.MULTILINE)
    }


class LinkTests(SynchronousTestCase):
    """Links between the documents."""

    def test_targets(self) -> None:
        """Each link to a file of the repository, and to a heading, leads there."""
        documents = [
            *ROOT.glob("*.md"),
            *ROOT.glob("docs/*.md"),
            *ROOT.glob("bench/*.md"),
        ]
        wrong = []
        for path in documents:
            for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
                name, _, anchor = link.partition("#")
                target = (path.parent / name) if name else path
                if re.match("[a-z]+:", link):
                    continue
                if not target.exists() or (
                    anchor and anchor not in _anchors(target.read_text())
                ):
                    wrong.append(f"{path.relative_to(ROOT)}: {link}")
        self.assertEqual(wrong, [])

    def test_readme_names_all(self) -> None:
        """README leads to every document."""
        readme = (ROOT / "README.md").read_text()
        documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
        names = {str(each.relative_to(ROOT)) for each in documents} - {"README.md"}
        self.assertEqual({name for name in names if f"({name})" not in readme}, set())


def _sentences() -> list[str]:
    """Return each text in the code, with ``…`` in the place of values."""
    texts = []
    for path in (ROOT / "semaphore_twisted").rglob("*.py"):
        for node in nodes(path):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    each.value if isinstance(each, ast.Constant) else "…"
                    for each in node.values
                ]
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(re.sub(r"\{\w*\}", "…", node.value))
    return texts


def _formatted(node: ast.AST) -> Iterator[ast.FormattedValue]:
    """Yield the values in f-strings, except where a repr is made."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.FunctionDef) and each.name in {"__repr__", "redacted"}:
            continue
        if isinstance(each, ast.FormattedValue):
            yield each
        yield from _formatted(each)


class ReprTests(SynchronousTestCase):
    """Sentences and log lines have no value as Python writes it."""

    def test_no_repr(self) -> None:
        """No text formats a value by its representation."""
        wrong = []
        for path in sorted((ROOT / "semaphore_twisted").rglob("*.py")):
            module = tree(path)
            name = str(path.relative_to(ROOT))
            wrong += [
                f"{name}:{each.lineno}"
                for each in _formatted(module)
                if each.conversion in {ord("r"), ord("a")}
            ]
            wrong += [
                f"{name}:{each.lineno}"
                for each in nodes(path)
                if isinstance(each, ast.Constant)
                and re.search(r"\{\w+![ra]\}|%r", str(each.value))
            ]
        self.assertEqual(wrong, [])


class TroubleshootingTests(SynchronousTestCase):
    """Messages in docs/troubleshooting.md."""

    def test_messages(self) -> None:
        """Each message is one that the code has, unless a program is named for it."""
        text = (ROOT / "docs" / "troubleshooting.md").read_text()
        messages = re.findall(r"\*\*`([^`]+)`\*\*(?! \(ssh\))", text)
        self.assertGreater(len(messages), 20)
        sentences = _sentences()
        missing = [
            message
            for message in messages
            if not any(
                re.search(
                    ".*".join(map(re.escape, message.split("…"))), each, re.DOTALL
                )
                for each in sentences
            )
        ]
        self.assertEqual(missing, [])


class GeneratedTests(SynchronousTestCase):
    """The parts that ``python -m tools.documents`` writes."""

    def test_current(self) -> None:
        """Each document has what would be written into it."""
        for name, part, text in documents.PARTS:
            found = (documents.ROOT / name).read_text()
            self.assertEqual(
                found.splitlines(),
                documents.fill(found, part, text()).splitlines(),
                f"{name}: run python -m tools.documents",
            )

    def test_fill(self) -> None:
        """Only the text between the two comments is replaced."""
        first, last = "<!-- generated: x -->\n", "<!-- end of x -->\n"
        self.assertEqual(
            documents.fill(f"a\n{first}old\n{last}b\n", "x", r"new \1"),
            f"a\n{first}\nnew \\1\n{last}b\n",
        )

    def test_no_place(self) -> None:
        """A document without the comments is refused."""
        self.assertRaises(ValueError, documents.fill, "a\n", "x", "new")
