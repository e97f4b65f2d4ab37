"""Effective parameters of a task."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.parameters import (
    EffectiveParams,
    arguments,
    branch,
    effective_params,
)
from semaphore_twisted.model.errors import Invalid
from tests.support.orders import task, template


class EffectiveTests(SynchronousTestCase):
    """The template's parameters, with the task's where they are allowed."""

    def test_nothing(self) -> None:
        """Without parameters nothing is set."""
        self.assertEqual(effective_params(template(), task()), EffectiveParams())

    def test_not_allowed(self) -> None:
        """Overrides that the template does not permit are ignored."""
        found = effective_params(
            template(task_params={"limit": ["web"], "tags": "a, b,"}),
            task(
                limit="db",
                debug=True,
                params={"tags": ["c"], "skip_tags": ["d"], "debug": True},
            ),
        )
        self.assertEqual(found, EffectiveParams(limit=("web",), tags=("a", "b")))

    def test_allowed(self) -> None:
        """Overrides that the template permits are used."""
        own = {
            "limit": ["web"],
            "tags": ["a"],
            "allow_debug": True,
            "allow_override_limit": True,
            "allow_override_tags": True,
            "allow_override_skip_tags": True,
        }
        asked = {
            "limit": ["x", "y"],
            "tags": "c",
            "skip_tags": ["d"],
            "debug": True,
            "debug_level": 2,
        }
        found = effective_params(template(task_params=own), task(params=asked))
        expected = EffectiveParams(
            verbosity=2, limit=("x", "y"), tags=("c",), skip_tags=("d",)
        )
        self.assertEqual(found, expected)

    def test_old_fields(self) -> None:
        """The fields that tasks had before parameters are read as well."""
        own = {"allow_debug": True, "allow_override_limit": True}
        asked = task(limit="x, y", debug=True, dry_run=True, diff=True)
        found = effective_params(template(task_params=own), asked)
        expected = EffectiveParams(
            verbosity=4, dry_run=True, diff=True, limit=("x", "y")
        )
        self.assertEqual(found, expected)

    def test_a_default_can_be_taken_back(self) -> None:
        """A task's "no" to a dry run overrides the template's "yes"."""
        own = template(task_params={"dry_run": True, "diff": True})
        self.assertTrue(effective_params(own, task()).dry_run)
        found = effective_params(own, task(params={"dry_run": False}))
        self.assertEqual(found, EffectiveParams(diff=True))

    def test_verbosity_has_bounds(self) -> None:
        """A debug level is between 1 and 6."""
        for level, expected in ((0, 1), (3, 3), (99, 6)):
            own = template(task_params={"debug": True, "debug_level": level})
            self.assertEqual(effective_params(own, task()).verbosity, expected)

    def test_files(self) -> None:
        """Values stored by an older release are checked again when they are used."""
        free = {"allow_override_limit": True, "allow_override_tags": True}
        cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"limit": ["@/etc/shadow"]}, {}),
            ({"tags": ["{{ x }}"]}, {}),
            (free, {"limit": ["all:@/etc/shadow"]}),
            (free, {"limit": "~web"}),
            (free, {"tags": ["@x"]}),
        ]
        for params, sent in cases:
            stored = template(task_params=params)
            self.assertRaises(Invalid, effective_params, stored, task(params=sent))
        own = template(task_params={"limit": ["~web.*"]})
        asked = task(limit="@x", params={"limit": ["@x"], "tags": ["@x"]})
        self.assertEqual(effective_params(own, asked).limit, ("~web.*",))

    def test_wrong_types(self) -> None:
        """Stored parameters of a wrong type are refused with their name."""
        with self.assertRaises(Invalid) as raised:
            effective_params(template(task_params={"tags": 3}), task())
        self.assertIn("tags", raised.exception.message)


class ArgumentTests(SynchronousTestCase):
    """Arguments are lists of texts, of the template and perhaps of the task."""

    def test_as_given(self) -> None:
        """Each text is one argument, with any content."""
        own = template(arguments='["--limit","web 1","--x=a b"]')
        self.assertEqual(arguments(own, task()), (("--limit", "web 1", "--x=a b"), ()))

    def test_of_the_task(self) -> None:
        """A task's arguments count only if the template allows that."""
        asked = task(arguments='["-x"]')
        self.assertEqual(arguments(template(), asked), ((), ()))
        own = template(allow_override_args_in_task=True)
        self.assertEqual(arguments(own, asked), ((), ("-x",)))

    def test_same(self) -> None:
        """Arguments of the template that a client sends back are not added again."""
        own = template(
            app="ansible", arguments='["-e","x=1"]', allow_override_args_in_task=True
        )
        asked = task(arguments='[ "-e", "x=1" ]')
        self.assertEqual(arguments(own, asked), (("-e", "x=1"), ()))

    def test_not_for_tasks(self) -> None:
        """A task cannot set variables of Ansible's by an argument, a script's can."""
        asked = task(arguments='["-e","x={{ y }}"]')
        for app in ("ansible", ""):
            own = template(app=app, allow_override_args_in_task=True)
            self.assertRaises(Invalid, arguments, own, asked)
        own = template(app="bash", allow_override_args_in_task=True)
        self.assertEqual(arguments(own, asked), ((), ("-e", "x={{ y }}")))

    def test_no_list(self) -> None:
        """A value that is not a JSON list of texts is refused."""
        for text in ("--limit web", '"x"', "[1]", "{}", '["a\\u0000"]'):
            with self.assertRaises(Invalid):
                arguments(template(arguments=text), task())


class BranchTests(SynchronousTestCase):
    """The task's branch counts if allowed, then the template's, the repository's."""

    def test_order(self) -> None:
        """Each source is used if the previous ones are empty."""
        asked = task(git_branch="t")
        free = template(git_branch="own", allow_override_branch_in_task=True)
        self.assertEqual(branch(free, asked, "repo"), "t")
        self.assertEqual(branch(template(git_branch="own"), asked, "repo"), "own")
        self.assertEqual(branch(template(), asked, "repo"), "repo")
