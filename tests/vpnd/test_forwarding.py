"""The kernel's switches."""

import json

from semaphore_twisted.vpnd.forwarding import SWITCHES, Forwarding
from semaphore_twisted.wireguard.state import (
    DeviceFailed,
)
from tests.support.folders import FolderTestCase


class ForwardingTests(FolderTestCase):
    """The kernel's switches."""

    def setUp(self) -> None:
        """Make some."""
        super().setUp()
        for name in SWITCHES.values():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        self.switch("0", "0")

    def switch(self, four: str, six: str) -> None:
        """Set them, as an operator does."""
        for name, value in zip(SWITCHES.values(), (four, six), strict=True):
            (self.folder / name).write_text(f"{value}\n")

    def made(self) -> Forwarding:
        """Return what switches them."""
        return Forwarding(self.folder, root=self.folder)

    def switches(self) -> str:
        """Return how they stand."""
        return "".join((self.folder / x).read_text().strip() for x in SWITCHES.values())

    def test_put_back(self) -> None:
        """What was off is off again after, though the companion was restarted."""
        self.made().set({4})
        self.assertEqual(self.switches(), "10")
        self.made().set({4, 6})
        self.made().set({6})
        self.assertEqual(self.switches(), "01")
        self.made().set(())
        self.assertEqual(self.switches(), "00")

    def test_on_before(self) -> None:
        """What was on before stays so."""
        self.switch("1", "0")
        self.made().set({4, 6})
        self.made().set(())
        self.assertEqual(self.switches(), "10")

    def test_another_boot(self) -> None:
        """What was noted before the machine was started anew does not count."""
        self.made().set({4})
        path = self.folder / "forwarding.json"
        path.write_text(json.dumps({"boot": "another", "families": [4]}))
        self.made().set(())
        self.assertEqual(self.switches(), "10")

    def test_refused(self) -> None:
        """Where it cannot be switched, the file is named; unless it need not be."""
        (self.folder / SWITCHES[6]).unlink()
        self.made().set({4})
        error = self.assertRaises(DeviceFailed, self.made().set, {6})
        self.assertIn("ipv6/conf/all/forwarding", str(error))
        self.assertFalse(self.made().is_on(6))
