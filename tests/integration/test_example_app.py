"""Jobs of an app that was added by a row of the table."""

from msgspec.structs import replace
from typing_extensions import override

from tests.support import example_app
from tests.support.execution import JobCase, Ran
from tests.support.orders import order, template

_PROGRAM = """\
BEGIN { print "arguments:", ARGV[1], ARGV[2]; print "secret:", length(ENVIRON["WORD"]) }
"""


class ExampleAppTests(JobCase):
    """An example app under the real supervisor."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.upstream = self.repository()
        self.upstream.commit({"run.awk": _PROGRAM})

    def run_example(self) -> Ran:
        """Run the script of the repository with the example app."""
        return self.run_job(
            replace(
                order(str(self.upstream.folder)),
                template=template(
                    app="example", playbook="run.awk", arguments='["first"]'
                ),
                variables={"name": "a b"},
                secret_variables={"WORD": "12345678"},
            )
        )

    def test_runs(self) -> None:
        """The program gets its arguments, the script's, and the variables."""
        example_app.add(self)
        ran = self.run_example()
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("arguments: first name=a b", ran.lines)
        self.assertIn("secret: 8", ran.lines)

    def test_missing_program(self) -> None:
        """A program that is not installed is named with its package."""
        example_app.add(self, replace(example_app.EXAMPLE, program="no-such-awk"))
        ran = self.run_example()
        self.assertEqual(ran.status, "error")
        self.assertIn(
            "no-such-awk: not found; install it with the package mawk", ran.log
        )
