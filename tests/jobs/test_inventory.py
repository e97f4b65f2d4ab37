"""Where inventories and playbooks are."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.inventory import inside, inventory_path
from semaphore_twisted.jobs.order import InventorySource
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import InventoryType


class InsideTests(SynchronousTestCase):
    """A playbook is inside the repository."""

    def test_paths(self) -> None:
        """A path that leads out, or is none, is refused."""
        self.assertEqual(inside("a/../b/./c.yml", "playbook"), "b/c.yml")
        for path in ("", ".", "/etc/x", "../x", "a/../../x", "..", "-x", "./-x", "a\0"):
            with self.assertRaises(Invalid, msg=path):
                inside(path, "playbook")


class InventoryPathTests(SynchronousTestCase):
    """Which inventories must be in a checkout."""

    def test_kinds(self) -> None:
        """Only a relative path of a file is looked for in the checkout."""
        for kind, text, expected in (
            (InventoryType.STATIC, "a", None),
            (InventoryType.FILE, "/etc/hosts.ini", None),
            (InventoryType.FILE, " a/b ", "a/b"),
        ):
            found = InventorySource(type=kind, inventory=text)
            self.assertEqual(inventory_path(found), expected)
        self.assertIsNone(inventory_path(None))
