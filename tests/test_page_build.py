"""Tests of the decision whether the web page must be built, and of its sources."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tools import page_build

ROOT = Path(__file__).parents[1]


class NodeTests(SynchronousTestCase):
    """Which Node can build the page."""

    def test_versions(self) -> None:
        """Vite needs ^20.19 or >=22.12."""
        for version, suitable in (
            ("v20.19.0\n", True),
            ("v20.20.2", True),
            ("v22.12.0", True),
            ("v24.0.0", True),
            ("v20.18.3", False),
            ("v21.9.0", False),
            ("v22.11.0", False),
            ("v18.20.4", False),
            ("", False),
            ("not found", False),
        ):
            self.assertEqual(page_build.is_suitable(version), suitable, version)

    def test_nothing_on_path(self) -> None:
        """Without Node, or with one without npm, another one is needed."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.assertFalse(page_build.has_node(str(folder)))
        node = folder / "node"
        node.write_text("#!/bin/sh\necho v22.12.0\n")
        node.chmod(0o755)
        self.assertFalse(page_build.has_node(str(folder)))
        npm = folder / "npm"
        npm.write_text("#!/bin/sh\n")
        npm.chmod(0o755)
        self.assertTrue(page_build.has_node(str(folder)))
        node.write_text("#!/bin/sh\necho v18.0.0\n")
        self.assertFalse(page_build.has_node(str(folder)))


class CurrentTests(SynchronousTestCase):
    """The page is built only when its sources have changed."""

    def setUp(self) -> None:
        """Make sources, and a page that was built of them."""
        self.root = Path(self.mktemp())
        for name in ("src/App.vue", "src/api/schema.ts", "package.json", "e2e/run.mjs"):
            self.write(name, "1")
        (self.root / page_build.BUILT).mkdir(parents=True)
        self.stamp = self.root / page_build.BUILT / "sources"
        self.stamp.write_text(page_build.hash_of(self.root / "ui") + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a file of the sources."""
        path = self.root / "ui" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_current(self) -> None:
        """It is current until a source changes, comes or goes."""
        self.assertTrue(page_build.is_current(self.root))
        self.write("src/App.vue", "2")
        self.assertFalse(page_build.is_current(self.root))
        self.write("src/App.vue", "1")
        self.assertTrue(page_build.is_current(self.root))
        self.write("src/pages/New.vue", "")
        self.assertFalse(page_build.is_current(self.root))

    def test_renamed(self) -> None:
        """The same content in another file is another page."""
        (self.root / "ui/src/App.vue").rename(self.root / "ui/src/Other.vue")
        self.assertFalse(page_build.is_current(self.root))

    def test_others(self) -> None:
        """Tests, generated types and installed libraries do not matter."""
        self.write("e2e/run.mjs", "2")
        self.write("src/api/schema.ts", "2")
        self.write("node_modules/vue/index.js", "2")
        self.assertTrue(page_build.is_current(self.root))

    def test_not_built(self) -> None:
        """Without a page none is current."""
        self.stamp.unlink()
        self.assertFalse(page_build.is_current(self.root))


class SourcesTests(SynchronousTestCase):
    """The sources of the page."""

    def test_lock_files(self) -> None:
        """Lock files name no address: each machine uses its own registry."""
        for name in ("ui", "ui/e2e"):
            text = (ROOT / name / "package-lock.json").read_text()
            self.assertNotIn('"resolved"', text, name)
            self.assertIn('"integrity"', text, name)

    def test_length(self) -> None:
        """A component has fewer than 200 lines, a module fewer than 500."""
        long = [
            str(path.relative_to(ROOT))
            for suffix, most in ((".vue", 200), (".ts", 500), (".css", 500))
            for path in (ROOT / "ui" / "src").rglob(f"*{suffix}")
            if path.name not in {"schema.ts", "components.d.ts"}
            and len(path.read_text().splitlines()) >= most
        ]
        self.assertEqual(long, [])

    def test_colors(self) -> None:
        """Colors have names; their values are in one file."""
        wrong = [
            f"{path.relative_to(ROOT)}: {line.strip()}"
            for suffix in (".vue", ".css")
            for path in (ROOT / "ui" / "src").rglob(f"*{suffix}")
            if path.name != "tokens.css"
            for line in path.read_text().splitlines()
            if re.search(r"#[0-9a-fA-F]{3,8}\b(?=[;,\s)\"'])|\brgba?\(", line)
            and "{{" not in line
        ]
        self.assertEqual(wrong, [])
