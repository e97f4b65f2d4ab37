"""The configuration written at the first start, and the generated password."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.start import first_start
from tests.support.memory import Entropy

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def added(content: str, suffix: str = ".json") -> str:
    """Add the option ``key`` to *content*."""
    return first_start.with_option(content.encode(), suffix, "key", "a+b/=").decode()


class WithOptionTests(SynchronousTestCase):
    """One more option."""

    def test_empty(self) -> None:
        """An empty object gets it."""
        for content in ("{}", "{}\n", " {\n} \n"):
            self.assertEqual(json.loads(added(content)), {"key": "a+b/="})

    def test_rest_stays(self) -> None:
        """The existing content stays unchanged, byte by byte."""
        before = '{ "a" : [1,2],\n\t"b":{"key": "x"} }\n'
        after = added(before)
        self.assertTrue(after.endswith(before[1:]), after)
        self.assertEqual(json.loads(after)["b"], {"key": "x"})

    def test_empty_value(self) -> None:
        """An existing option without a value is replaced, in any case."""
        for content in ('{"key": "", "a": 1}', '{"KEY": null, "a": 1}'):
            self.assertEqual(json.loads(added(content)), {"key": "a+b/=", "a": 1})

    def test_toml(self) -> None:
        """In TOML the option precedes the first table."""
        after = added('# comment\nport = "1"\n[tls]\nenabled = true\n', ".toml")
        self.assertEqual(
            tomllib.loads(after),
            {"key": "a+b/=", "port": "1", "tls": {"enabled": True}},
        )

    @given(
        st.dictionaries(st.text().filter(lambda name: name.lower() != "key"), VALUES),
        st.sampled_from([None, 2]),
    )
    def test_any(self, tree: dict[str, object], indent: int | None) -> None:
        """In any object one option is added, and no other is changed."""
        after = json.loads(added(json.dumps(tree, indent=indent)))
        self.assertEqual(after, {"key": "a+b/=", **tree})


class PasswordTests(SynchronousTestCase):
    """A drawn password."""

    def test_drawn(self) -> None:
        """It has 120 bits in four groups, and no two are alike."""
        entropy = Entropy()
        drawn = {first_start.drawn_password(entropy) for _ in range(50)}
        self.assertEqual(len(drawn), 50)
        for each in drawn:
            self.assertRegex(each, r"^[a-z2-7]{6}(-[a-z2-7]{6}){3}$")
