"""The service that keeps the device as the database wants it, over memory."""

from datetime import timedelta
from typing import Any, ClassVar

from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from semaphore_twisted.interfaces import IPeerControl, IPeerObserver
from semaphore_twisted.vpn.client import CompanionAway, VpnClient
from semaphore_twisted.vpn.revisions import TIMEOUT
from semaphore_twisted.vpn.service import HELD, LATE, PeerOptions, PeerService
from semaphore_twisted.wireguard import wire
from semaphore_twisted.wireguard.state import Grant
from tests.support.companion import NOON, MemoryCompanion, MemoryPeers, key, peer
from tests.support.memory import FixedClock

CYCLE = 30.0


@implementer(IPeerObserver)
class _Observer:
    """Records its calls."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.told: list[list[int]] = []

    def peers_observed(self, statuses: Any) -> None:
        """Keep the numbers."""
        self.told.append([status.id for status in statuses])


@implementer(IPeerObserver)
class _Broken:
    """An observer that always fails."""

    def peers_observed(self, statuses: Any) -> None:
        """Fail."""
        raise RuntimeError("the observer is broken")


class _Both(Clock):
    """The reactor's clock and the wall's, which move together."""

    def __init__(self) -> None:
        super().__init__()
        self.wall = FixedClock(NOON)

    def advance(self, amount: float) -> None:
        """Let *amount* seconds pass on both, in steps as a reactor would."""
        left = amount
        while left > 0:
            step = min(left, 0.5)
            self.wall.advance(step)
            super().advance(step)
            left -= step


class ServiceTestCase(SynchronousTestCase):
    """A service with a companion and a store that a test can break."""

    options: ClassVar[PeerOptions] = PeerOptions(cycle=CYCLE, observe=10.0)

    def setUp(self) -> None:
        """Start nothing yet."""
        self.companion = MemoryCompanion()
        self.store = MemoryPeers()
        self.clock = _Both()
        self.observer = _Observer()
        self.service = PeerService(
            client=VpnClient(self.companion, clock=self.clock),
            store=self.store,
            clock=self.clock,
            now=self.clock.wall,
            observers=[self.observer],
            options=self.options,
        )
        self.logged: list[LogEvent] = []
        keep: Any = self.logged.append
        globalLogPublisher.addObserver(keep)
        self.addCleanup(globalLogPublisher.removeObserver, keep)

    def tearDown(self) -> None:
        """Nothing is left in the clock."""
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def start(self, *numbers: int) -> None:
        """Start with the peers *numbers* desired."""
        self.store.want(*numbers)
        self.service.startService()
        self.companion.requests.clear()

    def change(self, *numbers: int) -> int:
        """Desire the peers *numbers*, wake the service, and return the revision."""
        self.store.want(*numbers)
        self.service.wake()
        return self.store.row.revision

    def numbers(self) -> list[int]:
        """Return the numbers of the device's peers."""
        return sorted(int.from_bytes(each, "big") for each in self.companion.peers)

    def lines(self) -> list[str]:
        """Return the service's lines in the log."""
        return [
            each["log_format"]
            for each in self.logged
            if each["log_namespace"].startswith("semaphore_twisted.vpn")
        ]


