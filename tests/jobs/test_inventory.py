"""Where inventories and playbooks are."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.inventory import (
    arguments_of,
    inventory_path,
    of_collection,
    path_in_checkout,
    strictness,
)
from semaphore_twisted.jobs.job_inputs import InventorySource
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import InventoryType
from tests.support.orders import static


class InsideTests(SynchronousTestCase):
    """A playbook is inside the repository."""

    def test_paths(self) -> None:
        """A path that leaves the checkout, or is empty, is refused."""
        self.assertEqual(path_in_checkout("a/../b/./c.yml", "playbook"), "b/c.yml")
        for path in ("", ".", "/etc/x", "../x", "a/../../x", "..", "-x", "./-x", "a\0"):
            with self.assertRaises(Invalid, msg=path):
                path_in_checkout(path, "playbook")

    def test_expressions(self) -> None:
        """An expression of Ansible's in a path is refused, but for a script's."""
        for path in ("{{ x }}/site.yml", "{% x %}.yml", "a/{#b"):
            for name in ("playbook", "inventory"):
                self.assertRaises(Invalid, path_in_checkout, path, name)
        self.assertEqual(path_in_checkout("{{ x }}/run.sh", "script"), "{{ x }}/run.sh")


class InventoryPathTests(SynchronousTestCase):
    """Which inventories must be in a checkout."""

    def test_playbooks_of_collections(self) -> None:
        """A full name of a collection's playbook is distinguished from a path."""
        for name in ("ns.coll.site", "my_ns.my_coll.sub.site_2"):
            self.assertTrue(of_collection(name), name)
        for name in ("site.yml", "a.b", "a.b.yml", "a.b.c.yaml", "a/b.c.d", "1.b.c"):
            self.assertFalse(of_collection(name), name)

    def test_strictness(self) -> None:
        """Ansible fails where it understands nothing; an empty text is understood."""
        everything = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
        for text in ("", "\n", "# none\n; none\n", "\ufeff---\n"):
            self.assertEqual(strictness(static(text)), {}, text)
        self.assertEqual(strictness(static("web\n")), everything)
        self.assertEqual(strictness(None), {})

    def test_byte_order_mark(self) -> None:
        """A stored byte order mark does not reach Ansible."""
        file, _ = arguments_of(static("\ufeff[web]\n"))
        assert file is not None
        self.assertEqual(file.content, b"[web]\n")

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

    def test_refused(self) -> None:
        """A path that Ansible reads as a list of hosts or an expression is refused."""
        for text in ("a,b", "/etc/a,b", "/etc/{{ x }}"):
            found = InventorySource(type=InventoryType.FILE, inventory=text)
            self.assertRaises(Invalid, inventory_path, found)
