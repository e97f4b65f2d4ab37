"""The device in memory keeps the contract of its port."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard.state import DeviceFailed
from tests.contracts.wireguard_device import PRIVATE, SETTINGS, DeviceContract, peer
from tests.support.memory_device import MemoryDevice


class MemoryDeviceTests(DeviceContract, SynchronousTestCase):
    """``MemoryDevice`` is a device."""

    def device(self) -> MemoryDevice:
        """Return the device."""
        return MemoryDevice(SETTINGS, PRIVATE)

    def drive(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it: everything in memory is done at once."""
        self.successResultOf(Deferred.fromCoroutine(work))

    def test_cut(self) -> None:
        """A write that fails half-way has been done half."""
        device = self.device()
        self.successResultOf(device.ensure())
        device.cut = 1
        changes = [peer(2), peer(3)]
        self.failureResultOf(device.apply(changes), DeviceFailed)
        self.assertEqual(device.written, changes[:1])
        self.assertEqual(len(self.successResultOf(device.state()).peers), 1)

    def test_failures(self) -> None:
        """It fails as often as it is told to."""
        device = self.device()
        device.failures = 3
        self.failureResultOf(device.ensure(), DeviceFailed)
        self.failureResultOf(device.state(), DeviceFailed)
        self.failureResultOf(device.apply([peer(2)]), DeviceFailed)
        self.assertTrue(self.successResultOf(device.ensure()))
