"""From an order to a specification."""

import msgspec
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOrder,
    RepositorySource,
    VaultPassword,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import JobSpecification
from semaphore_twisted.model.keys import LoginPassword, SshKey, Text
from tests.support.orders import options, order, static, task, template


def made(changed: JobOrder) -> JobSpecification:
    """Return the specification of an order."""
    return specification(changed, options("/s"), bytes)


class SpecificationTests(SynchronousTestCase):
    """A specification holds all that a job needs."""

    def test_order_of_steps(self) -> None:
        """Git's key is removed before the inventory's key and the program are used."""
        git, host = (SshKey(login="", private_key=name) for name in ("GIT", "HOST"))
        changed = replace(order("h:x", key=git), inventory=static("", key=host))
        self.assertEqual(
            [step.name for step in made(changed).steps],
            [
                *("repository ssh", "repository agent", "repository key"),
                *("repository public key", "repository fetch"),
                *("repository clone", "repository checkout", "repository repair"),
                "repository submodules",
                *("repository commit", "repository contents"),
                *(
                    "repository key away",
                    "inventory agent",
                    "inventory key",
                    "inventory public key",
                    "script",
                ),
            ],
        )

    def test_pure(self) -> None:
        """Equal orders and entropy give equal specifications."""
        self.assertEqual(made(order("/x")), made(order("/x")))
        self.assertEqual(made(order("/x")).mark, "00" * 16)
        marks = {specification(order("/x"), options("/s")).mark for _ in range(3)}
        self.assertEqual(len(marks), 3)

    def test_json(self) -> None:
        """A specification can be handed over as JSON."""
        found = made(order("/x"))
        self.assertEqual(
            msgspec.json.decode(msgspec.json.encode(found), type=JobSpecification),
            found,
        )

    def test_time_limit(self) -> None:
        """The shorter limit counts, of the template or of the installation."""
        for own, installation, expected in (
            (0, 0, 0),
            (60, 0, 60),
            (0, 9, 9),
            (60, 9, 9),
            (5, 9, 5),
        ):
            changed = replace(order("/x"), template=template(max_task_duration_sec=own))
            chosen = options("/s", time_limit=installation)
            found = specification(changed, chosen, bytes)
            self.assertEqual(found.time_limit, expected)

    def test_limits(self) -> None:
        """Limits and the job's user are taken from the options."""
        chosen = options("/s", time_limit=9, max_output_bytes=8, uid=7, gid=6)
        found = specification(order("/x"), chosen)
        self.assertEqual(
            (found.time_limit, found.max_output_bytes, found.uid, found.gid),
            (9, 8, 7, 6),
        )

    def test_masks(self) -> None:
        """Every secret of the order is masked, in other forms too."""
        changed = replace(
            order("https://h/x", key=LoginPassword(login="me", password="secret-1")),
            inventory=InventorySource(
                type=InventoryType.FILE,
                inventory="hosts",
                key=SshKey(login="", private_key="secret-2"),
                become=LoginPassword(login="", password="secret-3"),
                source=RepositorySource(
                    repository_id=6,
                    url="https://h/y",
                    branch="",
                    key=LoginPassword(login="", password="secret-4"),
                ),
            ),
            vaults=(VaultPassword(name="v", password=Text(text="secret-5")),),
            secret_variables={"A": "secret-6"},
            secret_environment={"B": "secret-7", "C": ""},
            secret_answers={"D": "secret-8"},
        )
        masks = made(changed).masks
        for number in range(1, 9):
            self.assertIn(f"secret-{number}".encode(), masks)
        self.assertIn(b"c2VjcmV0LTE", masks)
        self.assertNotIn(b"", masks)
        self.assertNotIn(b"me", masks)

    def test_own_inventory_repository(self) -> None:
        """An inventory with a repository of its own has a second checkout."""
        inventory = InventorySource(
            type=InventoryType.FILE,
            inventory="hosts",
            source=RepositorySource(repository_id=6, url="/y", branch="b"),
        )
        found = made(
            replace(order("/x"), template=template(app="ansible"), inventory=inventory)
        )
        names = [step.name for step in found.steps]
        self.assertIn("inventory clone", names)
        self.assertEqual(
            [step.capture for step in found.steps if step.capture],
            [("commit_hash", "commit_message")],
        )

    def test_playbook_of_the_task(self) -> None:
        """A task's playbook counts before the template's."""
        changed = replace(order("/x"), task=task(playbook="other.sh"))
        self.assertEqual(made(changed).steps[-1].argv, ("bash", "other.sh"))

    def test_branch(self) -> None:
        """The template's branch counts before the repository's."""
        changed = replace(order("/x", branch="a"), template=template(git_branch="b"))
        self.assertIn(
            "Checkout repository to b",
            [line for step in made(changed).steps for line in step.announce],
        )

    def test_refusals(self) -> None:
        """An order that cannot be carried out is refused with a sentence."""
        for changed, words in (
            (replace(order("/x"), template=template(app="fortran")), "fortran"),
            (replace(order("/x"), template=template(playbook="../x")), "inside"),
            (replace(order("/x"), template=template(playbook="/etc/x")), "inside"),
            (order("ext::x"), "not supported"),
        ):
            with self.assertRaises(Invalid) as raised:
                made(changed)
            self.assertIn(words, raised.exception.message)

    def test_repr(self) -> None:
        """An order shows no secret."""
        key = LoginPassword(login="me", password="hidden")
        self.assertNotIn("hidden", repr(order("/x", key=key)))