class SyncTests(ServiceTestCase):
    """The times and the content of syncs."""

    def test_interface(self) -> None:
        """It is what the API talks to."""
        verifyObject(IPeerControl, self.service)

    def test_start(self) -> None:
        """At the start the device becomes as desired, once."""
        self.store.want(1, 2)
        self.service.startService()
        self.assertEqual(self.numbers(), [1, 2])
        self.assertEqual(len(self.companion.syncs()), 1)
        state = self.service.state()
        self.assertTrue(state.connected and state.available)
        self.assertEqual(state.backend, "memory")
        self.assertEqual(state.interface, "semaphore0")
        self.assertEqual(state.revision, self.store.row.revision)
        self.assertEqual(state.wanted, self.store.row.revision)
        self.assertEqual(state.last_sync, NOON)
        self.assertEqual(state.error, "")
        self.assertEqual(state.index, 7)

    def test_whole(self) -> None:
        """Keys, addresses, preshared keys and grants are sent as they are."""
        self.store.want(1)
        self.store.row.grants = (Grant("10.80.0.3", "10.20.0.0/16"),)
        self.service.startService()
        sent = self.companion.syncs()[0]
        self.assertEqual(sent.peers[0].public_key, key(1))
        self.assertEqual(sent.peers[0].addresses, peer(1).addresses)
        self.assertEqual(sent.grants, (wire.WireGrant("10.80.0.3", "10.20.0.0/16"),))
        self.assertFalse(sent.may_empty)

    def test_sites(self) -> None:
        """Grants are read for the site networks that the companion allows."""
        self.start(1)
        self.assertEqual(self.store.sites, ("10.20.0.0/16",))

    def test_cycle(self) -> None:
        """Each cycle sends a sync, and the device is not written."""
        self.start(1)
        written = self.companion.writes
        self.clock.advance(CYCLE * 1000)
        self.assertEqual(len(self.companion.syncs()), 1000)
        self.assertEqual(self.companion.writes, written)

    def test_quiet(self) -> None:
        """A thousand cycles that change nothing write nothing into the log."""
        self.start(1)
        self.logged.clear()
        self.clock.advance(CYCLE * 1000)
        self.assertEqual(self.lines(), [])

    def test_wake(self) -> None:
        """A suspended peer is off the device at once."""
        self.start(1, 2)
        self.change(2)
        self.assertEqual(self.numbers(), [2])

    def test_last_peer(self) -> None:
        """Removing the last peer leaves none, as in the database."""
        self.start(1)
        self.change()
        self.assertEqual(self.numbers(), [])
        self.assertEqual(self.service.state().error, "")

    def test_coalesced(self) -> None:
        """Any number of wake-ups during a sync causes one more sync."""
        self.start(1)
        self.companion.held = True
        for _ in range(50):
            self.change(1, 2)
        self.change(1, 2, 3)
        while self.companion.requests and self.numbers() != [1, 2, 3]:
            self.companion.flush(1)
        self.companion.flush()
        self.assertEqual(self.numbers(), [1, 2, 3])
        self.assertLessEqual(len(self.companion.syncs()), 2)

    def test_one_at_a_time(self) -> None:
        """The state that is read while a sync runs is not sent before it has ended."""
        self.start(1)
        self.companion.held = True
        self.change(1, 2)
        self.change(1)
        self.assertEqual(len(self.companion.syncs()), 1)
        self.companion.flush(1)
        self.companion.held = False
        self.companion.flush()
        self.assertEqual(self.numbers(), [1])

    def test_reconnect(self) -> None:
        """A companion that was killed gets the state again."""
        self.start(1)
        self.companion.stop()
        self.assertFalse(self.service.state().connected)
        self.companion.peers.clear()
        self.companion.running = True
        self.clock.advance(1)
        self.assertEqual(self.numbers(), [1])

    def test_noted(self) -> None:
        """A fault is reported once when it begins, and once when it has ended."""
        said: list[str] = []
        self.service.noted = lambda state: said.append(state.failure_reason)
        self.start(1)
        self.companion.stop()
        self.clock.advance(100)
        self.assertEqual(len([each for each in said if each]), len(set(said) - {""}))
        self.assertNotEqual(said[-1], "")
        self.companion.running = True
        self.clock.advance(5)
        self.assertEqual(said[-1], "")

    def test_started_later(self) -> None:
        """The order in which the services start does not matter."""
        self.companion.running = False
        self.start(1)
        self.clock.advance(100)
        self.companion.running = True
        self.clock.advance(5)
        self.assertEqual(self.numbers(), [1])

    def test_new_interface(self) -> None:
        """An interface with another number is seen by the look."""
        self.start(1)
        self.companion.peers.clear()
        self.companion.index = 9
        self.clock.advance(10)
        self.assertEqual(self.numbers(), [1])
        self.assertEqual(self.service.state().index, 9)

    def test_drift(self) -> None:
        """Changes by other programs are counted and logged, each time."""
        self.start(1)
        self.companion.drift = ("a peer was removed by hand",)
        self.clock.advance(CYCLE)
        state = self.service.state()
        self.assertEqual(state.drift_total, 1)
        self.assertEqual(state.drift, ("a peer was removed by hand",))
        self.assertIn("The VPN's device was changed: {what}", self.lines())
        self.clock.advance(CYCLE)
        self.assertEqual(self.service.state().drift_total, 1)

    def test_damaged(self) -> None:
        """Damaged peers are logged once and kept in the state."""
        self.store.want(1, damaged=("peer 4: no key",))
        self.service.startService()
        self.clock.advance(CYCLE * 3)
        self.assertEqual(self.service.state().damaged, ("peer 4: no key",))
        said = [line for line in self.lines() if "damaged" in line]
        self.assertEqual(len(said), 1)


