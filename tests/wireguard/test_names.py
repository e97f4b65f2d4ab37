"""Names of peers."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard.names import WrongName, parse_name


class NameTests(SynchronousTestCase):
    """Which names are taken."""

    def test_good(self) -> None:
        """Names of people and things are taken, composed."""
        for name in (
            "a",
            "Anna's laptop",
            "\u96fb\u8a71",
            "x" * 64,
            "<b>",
            "a;b",
            "-h",
        ):
            self.assertEqual(parse_name(name), name)
        self.assertEqual(parse_name("Zoe\u0308"), "Zo\u00eb")

    def test_bad(self) -> None:
        """Line breaks, control characters and long names are refused."""
        for wrong in (
            *("", " ", " a", "a ", "x" * 65, "a\nb", "a\rb", "a\tb", "a\x00b", "a\x7f"),
            *("a\x85b", "a\u2028b", "a\u2029b", "a\vb", "a\fb", "a\u202eb", "a\u200bb"),
            *("a\ud800b", "\ufeffa", "a\u2066b", "a\u00adb", "a\ue000", "\U000e0001"),
        ):
            self.assertRaises(WrongName, parse_name, wrong)

    @given(st.text(max_size=80))
    def test_any(self, text: str) -> None:
        """An accepted name is one line, and is accepted again unchanged."""
        try:
            name = parse_name(text)
        except WrongName:
            return
        self.assertEqual(parse_name(name), name)
        self.assertEqual(unicodedata.normalize("NFC", name), name)
        self.assertEqual(len(name.splitlines()), 1)
