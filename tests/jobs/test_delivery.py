"""How each kind of variable reaches the program of each app: a contract.

Scripts of users depend on it. The exact bytes are tested with the programs themselves:
``tests.integration.test_scripts``, ``test_exact_values`` and ``test_terraform``.
"""

from collections.abc import Iterator

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.model.jobs import JobSpecification
from tests.support.orders import options, order, static, template

KINDS = (
    *("variables", "answers", "secret_variables", "secret_answers"),
    *("environment", "secret_environment"),
)
SCRIPT = {
    "variables": {"argument"},
    "answers": {"argument"},
    **{key: {"environment"} for key in KINDS[2:]},
}
PLAN = {
    **{key: {"memory"} for key in KINDS[:4]},
    **{key: {"environment"} for key in KINDS[4:]},
}
ANSIBLE = {
    "variables": {"variables/variables.json"},
    **{key: {"variables/exact.json"} for key in KINDS[1:4]},
    **{key: {"environment"} for key in KINDS[4:]},
}
CONTRACT = {
    "ansible": ANSIBLE,
    "bash": SCRIPT,
    "python": SCRIPT,
    "terraform": PLAN,
    "terragrunt": PLAN,
    "tofu": PLAN,
}


def places(made: JobSpecification) -> Iterator[tuple[str, str]]:
    """Yield each place of the app's steps with its text."""
    for step in made.steps:
        if not step.name.startswith("repository"):
            yield "argument", " ".join(step.argv)
            yield "environment", " ".join(step.environ.values())
            for content in (step.stdin or b"", *(pipe.content for pipe in step.pipes)):
                yield "memory", content.decode()
    for file in made.files:
        yield file.path, file.content.decode()


class DeliveryTests(SynchronousTestCase):
    """Each app gets each kind of variable in one way."""

    def made(self, app: str) -> JobSpecification:
        """Return the specification of an order whose values are their kinds."""
        changed: JobOrder = replace(
            order("https://h.example/x"),
            template=template(app=app),
            inventory=static("") if app == "ansible" else None,
            **{kind: {f"N_{kind}": f"<{kind}>"} for kind in KINDS},
        )
        return specification(changed, options("/s"))

    def test_contract(self) -> None:
        """The table is what happens."""
        for app, expected in CONTRACT.items():
            found: dict[str, set[str]] = {kind: set() for kind in KINDS}
            for place, text in places(self.made(app)):
                for kind in KINDS:
                    if f"<{kind}>" in text:
                        found[kind].add(place)
            self.assertEqual(found, expected, app)

    def test_secret(self) -> None:
        """Every user of the machine reads arguments: no secret is among them."""
        for app in CONTRACT:
            for place, text in places(self.made(app)):
                if place == "argument":
                    self.assertNotIn("secret_", text, app)
