"""Generated parts of the documents are what the code says now."""

from twisted.trial.unittest import SynchronousTestCase

from tools import documents


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
