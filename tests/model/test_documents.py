"""JSON inside a text."""

from time import process_time

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.documents import DEEPEST, check_values, json_object
from semaphore_twisted.model.errors import Invalid

JSON = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
)


class ObjectTests(SynchronousTestCase):
    """:func:`json_object`."""

    def refusal(self, text: str) -> str:
        """Return why *text* is refused."""
        error = self.assertRaises(Invalid, json_object, text, '"json"')
        self.assertIn('"json"', error.message)
        return str(error.message)

    @given(st.dictionaries(st.sampled_from("abc"), JSON))
    def test_same(self, value: dict[str, object]) -> None:
        """An object comes back as it was written; no text is an empty one."""
        text = msgspec.json.encode(value).decode()
        self.assertEqual(json_object(text, "x"), value)
        self.assertEqual(json_object(" ", "x"), {})

    def test_refused(self) -> None:
        """A value that is no object, or that JSON does not have, is refused."""
        for text in (
            *("[]", "1", "null", '"x"', "{", "{} {}", "{'a': 1}", '{"a": NaN}'),
            *('{"a": 1e400}', '{"a": -Infinity}', '{"a": "\\ud800"}', "\ufeff{}"),
            *('{"a": "\\udc00\\ud800"}', '{"a": 1,}', '{"a": 01}', '{"a": 0x1}'),
        ):
            self.assertIn("must be valid JSON", self.refusal(text))

    def test_deep(self) -> None:
        """Nesting has a limit, and no depth is a traceback."""
        inner = DEEPEST - 1
        text = '{"a": ' + "[" * inner + "]" * inner + "}"
        self.assertEqual(list(json_object(text, "x")), ["a"])
        for depth in (DEEPEST, 300, 3_000, 200_000):
            for begin, end in ("[", "]"), ('{"a":', "}"):
                text = '{"a": ' + begin * depth + "0" + end * depth + "}"
                self.assertIn("levels", self.refusal(text))
        self.refusal("[" * 200_000)

    def test_repeated(self) -> None:
        """A key that comes twice is refused by name, unless the row is an old one."""
        for text in ('{"a": 1, "a": 2}', '{"b": [{"a": 1, "\\u0061": 1}]}'):
            self.assertIn('"a" comes twice', self.refusal(text))
        self.assertEqual(json_object('{"a": 1, "a": 2}', "x", unique=False), {"a": 2})


class ValuesTests(SynchronousTestCase):
    """:func:`check_values`."""

    def test_number(self) -> None:
        """Values are counted; commas and brackets inside of texts are none."""
        many = b"1," * limits.BODY_VALUES
        check_values(b'["' + many + b'\\"[{,", "[", "\\\\"]', "The body")
        for body in (b"[" + many + b"1]", b'["",' + many + b'"\\\\"]'):
            error = self.assertRaises(Invalid, check_values, body, "The body")
            self.assertIn("The body has more than", error.message)

    def test_time(self) -> None:
        """A text that does not end is read once, not again from each of its quotes."""
        body = b"," * (limits.BODY_VALUES + 1) + b'"' + b'\\"' * (limits.HOOK_BODY // 2)
        before = process_time()
        self.assertRaises(Invalid, check_values, body, "The body")
        self.assertLess(process_time() - before, 5)
