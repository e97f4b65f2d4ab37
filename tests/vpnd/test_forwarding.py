"""The kernel's switches."""

import json
from pathlib import Path

from semaphore_twisted.vpnd.forwarding import SWITCHES, Forwarding
from semaphore_twisted.wireguard.state import (
    DeviceFailed,
)
from tests.support.folders import FolderTestCase


class ForwardingTests(FolderTestCase):
    """The kernel's switches."""

    def setUp(self) -> None:
        """Create the switches."""
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
        """Return the values of the switches."""
        return "".join((self.folder / x).read_text().strip() for x in SWITCHES.values())

    def test_put_back(self) -> None:
        """Forwarding that was off is switched off again, also after a restart."""
        self.made().set({4})
        self.assertEqual(self.switches(), "10")
        self.made().set({4, 6})
        self.made().set({6})
        self.assertEqual(self.switches(), "01")
        self.made().set(())
        self.assertEqual(self.switches(), "00")

    def test_on_before(self) -> None:
        """Forwarding that was on before stays on."""
        self.switch("1", "0")
        self.made().set({4, 6})
        self.made().set(())
        self.assertEqual(self.switches(), "10")

    def values(self, **values: str) -> dict[str, str]:
        """Set files below ``conf``, named with ``__`` for a slash; return all."""
        for name, value in values.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        return {
            str(each.relative_to(self.folder)): each.read_text().strip()
            for each in self.folder.glob("ipv?/conf/*/*")
        }

    def test_routers(self) -> None:
        """Interfaces keep their default routes, and have their setting back after."""
        before = self.values(
            ipv6__conf__all__accept_ra="1",
            ipv6__conf__default__accept_ra="1",
            ipv6__conf__eth0__accept_ra="1",
            ipv6__conf__eth1__accept_ra="0",
            ipv6__conf__eth2__accept_ra="2",
            ipv6__conf__semaphore0__accept_ra="1",
        )
        made = Forwarding(self.folder, root=self.folder, tunnel="semaphore0")
        made.set({4})
        self.assertEqual(self.values(), before)
        made.set({6})
        found = self.values()
        for name, value in {"all": 1, "default": 2, "eth0": 2, "eth1": 0}.items():
            self.assertEqual(found[f"ipv6/conf/{name}/accept_ra"], str(value), name)
        self.assertEqual(found["ipv6/conf/semaphore0/accept_ra"], "1")
        # another comes later, one goes, and an operator changes a third
        self.values(ipv6__conf__eth9__accept_ra="1", ipv6__conf__default__accept_ra="0")
        self.made().maintain()
        self.assertEqual(self.values()["ipv6/conf/eth9/accept_ra"], "2")
        (self.folder / "ipv6/conf/eth9/accept_ra").unlink()
        self.made().set(())
        wanted = before | {"ipv6/conf/default/accept_ra": "0"}
        self.assertEqual(self.values(), wanted)

    def test_routers_refused(self) -> None:
        """Where the route would be lost nothing is forwarded, and the file is named."""
        self.values(ipv6__conf__eth0__accept_ra="1")
        made = self.made()
        (self.folder / "forwarding.json").mkdir()  # nothing can be noted
        error = self.assertRaises(DeviceFailed, made.set, {6})
        self.assertIn("forwarding.json", str(error))
        self.assertEqual(self.switches(), "00")
        self.assertEqual(self.values()["ipv6/conf/eth0/accept_ra"], "1")

    def test_changed_by_the_kernel(self) -> None:
        """Settings that the kernel changes with the switch are restored."""
        before = self.values(
            ipv4__conf__all__accept_redirects="0",
            ipv4__conf__eth0__forwarding="0",
            ipv4__conf__eth1__forwarding="1",
            ipv6__conf__eth1__forwarding="1",
        )
        self.made().set({4, 6})
        # as the kernel does when it is switched off
        self.values(
            ipv4__conf__all__accept_redirects="1",
            ipv4__conf__eth1__forwarding="0",
            ipv6__conf__eth1__forwarding="0",
        )
        self.made().set(())
        self.assertEqual(self.values(), before | {"ipv6/conf/all/forwarding": "0"})

    def test_state_of_before(self) -> None:
        """The record of an earlier companion and the routes are restored."""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        path = self.folder / "forwarding.json"
        path.write_text(json.dumps({"boot": boot, "families": [6]}))
        self.switch("0", "1")
        self.values(ipv6__conf__eth0__accept_ra="1")
        self.made().set({6})
        self.assertEqual(self.values()["ipv6/conf/eth0/accept_ra"], "2")
        self.made().set(())
        self.assertEqual(self.switches(), "00")
        self.assertEqual(self.values()["ipv6/conf/eth0/accept_ra"], "1")

    def test_another_boot(self) -> None:
        """A record from before the machine's restart is ignored."""
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