class FailureTests(ServiceTestCase):
    """Failed operations are repeated without side effects."""

    def test_failing_read(self) -> None:
        """A read that fails sends nothing, so that everybody stays connected."""
        self.start(*range(20))
        self.store.failing.add("desired")
        self.service.wake()
        self.clock.advance(CYCLE * 3)
        self.assertEqual(self.companion.syncs(), [])
        self.assertEqual(len(self.companion.peers), 20)
        self.assertIn("could not be read", self.service.state().error)
        self.store.failing.clear()
        self.clock.advance(CYCLE)
        self.assertEqual(self.service.state().error, "")

    def test_failing_mark(self) -> None:
        """A read-only store does not keep expired peers connected."""
        self.start(1, 2)
        self.store.failing.add("expire_due")
        self.change(2)
        self.assertEqual(self.numbers(), [2])
        self.clock.advance(CYCLE * 5)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_failing_keep(self) -> None:
        """Nor does one that cannot keep what was seen make the device wrong."""
        self.start(1, 2)
        self.store.failing.add("observed")
        revision = self.change(2)
        self.assertEqual(self.numbers(), [2])
        self.assertEqual(self.service.state().revision, revision)
        self.clock.advance(CYCLE * 5)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_failing_device(self) -> None:
        """A failure is shown, and trying again mends it."""
        self.start(1)
        before = self.service.state().revision
        self.companion.failures = [wire.Failed("device", "no such device")] * 3
        revision = self.change(1, 2)
        told = self.service.applied(revision)
        state = self.service.state()
        self.assertEqual(state.error, "no such device")
        self.assertEqual(state.revision, before)
        self.assertEqual(state.failed_syncs_total, 2)
        self.assertEqual(self.successResultOf(told), "no such device")
        self.clock.advance(0.4)
        self.assertEqual(self.numbers(), [1])
        self.clock.advance(3)
        self.assertEqual(self.numbers(), [1, 2])
        self.assertEqual(self.service.state().error, "")
        self.assertEqual(self.service.state().revision, revision)

    def test_back_off(self) -> None:
        """It is tried ever more seldom, each cycle at least."""
        self.start(1)
        self.companion.failures = [wire.Failed("device", "no such device")] * 1000
        self.service.wake()
        self.clock.advance(CYCLE * 10)
        count = len(self.companion.syncs())
        self.assertGreater(count, 10)
        self.assertLess(count, 20)

    def test_said_once(self) -> None:
        """A lasting failure is one log line, and so is its end."""
        self.start(1)
        self.logged.clear()
        self.companion.failures = [wire.Failed("device", "no such device")] * 8
        self.service.wake()
        self.clock.advance(CYCLE * 10)
        self.assertEqual(
            self.lines(),
            [
                "The VPN is not in the desired state: {reason}",
                "The VPN is in the desired state again",
            ],
        )

    def test_refused(self) -> None:
        """A refused request is not repeated before the next cycle."""
        self.start(1)
        self.companion.failures = [wire.Failed("refused", "outside the pools")]
        self.service.wake()
        self.clock.advance(CYCLE - 1)
        self.assertEqual(len(self.companion.syncs()), 1)

    def test_killed_in_a_sync(self) -> None:
        """A companion that was killed in a sync gets the same request again."""
        self.start(1)
        self.companion.held = True
        revision = self.change(1, 2)
        told = self.service.applied(revision)
        self.companion.stop()
        self.assertIn("closed the connection", self.successResultOf(told))
        self.companion.held, self.companion.running = False, True
        self.clock.advance(1)
        self.assertEqual(self.numbers(), [1, 2])

    def test_no_backend(self) -> None:
        """A companion without a device is connected, with the reason."""
        self.companion.backend, self.companion.reason = "", "no /dev/net/tun"
        self.start(1)
        state = self.service.state()
        self.assertTrue(state.connected)
        self.assertFalse(state.available)
        self.assertEqual(state.reason, "no /dev/net/tun")
        self.assertEqual(state.error, "no /dev/net/tun")
        self.companion.backend, self.companion.reason = "memory", ""
        self.clock.advance(CYCLE)
        self.assertTrue(self.service.state().available)

    def test_backend_lost(self) -> None:
        """A permanently lost device is reported with the reason."""
        self.start(1)
        self.companion.backend, self.companion.reason = "", "wireguard-go ends at once"
        self.clock.advance(CYCLE)
        state = self.service.state()
        self.assertFalse(state.available)
        self.assertEqual(state.reason, "wireguard-go ends at once")
        self.assertEqual(state.error, "wireguard-go ends at once")

    def test_away(self) -> None:
        """An unavailable companion is logged once."""
        self.companion.running = False
        self.start(1)
        self.clock.advance(CYCLE * 10)
        self.assertEqual(self.lines(), ["The VPN's companion is unavailable: {reason}"])
        self.assertIn("start the service", self.service.state().reason)

    def test_stop_in_a_sync(self) -> None:
        """The stop waits for the store's pending calls, and makes no further ones."""
        self.start(1)
        self.store.held = True
        self.service.wake()
        stopped = self.service.stopService()
        self.assertNoResult(stopped)
        self.store.held = False
        self.store.flush()
        self.successResultOf(stopped)
        self.assertEqual(self.companion.syncs(), [])
        self.service.startService()


