"""Tests of files of requirements that name nothing."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.supervision.requirements import has_comments_only


class CommentsOnlyTests(SynchronousTestCase):
    """A file with comments only is distinguished from one with content."""

    def setUp(self) -> None:
        """Choose a path."""
        self.path = Path(self.mktemp())

    def holds_nothing(self, content: bytes) -> bool:
        """Whether a file with *content* holds nothing."""
        self.path.write_bytes(content)
        return has_comments_only(str(self.path))

    def test_nothing(self) -> None:
        """Comments, blank lines, marks of documents and empty values."""
        for content in (
            b"",
            b"\n \n",
            b"# a\n   # b",
            b"---\n# a\n...\n",
            b"\xef\xbb\xbf# a\r\n",
            b"---\n[]\n",
            b"{}",
            b"null\n",
            b"~",
        ):
            self.assertTrue(self.holds_nothing(content), content)

    def test_something(self) -> None:
        """Anything else, and a file that is too long to look at."""
        for content in (
            b"- src: x",
            b"# a\ncollections: []",
            b"roles:",
            b"\xff",
            b"#" * 100_000,
        ):
            self.assertFalse(self.holds_nothing(content), content[:20])

    def test_no_file(self) -> None:
        """A path that is no readable file is left to the program, without waiting."""
        self.assertFalse(has_comments_only(str(self.path)))
        os.mkfifo(self.path)
        self.assertFalse(has_comments_only(str(self.path)))
        self.assertFalse(has_comments_only("/dev/null"))
        self.assertFalse(has_comments_only("/"))
