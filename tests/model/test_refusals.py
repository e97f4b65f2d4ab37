"""Tests of the common form of error sentences."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.refusals import invalid, quoted, shown


class FormTests(SynchronousTestCase):
    """The sentence, and the values that it quotes."""

    def test_form(self) -> None:
        """The sentence has the place, the value, its origin and what is accepted."""
        self.assertEqual(
            invalid("port", "abc", "1 to 65535"),
            'port: invalid value "abc"; expected 1 to 65535',
        )
        self.assertEqual(
            invalid("vpn.port", 0, "1 to 65535", origin="config.json"),
            "vpn.port: invalid value 0 (from config.json); expected 1 to 65535",
        )

    def test_one_line(self) -> None:
        """A value never breaks the line, ends the quotes or controls a terminal."""
        for text, expected in (
            ("a\nb", r'"a\nb"'),
            ('a"b\\', r'"a\"b\\"'),
            ("\x1b[31m", r'"\u001b[31m"'),
            ("\x7f\x85", r'"\u007f\u0085"'),
            ("\u202e\u2028", r'"\u202e\u2028"'),
            ("\udc80", r'"\udc80"'),
            ("ü 名", '"ü 名"'),
        ):
            self.assertEqual(quoted(text), expected)

    def test_long(self) -> None:
        """A long value is cut, and shows that."""
        self.assertEqual(quoted("x" * 256), f'"{"x" * 255}..."')
        self.assertEqual(quoted("x" * 255), f'"{"x" * 255}"')
        self.assertEqual(len(shown(["x"] * 100)), 103)

    def test_kinds(self) -> None:
        """Values other than texts are shown as JSON, not as Python."""
        self.assertEqual(shown(True), "true")
        self.assertEqual(shown(None), "null")
        self.assertEqual(shown(("a", 'b"')), r'["a", "b\""]')