class EmptyingTests(ServiceTestCase):
    """Most peers at once go for a reason only."""

    def test_short_read(self) -> None:
        """An incomplete list removes no peer; the reason is shown."""
        self.start(*range(20))
        self.store.reasonless = {key(number) for number in range(20)}
        revision = self.change(1)
        self.assertEqual(len(self.numbers()), 20)
        state = self.service.state()
        self.assertTrue(state.unsafe)
        self.assertEqual(state.error, HELD)
        self.assertNotEqual(state.revision, revision)
        self.clock.advance(CYCLE * 3)
        self.assertEqual(len(self.numbers()), 20)

    def test_reason(self) -> None:
        """A disabled user's many devices go without a question."""
        self.start(*range(20))
        self.change(1)
        self.assertEqual(self.numbers(), [1])

    def test_one_without(self) -> None:
        """One peer without a reason is enough to ask."""
        self.start(*range(20))
        self.store.reasonless = {key(7)}
        self.change(1)
        self.assertEqual(len(self.numbers()), 20)

    def test_confirmed(self) -> None:
        """An administrator's word removes them."""
        self.start(*range(20))
        self.store.reasonless = {key(7)}
        self.change(1)
        told = self.service.confirm_mass_removal()
        self.assertEqual(self.successResultOf(told), "")
        self.assertEqual(self.numbers(), [1])
        self.assertFalse(self.service.state().unsafe)

    def test_confirmed_drift(self) -> None:
        """Peers of another program are gone when the confirmation is answered."""
        self.start(*range(3))
        known = self.companion.peers[key(0)]
        for each in range(50, 70):
            self.companion.peers[key(each)] = replace(known, public_key=key(each))
        self.store.reasonless = {key(50)}
        self.clock.advance(CYCLE)
        self.assertTrue(self.service.state().unsafe)
        told = self.service.confirm_mass_removal()
        self.assertEqual(self.successResultOf(told), "")
        self.assertEqual(self.numbers(), [0, 1, 2])

    def test_confirmed_another(self) -> None:
        """A confirmation applies to the shown revision only, not to a later one."""
        self.start(*range(20))
        self.store.reasonless = {key(7)}
        self.change(1)
        self.store.want()
        told = self.service.confirm_mass_removal()
        self.assertEqual(self.successResultOf(told), HELD)
        self.assertEqual(len(self.numbers()), 20)

    def test_nothing_to_confirm(self) -> None:
        """A confirmation before a refusal has no effect."""
        self.start(*range(20))
        told = self.successResultOf(self.service.confirm_mass_removal())
        self.assertEqual(told, "nothing waits for a confirmation")
        self.store.reasonless = {key(7)}
        self.change(1)
        self.assertEqual(len(self.numbers()), 20)

    def test_failing(self) -> None:
        """If the store cannot give the reasons, no peer is removed."""
        self.start(*range(20))
        self.store.failing.add("keys_without_removal_reason")
        self.change(1)
        self.assertEqual(len(self.numbers()), 20)
        self.assertIn("could not be read", self.service.state().error)


