"""The table of apps."""

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.apps import (
    ANSIBLE,
    APPS,
    BASH,
    PYTHON,
    TERRAFORM,
    TERRAGRUNT,
    TOFU,
    App,
    app_of,
    find,
    listed,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.start.programs import NEEDED


class AppsTests(SynchronousTestCase):
    """Rows are found, ordered and complete."""

    def test_find(self) -> None:
        """An app is found by its id; the empty name is Ansible."""
        self.assertIs(find("bash"), BASH)
        self.assertIs(find(""), ANSIBLE)
        self.assertIsNone(find("Bash"))

    def test_unknown(self) -> None:
        """An unknown app is refused, and named."""
        error = self.assertRaises(Invalid, app_of, "magic")
        self.assertEqual(error.message, 'The app "magic" is not supported')

    def test_order(self) -> None:
        """Clients show the highest priority first."""
        self.assertEqual(listed(), [ANSIBLE, TERRAFORM, TERRAGRUNT, TOFU, BASH, PYTHON])

    def test_rows(self) -> None:
        """Ids are the keys of the table; each program can be installed somehow."""
        for key, app in APPS.items():
            self.assertEqual(app.id, key)
            self.assertTrue(app.install, key)

    def test_install(self) -> None:
        """A missing program is named with a package of Debian, or of pip."""
        self.assertEqual(ANSIBLE.install, "pip install ansible-core")
        self.assertEqual(PYTHON.install, "the package python3")
        bare: App = replace(PYTHON, package="")
        self.assertEqual(bare.install, "")

    def test_ansible(self) -> None:
        """The rules of Ansible are for its own app only."""
        self.assertEqual([each for each in listed() if each.is_ansible], [ANSIBLE])

    def test_plans(self) -> None:
        """Terraform and its relatives run in phases, without an inventory too."""
        planning = [each for each in listed() if each.plans]
        self.assertEqual(planning, [TERRAFORM, TERRAGRUNT, TOFU])
        self.assertFalse(any(each.needs_inventory for each in planning))

    def test_needed(self) -> None:
        """The start looks for the programs that have a purpose."""
        self.assertIn(
            ("ansible-playbook", "to run playbooks", "pip install ansible-core"),
            NEEDED,
        )
        self.assertNotIn("bash", [name for name, _, _ in NEEDED])
