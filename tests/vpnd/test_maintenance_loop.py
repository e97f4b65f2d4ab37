"""The companion's own loop."""

from typing import Any

from msgspec.structs import replace

from semaphore_twisted.vpnd.maintenance_loop import (
    CYCLE,
    POLL,
    SETTLE,
    MaintenanceLoop,
)
from semaphore_twisted.wireguard.state import DeviceFailed
from tests.support.devices import peer
from tests.vpnd.test_companion import CompanionTestCase


class MaintenanceLoopTests(CompanionTestCase):
    """The device is restored after failures."""

    def setUp(self) -> None:
        """Start the loop."""
        super().setUp()
        self.clock = self.box.clock
        self.runs = 0
        maintain = self.box.companion.maintain

        def counted() -> Any:
            self.runs += 1
            return maintain()

        companion: Any = self.box.companion
        companion.maintain = counted
        self.maintenance = MaintenanceLoop(companion, clock=self.clock)
        self.maintenance.startService()
        self.clock.advance(0)

    def pass_(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        self.clock.pump([0.05] * round(seconds / 0.05))

    def test_start(self) -> None:
        """The device is brought up at once."""
        self.assertEqual((self.runs, self.device.index()), (1, 1))

    def test_quiet(self) -> None:
        """Without events, the device is checked once in each cycle."""
        self.pass_(CYCLE * 3.5)
        self.assertEqual(self.runs, 4)

    def test_vanished(self) -> None:
        """An interface that has vanished is seen within a glance."""
        self.sync(peer(2))
        self.device.down()
        self.pass_(POLL + 0.1)
        self.assertEqual(self.keys(), {peer(2).public_key})

    def test_told(self) -> None:
        """An event causes a check; several events cause one check."""
        self.sync(peer(2))
        self.device.down()
        for _ in range(20):
            self.maintenance.wake()
        self.pass_(SETTLE + 0.05)
        self.assertEqual(self.keys(), {peer(2).public_key})
        self.assertEqual(self.runs, 2)

    def test_storm(self) -> None:
        """With any number of events, a check waits for the previous one."""
        for _ in range(200):
            self.maintenance.wake()
            self.pass_(0.05)
        self.assertLessEqual(self.runs, 10 / SETTLE + 2)
        self.assertGreater(self.runs, 20)

    def test_expiring(self) -> None:
        """An expired peer is removed within a second, without an event."""
        self.sync(replace(peer(2), expires=2000), peer(3))
        self.pass_(POLL + 0.1)
        self.box.now = 1999.9
        self.pass_(POLL + 0.1)
        self.assertEqual(len(self.keys()), 2)
        self.box.now = 2000.0
        kept = self.runs
        self.pass_(POLL + 0.1)
        self.assertEqual(self.keys(), {peer(3).public_key})
        self.assertEqual(self.runs, kept + 1)

    def test_failing(self) -> None:
        """A failure is retried, less and less often, and logged once."""
        self.device.failures = 100
        self.device.down()
        self.pass_(30)
        self.assertTrue(5 < self.runs < 15, self.runs)
        self.device.failures = 0
        self.pass_(CYCLE)
        self.assertEqual(self.device.index(), 2)
        self.flushLoggedErrors(DeviceFailed)

    def test_stopped(self) -> None:
        """After the stop the device is unchanged, and there are no checks."""
        self.maintenance.stopService()
        self.maintenance.wake()
        self.device.down()
        self.pass_(CYCLE * 2)
        self.assertEqual(self.device.index(), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
