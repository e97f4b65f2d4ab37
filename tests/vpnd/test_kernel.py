"""Calls of ``wg`` by the kernel's device."""

import json

from msgspec.structs import replace

from semaphore_twisted.vpnd.device import KernelDevice
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import (
    RemovePeer,
    SetPeer,
)
from tests.support.devices import PRIVATE, ScriptedPrograms, peer
from tests.support.folders import FolderTestCase
from tests.vpnd.test_addressing import LOOPBACK, SHOWN


class KernelTests(FolderTestCase):
    """Calls of ``wg``."""

    def setUp(self) -> None:
        """Create a device whose interface exists."""
        super().setUp()
        self.key = keys.format(PRIVATE)
        self.run_ = ScriptedPrograms(
            {
                "ip -json": json.dumps([SHOWN]).encode(),
                "wg show": f"{self.key}\t(none)\t51820\toff\n".encode(),
            }
        )
        self.device = KernelDevice(LOOPBACK, PRIVATE, programs=self.run_)

    def words(self) -> list[str]:
        """Return the runs that write."""
        return [
            each
            for each, _ in self.run_.runs
            if " show" not in each and "-batch" not in each
        ]

    def test_adopted(self) -> None:
        """Nothing is written to a device that is right."""
        self.assertFalse(self.successResultOf(self.device.ensure()))
        self.assertEqual(self.words(), [])

    def test_made(self) -> None:
        """A new one is made, and gets its key by standard input."""
        absent = replace(LOOPBACK, interface="not-there")
        device = KernelDevice(absent, PRIVATE, programs=self.run_)
        self.run_.answers["wg show"] = b"(none)\t(none)\t0\toff\n"
        self.assertTrue(self.successResultOf(device.ensure()))
        self.assertEqual(
            self.words(),
            [
                "ip link add dev not-there type wireguard",
                "wg set not-there listen-port 51820 private-key /dev/stdin",
            ],
        )
        self.assertEqual(self.run_.runs[2][1], self.key.encode())

    def test_port(self) -> None:
        """Only what differs is written."""
        self.run_.answers["wg show"] = f"{self.key}\t(none)\t9\toff\n".encode()
        self.successResultOf(self.device.ensure())
        self.assertEqual(self.words(), ["wg set lo listen-port 51820"])

    def test_changes(self) -> None:
        """Peers are removed by arguments and added by input; no argument is secret."""
        gone = [RemovePeer(bytes([number]) * 32) for number in range(1, 4)]
        secret = b"\x99" * 32
        new = SetPeer(
            public_key=peer(2).public_key,
            allowed_ips=("10.80.0.2/32",),
            preshared_key=secret,
        )
        self.successResultOf(self.device.apply([*gone, new]))
        first, second = self.run_.runs
        self.assertEqual(first[0].count(" remove"), 3)
        self.assertEqual(second[0], "wg addconf lo /dev/stdin")
        self.assertIn(keys.format(secret).encode(), second[1])
        self.assertNotIn(keys.format(secret), first[0] + second[0])
        self.run_.runs.clear()
        self.successResultOf(self.device.apply([]))
        self.assertEqual(self.run_.runs, [])
