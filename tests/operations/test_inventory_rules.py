"""Texts of static inventories."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.operations.projects.inventory_rules import checked_text


class IniTests(SynchronousTestCase):
    """Texts of the type ``static``."""

    def test_accepted(self) -> None:
        """Text that Ansible reads is kept unchanged, without a byte order mark."""
        for text in (
            "",
            "# nothing yet\n",
            "web1\n[web]\nweb[01:20].example.org ansible_port=22\n",
            "[web:vars]\nkey=[1, 2]\n[all:children] # all of them\nweb\n",
            "  [group-1.x]\t\n",
        ):
            self.assertEqual(checked_text("static", text), text)
            self.assertEqual(checked_text("static", "\ufeff" + text), text)

    def test_refused(self) -> None:
        """A section that Ansible cannot read is refused with its line."""
        for text, said in (
            ("a\n[my group]\n", 'line 2: invalid section "\\[my group\\]"'),
            ("[web", "line 1: invalid section"),
            ("[web]x", "line 1: invalid section"),
            ("[]", "line 1: invalid section"),
            ("[web:variables]", 'invalid kind of section "variables"; expected child'),
        ):
            error = self.assertRaises(Invalid, checked_text, "static", text)
            self.assertRegex(str(error), said)


class YamlTests(SynchronousTestCase):
    """Texts of the type ``static-yaml``."""

    def test_accepted(self) -> None:
        """Tabs are permitted where YAML permits them."""
        for text in (
            "",
            "all:\n  hosts:\n    web:\n",
            "all:\n  vars:\n    text: |\n      a\n      \tb\n",
            'all:\n  vars:\n    text: "a:\n\tb"\n'.replace("a:", "a"),
        ):
            self.assertEqual(checked_text("static-yaml", "\ufeff" + text), text)

    def test_refused(self) -> None:
        """A tab in the indentation below a key is refused with its line."""
        for text in ("all:\n\thosts:\n", "all:  # x\n\n \thosts:\n", "all:\n\t- a\n"):
            error = self.assertRaises(Invalid, checked_text, "static-yaml", text)
            self.assertRegex(str(error), r"line [23]: a tab in the indentation")