class AppliedTests(ServiceTestCase):
    """Waiting until the device has a change."""

    def test_applied(self) -> None:
        """It is applied once the companion has read it back."""
        self.start(1)
        self.companion.held = True
        revision = self.change(1, 2)
        told = self.service.applied(revision)
        self.assertNoResult(told)
        self.companion.flush(1)
        self.assertEqual(self.successResultOf(told), "")

    def test_already(self) -> None:
        """A revision that the device has is applied."""
        self.start(1)
        told = self.service.applied(self.store.row.revision)
        self.assertEqual(self.successResultOf(told), "")

    def test_late(self) -> None:
        """After three seconds it is not applied, with a reason."""
        self.start(1)
        self.companion.held = True
        told = self.service.applied(self.change(1, 2))
        self.clock.advance(TIMEOUT - 0.5)
        self.assertNoResult(told)
        self.clock.advance(0.5)
        self.assertEqual(self.successResultOf(told), LATE)

    def test_unwoken(self) -> None:
        """To ask is to wake."""
        self.start(1)
        self.store.want(1, 2)
        told = self.service.applied(self.store.row.revision)
        self.assertEqual(self.successResultOf(told), "")

    def test_older_failure(self) -> None:
        """A failure of an older revision is not this one's."""
        self.start(1)
        self.companion.held = True
        old = self.service.applied(self.change(1, 2))
        self.companion.failures = [wire.Failed("device", "no such device")]
        new = self.service.applied(self.change(1, 2, 3))
        self.companion.flush(1)
        self.assertEqual(self.successResultOf(old), "no such device")
        self.assertNoResult(new)
        self.companion.held = False
        self.companion.flush()
        self.assertEqual(self.successResultOf(new), "")

    def test_away(self) -> None:
        """Without a companion the answer is immediate."""
        self.start(1)
        self.companion.stop()
        told = self.service.applied(self.change(1, 2))
        self.assertIn("closed the connection", self.successResultOf(told))

    def test_stopped(self) -> None:
        """The stop ends all waiting."""
        self.start(1)
        self.companion.held = True
        told = self.service.applied(self.change(1, 2))
        self.successResultOf(self.service.stopService())
        self.assertNotEqual(self.successResultOf(told), "")
        again = self.service.applied(self.store.row.revision)
        self.assertNotEqual(self.successResultOf(again), "")

    def test_restored(self) -> None:
        """A database that was restored counts from where it is."""
        self.start(1)
        self.change(1, 2)
        self.store.row.revision = 1
        self.service.wake()
        self.assertEqual(self.service.state().revision, 1)


