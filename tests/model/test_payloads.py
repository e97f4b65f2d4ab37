"""Tests of paths into the body of a delivery."""

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.payloads import decoded, path, select, text_of

BODY = {
    "ref": "main",
    "commits": [{"id": "a", "files": ["x", "y"]}, {"id": "b", "files": []}],
    "labels": {"app.kubernetes.io/name": "web", "[0]": "odd"},
}


class PathTests(SynchronousTestCase):
    """Paths."""

    def test_forms(self) -> None:
        """Keys, indexes and quoted keys, with and without a dot before a bracket."""
        for text, segments in (
            ("ref", ("ref",)),
            ("a.b c.d-e", ("a", "b c", "d-e")),
            ("commits.[0].id", ("commits", 0, "id")),
            ("commits[0].id", ("commits", 0, "id")),
            ("commits[-1]", ("commits", -1)),
            ("commits[*].id", ("commits", None, "id")),
            ("[0]", (0,)),
            ("a[0][1]", ("a", 0, 1)),
            ('labels."app.kubernetes.io/name"', ("labels", "app.kubernetes.io/name")),
        ):
            self.assertEqual(path(text), segments)

    def test_refused(self) -> None:
        """What is no path is refused, also one with too many segments."""
        for text in (
            *("", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a]", 'a"b"', '"a'),
            *("a[0]b", "a[1.5]", "a[99999999999]", "a." * limits.HOOK_SEGMENTS + "a"),
        ):
            self.assertRaises(Invalid, path, text)

    def test_selected(self) -> None:
        """A path selects what is there, and nothing otherwise."""
        for text, found in (
            ("ref", ["main"]),
            ("commits[0].id", ["a"]),
            ("commits[-1].id", ["b"]),
            ("commits[*].id", ["a", "b"]),
            ("commits[*].files[*]", ["x", "y"]),
            ("commits[2].id", []),
            ("commits[-3].id", []),
            ("commits.id", []),
            ("ref[0]", []),
            ("ref.x", []),
            ('labels."app.kubernetes.io/name"', ["web"]),
            ('labels."[0]"', ["odd"]),
        ):
            self.assertEqual(select(BODY, path(text)), found, text)

    def test_too_many(self) -> None:
        """A path selects a limited number of values."""
        body = [[0] * 100] * 100
        self.assertRaises(Invalid, select, body, path("[*][*]"))


class BodyTests(SynchronousTestCase):
    """Bodies and values."""

    def test_texts(self) -> None:
        """Values become texts as in Semaphore."""
        for value, text in (
            ("a", "a"),
            (5, "5"),
            (5.0, "5"),
            (1.5, "1.5"),
            (True, "true"),
            (None, "<nil>"),
            ([1, "a"], '[1,"a"]'),
            ({"a": None}, '{"a":null}'),
        ):
            self.assertEqual(text_of(value), text)

    def test_commas(self) -> None:
        """Commas and brackets in a text are no values."""
        diff = "+[1, 2, {}],\n" * limits.BODY_VALUES
        self.assertEqual(decoded(msgspec.json.encode({"diff": diff})), {"diff": diff})

    def test_refused(self) -> None:
        """What is not JSON, deep or has many values is refused."""
        for body in (
            *(b"", b"{", b"\xff", b"[1] 2", b"[" * 200 + b"]" * 200),
            *(b"[" * 20_000, b"[" + b"0," * limits.BODY_VALUES + b"0]"),
        ):
            self.assertRaises(Invalid, decoded, body)
