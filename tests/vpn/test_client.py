"""The connection to the companion, over memory."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.client import (
    FIRST_DELAY,
    LONGEST_DELAY,
    NO_REQUEST_YET,
    TIMEOUT,
    CompanionAway,
    CompanionFailed,
    VpnClient,
)
from semaphore_twisted.wireguard import wire
from tests.support.companion import MemoryCompanion, key


class ClientTestCase(SynchronousTestCase):
    """A client, a companion, and a clock."""

    def setUp(self) -> None:
        """Connect nothing yet."""
        self.companion = MemoryCompanion()
        self.clock = Clock()
        self.client = VpnClient(self.companion, clock=self.clock, where="/run/vpn.sock")
        self.told: list[str] = []
        self.client.connected = lambda: self.told.append("connected")
        self.client.disconnected = lambda: self.told.append("disconnected")

    def tearDown(self) -> None:
        """Nothing is left in the clock."""
        self.client.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AskTests(ClientTestCase):
    """Questions and answers."""

    def test_welcome(self) -> None:
        """The companion's answer to Hello precedes all other requests."""
        self.client.start()
        self.assertEqual(self.told, ["connected"])
        welcome = self.client.welcome
        assert welcome is not None
        self.assertEqual(welcome.backend, "memory")
        self.assertEqual(self.companion.requests, [wire.Hello()])

    def test_each_verb(self) -> None:
        """Each request has the answer of its type."""
        self.client.start()
        client = self.client
        peers = (wire.WirePeer(key(1), ("10.80.0.2",)),)
        self.assertIsInstance(self.successResultOf(client.hello()), wire.Welcome)
        synced = self.successResultOf(client.sync(wire.Sync(3, peers)))
        self.assertEqual((synced.revision, synced.changes), (3, 1))
        planned = self.successResultOf(client.plan(wire.Plan(())))
        self.assertEqual(planned.changes, ())
        observed = self.successResultOf(client.observe())
        self.assertEqual(observed.peers[0].public_key, key(1))
        diagnosis = self.successResultOf(client.diagnose())
        self.assertEqual(diagnosis.findings[0].level, "ok")

    def test_order(self) -> None:
        """Answers belong to the requests in their order."""
        self.client.start()
        self.companion.held = True
        first, second = self.client.observe(), self.client.diagnose()
        self.companion.flush(1)
        self.assertIsInstance(self.successResultOf(first), wire.Observed)
        self.assertNoResult(second)
        self.companion.flush()
        self.assertIsInstance(self.successResultOf(second), wire.Diagnosis)

    def test_failed(self) -> None:
        """A refusal has its code and its sentence; the connection stays."""
        self.client.start()
        self.companion.failures = [wire.Failed("device", "no such device")]
        failure = self.failureResultOf(
            self.client.sync(wire.Sync(1, ())), CompanionFailed
        )
        self.assertEqual(failure.value.code, "device")
        self.assertEqual(failure.value.message, "no such device")
        self.successResultOf(self.client.observe())

    def test_cancelled(self) -> None:
        """A cancelled request does not shift the answers of the other ones."""
        self.client.start()
        self.companion.held = True
        first, second = self.client.observe(), self.client.diagnose()
        first.cancel()
        self.failureResultOf(first)
        self.companion.flush()
        self.assertIsInstance(self.successResultOf(second), wire.Diagnosis)

    def test_before_the_start(self) -> None:
        """Without a connection a request fails."""
        failure = self.failureResultOf(self.client.observe(), CompanionAway)
        self.assertEqual(failure.value.message, NO_REQUEST_YET)

    def test_too_long(self) -> None:
        """A request that the companion would not take is not sent."""
        self.client.start()
        text = "1" * 60
        peers = (wire.WirePeer(key(1), (text,)),) * (wire.MAX_FRAME // 100)
        self.failureResultOf(self.client.sync(wire.Sync(1, peers)), CompanionFailed)
        self.assertEqual(self.companion.syncs(), [])
        self.successResultOf(self.client.observe())


class BrokenTests(ClientTestCase):
    """A companion that does not keep to the protocol."""

    def _asked(self, frame: bytes) -> str:
        self.client.start()
        self.companion.held = True
        asked, other = self.client.observe(), self.client.diagnose()
        self.companion.wires[0].answer(frame)
        self.failureResultOf(other, CompanionAway)
        self.assertEqual(self.companion.wires, [])
        self.assertIsNone(self.client.welcome)
        message: str = self.failureResultOf(asked, CompanionAway).value.message
        return message

    def test_not_understood(self) -> None:
        """An invalid message ends the connection and fails all requests."""
        self.assertIn("was not understood", self._asked(b"{"))

    def test_other_answer(self) -> None:
        """The answer to another request does so too."""
        self.assertIn("does not match", self._asked(wire.encode(wire.Done())))

    def test_unasked(self) -> None:
        """And an answer to nothing."""
        self.client.start()
        self.companion.wires[0].answer(wire.Done())
        self.assertIsNone(self.client.welcome)
        self.assertIn("without a request", self.client.reason)

    def test_longest(self) -> None:
        """A frame that is too long ends the connection before it is complete."""
        self.client.start()
        self.companion.wires[0].protocol.dataReceived(b"\x7f\xff\xff\xff")
        self.assertIsNone(self.client.welcome)
        self.assertIn("too long", self.client.reason)

    def test_time_out(self) -> None:
        """A missing answer ends the connection after ten seconds."""
        self.client.start()
        self.companion.held = True
        asked = self.client.observe()
        self.clock.advance(TIMEOUT - 0.1)
        self.assertNoResult(asked)
        self.clock.advance(0.2)
        failure = self.failureResultOf(asked, CompanionAway)
        self.assertIn("within 10 seconds", failure.value.message)

    def test_time_of_the_second(self) -> None:
        """The time of a request begins when those before it are answered."""
        self.client.start()
        self.companion.held = True
        first = self.client.observe()
        second = self.client.diagnose()
        self.clock.advance(TIMEOUT - 1)
        self.companion.flush(1)
        self.successResultOf(first)
        self.clock.advance(TIMEOUT - 1)
        self.assertNoResult(second)
        self.companion.flush(1)
        self.successResultOf(second)

    def test_other_version(self) -> None:
        """A companion of another release is not asked anything."""
        self.companion.version = wire.VERSION + 1
        self.client.start()
        self.assertIsNone(self.client.welcome)
        self.assertIn(f"version {wire.VERSION + 1}", self.client.reason)
        self.assertEqual(self.told, ["disconnected"])

    def test_not_allowed(self) -> None:
        """The companion's reason for refusing us is reported."""
        self.companion.refusal = "user 33 may not"
        self.client.start()
        self.assertEqual(self.client.reason, "user 33 may not")
        self.assertEqual(self.companion.wires, [])

    def test_hung_up(self) -> None:
        """One that hangs up at the first word does not know our user."""
        self.companion.rude = True
        self.client.start()
        self.assertIn("list the user", self.client.reason)
        self.assertEqual(self.told, ["disconnected"])


class ReconnectTests(ClientTestCase):
    """The connection is established again."""

    def test_away(self) -> None:
        """The error for a stopped companion has its path and the remedy."""
        self.companion.running = False
        self.client.start()
        self.assertIn("/run/vpn.sock", self.client.reason)
        self.assertIn("start the service", self.client.reason)
        failure = self.failureResultOf(self.client.observe(), CompanionAway)
        self.assertEqual(failure.value.message, self.client.reason)

    def test_back_off(self) -> None:
        """Attempts follow one another ever more slowly, a second at most."""
        self.companion.running = False
        self.client.start()
        moments = []
        for _ in range(400):
            before = self.companion.attempts
            self.clock.advance(0.1)
            if self.companion.attempts > before:
                moments.append(self.clock.seconds())
        gaps = [b - a for a, b in zip([0.0, *moments], moments, strict=False)]
        for gap, wanted in (
            (gaps[0], FIRST_DELAY),
            (gaps[1], FIRST_DELAY * 2),
            (gaps[2], FIRST_DELAY * 4),
            (gaps[-1], LONGEST_DELAY),
        ):
            self.assertLess(abs(gap - wanted), 0.11)

    def test_lost(self) -> None:
        """A killed companion is reached again once it is back."""
        self.client.start()
        self.companion.held = True
        asked = self.client.observe()
        self.companion.stop()
        self.failureResultOf(asked, CompanionAway)
        self.assertEqual(self.told, ["connected", "disconnected"])
        self.companion.running, self.companion.held = True, False
        self.clock.advance(FIRST_DELAY)
        self.assertEqual(self.told, ["connected", "disconnected", "connected"])
        self.successResultOf(self.client.observe())

    def test_quick_again(self) -> None:
        """After a connection that lasted the first attempt is quick again."""
        for _ in range(3):
            self.client.start()
            self.clock.advance(60)
            self.companion.stop()
            self.companion.running = True
            self.clock.advance(FIRST_DELAY)
            self.assertIsNotNone(self.client.welcome)

    def test_flapping(self) -> None:
        """A companion that falls at once is not connected to in a quick loop."""
        self.client.start()
        for _ in range(100):
            self.companion.stop()
            self.companion.running = True
            self.clock.advance(0.1)
        self.assertLess(self.companion.attempts, 15)

    def test_stop(self) -> None:
        """Once stopped it does nothing more, from any state."""
        self.client.start()
        self.companion.held = True
        asked = self.client.observe()
        self.client.stop()
        self.failureResultOf(asked, CompanionAway)
        self.assertEqual(self.companion.wires, [])
        self.clock.advance(100)
        self.assertEqual(self.companion.attempts, 1)

    def test_stop_while_away(self) -> None:
        """The same during the delay before the next attempt."""
        self.companion.running = False
        self.client.start()
        self.client.stop()
        self.clock.advance(100)
        self.assertEqual(self.companion.attempts, 1)

    def test_stop_in_hello(self) -> None:
        """The same while the answer to Hello is pending."""
        self.companion.held = True
        self.client.start()
        self.client.stop()
        self.assertEqual(self.companion.wires, [])
        self.assertEqual(self.told, [])