class ExpiryTests(ServiceTestCase):
    """A peer's time ends on the second."""

    def _expiring(self, seconds: float) -> None:
        moment = NOON + timedelta(seconds=seconds)
        self.store.want(1, 2, next_expiry=moment)
        self.service.startService()
        self.companion.requests.clear()
        # the store's result from this moment on
        self.moment = moment

    def _end(self) -> None:
        self.store.want(2)

    def test_on_time(self) -> None:
        """The sync happens at the expiry, not at the cycle."""
        self._expiring(7.25)
        self.clock.advance(7)
        self.assertEqual(self.companion.syncs(), [])
        self._end()
        self.clock.advance(0.5)
        self.assertEqual(self.numbers(), [2])
        self.assertEqual(self.store.asked.count("expire_due"), 2)

    def test_next(self) -> None:
        """The next end is the one that was read last."""
        self._expiring(7)
        self.store.want(1, 2, next_expiry=NOON + timedelta(seconds=3))
        self.service.wake()
        self.companion.requests.clear()
        self._end()
        self.clock.advance(3)
        self.assertEqual(self.numbers(), [2])
        self.assertEqual(len(self.companion.syncs()), 1)

    def test_clock_jumps(self) -> None:
        """A clock that is set forward ends it within a second."""
        self._expiring(3600 * 24)
        self._end()
        self.clock.wall.advance(3600 * 24)
        self.clock.advance(1)
        self.assertEqual(self.numbers(), [2])

    def test_clock_jumps_back(self) -> None:
        """One that is set back delays it, and nothing is asked in a loop."""
        self._expiring(5)
        self.clock.wall.advance(-3600)
        self.clock.advance(CYCLE - 1)
        self.assertEqual(self.companion.syncs(), [])

    def test_no_loop(self) -> None:
        """An end that is over and still listed is asked for each second at most."""
        self._expiring(-5)
        self.clock.advance(5)
        self.assertLessEqual(len(self.companion.syncs()), 5)

    def test_at_the_start(self) -> None:
        """Peers that expired meanwhile are marked before the first sync."""
        self.store.want(1)
        self.service.startService()
        self.assertEqual(self.store.asked[-3:], ["expire_due", "desired", "observed"])

    def test_without_companion(self) -> None:
        """Peers end in the store without the companion too."""
        self.companion.running = False
        self.start(1)
        self.clock.advance(CYCLE * 3)
        self.assertEqual(self.store.asked.count("expire_due"), 4)


