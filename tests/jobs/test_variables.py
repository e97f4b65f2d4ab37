"""How variables are written down."""

import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.variables import (
    checked_environment,
    details_environment,
    task_details,
    task_environment,
    text,
    yaml_secrets,
)
from semaphore_twisted.model.errors import Invalid
from tests.support.orders import options, order, task, template

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads the tag that Ansible gives a meaning."""


_Loader.add_constructor("!unsafe", lambda _loader, node: ("unsafe", node.value))


class SecretsTests(SynchronousTestCase):
    """Secret variables are YAML that keeps every character."""

    @given(st.dictionaries(TEXTS, TEXTS))
    def test_round_trip(self, pairs: dict[str, str]) -> None:
        """B113: any text comes back exactly, marked as no template."""
        written = yaml_secrets(pairs)
        read = yaml.load(written, _Loader) if written else {}
        self.assertEqual(
            read, {name: ("unsafe", value) for name, value in pairs.items()}
        )


class EnvironmentTests(SynchronousTestCase):
    """What goes into an environment can be there."""

    def test_names(self) -> None:
        """A name that is no variable's, and a NUL character, is refused."""
        self.assertEqual(checked_environment({"A_1": "=x\n"}), {"A_1": "=x\n"})
        for pairs in ({"": "x"}, {"A=B": "x"}, {"1A": "x"}, {"A": "x\0"}):
            with self.assertRaises(Invalid):
                checked_environment(pairs)

    def test_text(self) -> None:
        """B119: texts stay as they are; zero, false and lists are JSON."""
        self.assertEqual(
            [text(value) for value in ("a b", 0, False, ["x"], None)],
            ["a b", "0", "false", '["x"]', "null"],
        )


class DetailsTests(SynchronousTestCase):
    """A run is told which task it is."""

    def test_plain(self) -> None:
        """A plain task has its number, who started it and, if known, its page."""
        made = order("/x")
        self.assertEqual(
            task_details(made, options("/s")),
            {"id": 7, "username": "ann", "url": None, "repository_id": 5},
        )
        found = task_details(made, options("/s", web_host="https://s.example"))
        self.assertEqual(found["url"], "https://s.example/project/2/history?t=7")
        self.assertEqual(task_environment(made), {})

    def test_build_and_deploy(self) -> None:
        """A build has its version, a deploy task the version of its build."""
        build = replace(
            order("/x"),
            task=task(version="1.2", message="why"),
            template=template(type="build"),
        )
        found = task_details(build, options("/s"))
        self.assertEqual(
            (found["type"], found["target_version"], found["message"]),
            ("build", "1.2", "why"),
        )
        deploy = replace(
            build, template=template(type="deploy"), incoming_version="1.1"
        )
        self.assertEqual(
            task_environment(deploy),
            {
                "SEMAPHORE_TASK_TYPE": "deploy",
                "SEMAPHORE_TASK_INCOMING_VERSION": "1.1",
            },
        )

    def test_as_environment(self) -> None:
        """Details become variables; what is null is left out."""
        self.assertEqual(
            details_environment({"id": 7, "url": None, "message": "x"}),
            {"SEMAPHORE_TASK_DETAILS_ID": "7", "SEMAPHORE_TASK_DETAILS_MESSAGE": "x"},
        )
