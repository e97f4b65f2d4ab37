"""The form in which values reach the program of a job."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.details import build_details, task_details
from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.jobs.values import (
    checked_environment,
    exact,
    extra_variables,
    script_environment,
    text,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import InventoryId
from tests.support.orders import options, order, task, template

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = TEXTS.filter(lambda name: not name.startswith("__ansible_"))
VALUES = st.recursive(
    TEXTS
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=10,
)


def opened(value: Any) -> Any:
    """Return what Ansible makes of the JSON of :func:`exact`."""
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {name: opened(each) for name, each in value.items()}
    return [opened(each) for each in value] if isinstance(value, list) else value


def bare_texts(value: Any) -> list[str]:
    """Return the texts that Ansible would take as templates."""
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return []
        return [found for each in value.values() for found in bare_texts(each)]
    if isinstance(value, list):
        return [found for each in value for found in bare_texts(each)]
    return [value] if isinstance(value, str) else []


class ExactTests(SynchronousTestCase):
    """A value that must not be evaluated is marked so."""

    def files(self, changed: JobOrder) -> dict[str, Any]:
        """Return the files with the variables, decoded."""
        files, arguments = extra_variables(changed, options("/s"))
        self.assertEqual(
            arguments,
            (
                "--extra-vars=@{workspace}/variables/variables.json",
                "--extra-vars=@{workspace}/variables/exact.json",
            ),
        )
        return {file.path: json.loads(file.content) for file in files}

    @given(st.dictionaries(NAMES, VALUES))
    def test_round_trip(self, pairs: dict[str, Any]) -> None:
        """Any value is kept exactly, with each text marked as no template."""
        written = json.loads(json.dumps(exact(pairs)))
        self.assertEqual(opened(written), pairs)
        self.assertEqual(bare_texts(written), [])

    def test_refused(self) -> None:
        """A value that Ansible would interpret is refused."""
        deep: Any = "x"
        for _ in range(5000):
            deep = [deep]
        for value in (
            math.nan,
            math.inf,
            {"__ansible_unsafe": "x"},
            {"a": [{"__ansible_vault": "x"}]},
            {"__ansible_type": "x"},
            {1: "x"},
            {1, 2},
        ):
            self.assertRaises(Invalid, exact, value)
        for answers in ({"__ansible_unsafe": "x"}, {"a": "\ud800"}, {"a": deep}):
            changed = replace(order("/x"), answers=answers)
            self.assertRaises(Invalid, extra_variables, changed, options("/s"))

    def test_files(self) -> None:
        """Only a variable group's plain variables are templates for Ansible."""
        code = "{{ lookup('pipe', 'id') }}"
        files = self.files(
            replace(
                order("/x"),
                task=task(message=code),
                username=code,
                incoming_version=code,
                template=template(type="deploy"),
                variables={"group": "{{ b }}", "hidden": "1", "semaphore_vars": 1},
                answers={"answer": code, "number": 0, "on": False},
                secret_variables={"hidden": code},
                secret_answers={"word": code},
            )
        )
        self.assertEqual(files["variables/variables.json"], {"group": "{{ b }}"})
        found = files["variables/exact.json"]
        self.assertEqual(bare_texts(found), [])
        plain = opened(found)
        details = plain.pop("semaphore_vars")["task_details"]
        self.assertEqual(
            plain,
            {"hidden": code, "answer": code, "number": 0, "on": False, "word": code},
        )
        self.assertEqual(
            (details["message"], details["username"], details["incoming_version"]),
            (code, code, code),
        )


class EnvironmentTests(SynchronousTestCase):
    """Only valid values become environment variables."""

    def test_names(self) -> None:
        """A name that is no variable's, and a NUL character, is refused."""
        self.assertEqual(checked_environment({"A_1": "=x\n"}), {"A_1": "=x\n"})
        for pairs in ({"": "x"}, {"A=B": "x"}, {"1A": "x"}, {"A": "x\0"}):
            with self.assertRaises(Invalid):
                checked_environment(pairs)

    def test_size(self) -> None:
        """A variable that the system would not take is refused, without its value."""
        error = self.assertRaises(Invalid, checked_environment, {"A": "x" * 131072})
        self.assertIn("A has 131074 bytes", error.message)
        self.assertNotIn("xx", error.message)

    def test_text(self) -> None:
        """Texts stay as they are; zero, false and lists are JSON."""
        self.assertEqual(
            [text(value) for value in ("a b", 0, False, ["x"], None)],
            ["a b", "0", "false", '["x"]', "null"],
        )


class DetailsTests(SynchronousTestCase):
    """A run gets the details of its task."""

    def test_plain(self) -> None:
        """A plain task has its id, the user who started it and, if known, its URL."""
        made = order("/x")
        self.assertEqual(
            task_details(made, options("/s")),
            {"id": 7, "username": "ann", "url": None, "repository_id": 5},
        )
        found = task_details(made, options("/s", web_host="https://s.example"))
        self.assertEqual(found["url"], "https://s.example/project/2/history?t=7")
        self.assertEqual(build_details(made), {})
        other = replace(
            made, inventory_id=InventoryId(4), template=template(inventory_id=3)
        )
        self.assertEqual(task_details(other, options("/s"))["inventory_id"], 4)

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
            build_details(deploy),
            {
                "SEMAPHORE_TASK_TYPE": "deploy",
                "SEMAPHORE_TASK_INCOMING_VERSION": "1.1",
            },
        )

    def test_as_environment(self) -> None:
        """Details become a script's variables; null ones are left out."""
        changed = replace(order("/x"), task=task(message="x"))
        found = script_environment(changed, options("/s"))
        self.assertEqual(
            found,
            {
                "SEMAPHORE_TASK_DETAILS_ID": "7",
                "SEMAPHORE_TASK_DETAILS_USERNAME": "ann",
                "SEMAPHORE_TASK_DETAILS_REPOSITORY_ID": "5",
                "SEMAPHORE_TASK_DETAILS_MESSAGE": "x",
            },
        )