class LookTests(ServiceTestCase):
    """How the peers are."""

    def test_observers(self) -> None:
        """Observers are notified of all peers after each reading."""
        self.start(1, 2)
        self.assertEqual(self.observer.told, [[1, 2]])
        self.clock.advance(20)
        self.assertEqual(self.observer.told, [[1, 2]] * 3)

    def test_broken_observer(self) -> None:
        """A failing observer does not prevent the calls of other ones."""
        self.service.observe(_Broken())
        late = _Observer()
        self.service.observe(late)
        self.start(1)
        self.assertEqual(late.told, [[1]])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_statuses(self) -> None:
        """A caller gets the device's current statuses."""
        self.start(1)
        self.companion.peers[key(5)] = wire.WirePeer(key(5), ("10.80.0.9",))
        found = self.successResultOf(self.service.statuses())
        self.assertEqual([status.id for status in found], [1, 5])

    def test_shared(self) -> None:
        """Many who ask at once cost one look."""
        self.start(1)
        self.companion.held = True
        asked = [self.service.statuses() for _ in range(50)]
        self.companion.held = False
        self.companion.flush()
        for each in asked:
            self.assertEqual(len(self.successResultOf(each)), 1)
        looks = [
            each for each in self.companion.requests if isinstance(each, wire.Observe)
        ]
        self.assertEqual(len(looks), 1)

    def test_unavailable(self) -> None:
        """Without the companion there is a reason, and never a zero."""
        self.start(1)
        self.companion.stop()
        failure = self.failureResultOf(self.service.statuses(), CompanionAway)
        self.assertIn("closed the connection", failure.value.message)
        state = self.service.state()
        self.assertFalse(state.connected)
        self.assertEqual(state.backend, "")
        self.assertIn("closed the connection", state.reason)

    def test_unreadable(self) -> None:
        """A device that cannot be read is a failure too, logged once."""
        self.start(1)
        self.companion.refusal = "the device cannot be read"
        failure = self.failureResultOf(self.service.statuses())
        self.assertIn("cannot be read", failure.getErrorMessage())
        self.logged.clear()
        self.clock.advance(29)
        self.assertEqual(self.lines(), ["The peers cannot be read: {reason}"])

    def test_age(self) -> None:
        """The state has the time of the reading, and the wanted revision."""
        self.start(1)
        self.companion.failures = [wire.Failed("device", "no such device")] * 100
        self.change(1, 2)
        self.clock.advance(25)
        state = self.service.state()
        self.assertEqual(state.last_sync, NOON)
        self.assertEqual(state.last_poll, NOON + timedelta(seconds=20))
        self.assertEqual(state.wanted, state.revision + 1)

    def test_plan(self) -> None:
        """A plan lists the changes of a sync, and makes none."""
        self.start(1)
        self.store.want(1, 2)
        changes = self.successResultOf(self.service.plan())
        self.assertEqual(changes, (f"add {key(2).hex()}",))
        self.assertEqual(self.numbers(), [1])

    def test_diagnose(self) -> None:
        """Our findings are returned with the companion's."""
        self.start(1)
        found = self.successResultOf(self.service.diagnose())
        self.assertEqual([each.subject for each in found], ["state", "backend"])
        self.assertEqual({each.level for each in found}, {"ok"})

    def test_diagnose_away(self) -> None:
        """Without the companion that is the finding."""
        self.companion.running = False
        self.start(1)
        (found,) = self.successResultOf(self.service.diagnose())
        self.assertEqual((found.subject, found.level), ("companion", "error"))
        self.assertIn("start the service", found.sentence)

    def test_diagnose_errors(self) -> None:
        """Failures, damaged rows and drift are findings."""
        self.store.want(1, damaged=("peer 4: no key",))
        self.companion.drift = ("a peer was removed by hand",)
        self.service.startService()
        self.companion.failures = [wire.Failed("device", "no such device")]
        self.service.wake()
        found = self.successResultOf(self.service.diagnose())
        self.assertEqual(
            [(each.subject, each.level) for each in found],
            [
                ("state", "error"),
                ("database", "error"),
                ("drift", "warning"),
                ("backend", "ok"),
            ],
        )

    def test_no_secret(self) -> None:
        """The request's ``repr`` shows no preshared key."""
        made = wire.WirePeer(key(1), ("10.80.0.2",), b"\x55" * 32)
        self.assertNotIn("5555", repr(wire.Sync(1, (made,))))
        self.assertNotIn("UUUU", repr(wire.Sync(1, (made,))))


class VersionTests(ServiceTestCase):
    """Companions of this release and of the one before."""

    def test_expiries(self) -> None:
        """Expiry times are sent only to a companion that understands them."""
        for version, told in ((1, None), (wire.VERSION, 1_800_000_000)):
            self.companion = MemoryCompanion(version=version)
            self.service = PeerService(
                client=VpnClient(self.companion, clock=self.clock),
                store=self.store,
                clock=self.clock,
                now=self.clock.wall,
                options=self.options,
            )
            self.store.want(2)
            (desired,) = self.store.row.peers
            self.store.row.peers = (replace(desired, expires=1_800_000_000),)
            self.service.startService()
            (peer,) = self.companion.syncs()[-1].peers
            self.assertEqual(peer.expires, told)
            self.successResultOf(self.service.stopService())
