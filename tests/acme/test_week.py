"""A week of each fault of a CA, in fake time.

With each fault there are one account and at most twenty orders, HTTPS has a valid
certificate, and the reactor is not blocked.
"""

import gc
import random
import time
from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.acme.schedule import ORDERS_A_WEEK
from semaphore_twisted.operations.vault import acme as operations
from tests.support.acme_authority import DIRECTORY
from tests.support.acme_server import AcmeServer

WEEK = timedelta(days=7)

#: Seconds of computing between two turns of the reactor.
LONGEST = 0.05

#: Each fault, and where it strikes; nowhere named: everywhere.
FAULTS: dict[str, tuple[str, ...]] = {
    "429": (),
    "503": ("order", "finalize"),
    "500": (),
    "timeout": (),
    "refused": (),
    "garbage": (),
    "huge": (),
    "nonce": (),
    "plain": ("directory",),
    "forgotten": (),
    "lost": ("account", "order", "finalize", "certificate"),
    "stuck": ("orders", "finalize", "authz"),
    "pending": ("orders",),
    "odd": ("orders", "order"),
    "invalid": ("orders", "authz"),
    "unseen": ("challenge",),
    "many": ("order", "orders"),
    "token": ("authz",),
    "other": ("authz",),
    "replaced": ("order",),
    "wrong": ("finalize",),
    "foreign": ("finalize",),
    "noise": ("finalize",),
    "expired": ("finalize",),
}


class WeekTests(SynchronousTestCase):
    """The certificate's keeper, beside a CA that does as it likes."""

    def server(self, **options: str) -> AcmeServer:
        """Return a server that is cleaned up."""
        server = AcmeServer(**options)  # type: ignore[arg-type]
        self.addCleanup(server.clean)
        return server

    def timed(self, server: AcmeServer) -> Callable[[], None]:
        """Return what is to be called at each turn; the longest is kept.

        It is the processor's time, without collections of this process's garbage.
        """
        gc.disable()
        self.addCleanup(gc.enable)
        last = [time.thread_time()]

        def turn() -> None:
            now = time.thread_time()
            server.longest = max(server.longest, now - last[0])
            last[0] = now

        return turn

    def bounded(self, server: AcmeServer, name: str) -> None:
        """Check what may never be exceeded."""
        authority = server.authority
        self.assertLessEqual(len(authority.accounts), 1, name)
        recent = [
            sum(first <= each < first + WEEK for each in authority.ordered)
            for first in authority.ordered
        ]
        self.assertLessEqual(max([0, *recent]), ORDERS_A_WEEK, name)
        self.assertEqual(authority.impatient, 0, name)

    def test_each_fault(self) -> None:
        """A week of each fault; then the CA is well, and so are we."""
        for name, steps in FAULTS.items():
            server = self.server()

            def fault(
                step: str, name: str = name, steps: tuple[str, ...] = steps
            ) -> str:
                return name if not steps or step in steps else ""

            server.authority.fault = fault
            server.start()
            turn = self.timed(server)
            server.run(WEEK, turn)
            self.bounded(server, name)
            if name != "replaced":  # there is nothing to replace yet
                self.assertFalse(server.public, name)
                self.assertTrue(server.record.reason, name)
                self.assertNotIn("\x1b", server.record.reason)
            server.authority.fault = lambda step: ""
            server.run(timedelta(days=8), turn)
            self.bounded(server, name)
            self.assertTrue(server.public, name)
            self.assertEqual(server.record.reason, "", name)
            self.assertLess(server.longest, LONGEST, name)

    def test_each_fault_at_a_renewal(self) -> None:
        """The old certificate is served while a new one cannot be had."""
        for name, steps in FAULTS.items():
            server = self.server()
            server.authority.lifetime = timedelta(days=21)
            server.start()
            server.run(timedelta(hours=1))
            server.kill()
            server.clock.advance(timedelta(days=13).total_seconds())
            server.start()
            server.run(timedelta(hours=1))
            self.assertTrue(server.public)
            old = server.leaf()
            server.authority.window = (server.now(), server.now())

            def fault(
                step: str, name: str = name, steps: tuple[str, ...] = steps
            ) -> str:
                return name if not steps or step in steps else ""

            server.authority.fault = fault
            public = server.run(WEEK).public
            self.bounded(server, name)
            self.assertTrue(public, name)
            if name != "replaced":
                self.assertEqual(server.leaf(), old, name)

    def test_to_the_end(self) -> None:
        """A certificate is not served for longer than it is valid."""
        server = self.server()
        server.authority.lifetime = timedelta(days=6)
        server.start()
        server.run(timedelta(days=1))
        self.assertTrue(server.public)
        server.authority.fault = lambda step: "500"
        server.run(WEEK)
        self.assertFalse(server.public)
        server.authority.fault = lambda step: ""
        server.run(timedelta(days=1, hours=1))
        self.assertTrue(server.public)

    def test_mixed(self) -> None:
        """Weeks of faults by chance, of a CA that works now and then."""
        for seed in range(6):
            server = self.server(kind="tls-alpn-01" if seed % 2 else "http-01")
            chance = random.Random(seed)
            names = [each for each in FAULTS if each not in {"429", "503"}]
            rate = (0.05, 0.2, 0.5)[seed % 3]
            server.authority.lifetime = timedelta(days=6)

            def fault(
                step: str,
                chance: random.Random = chance,
                names: list[str] = names,
                rate: float = rate,
            ) -> str:
                return chance.choice(names) if chance.random() < rate else ""

            server.authority.fault = fault
            server.start()
            server.run(4 * WEEK)
            self.bounded(server, str(seed))

    def test_crash_loop(self) -> None:
        """A server that is killed again and again asks no more than one alive."""
        for steps in range(1, 16):
            server = self.server()
            count = [0]

            def fault(
                step: str,
                count: list[int] = count,
                steps: int = steps,
                server: AcmeServer = server,
            ) -> str:
                count[0] += 1
                if count[0] % steps == 0:
                    server.clock.callLater(0, server.kill)
                    return "lost"  # it arrives, and we are gone
                return ""

            server.authority.fault = fault
            while server.clock.seconds() < WEEK.total_seconds():
                server.start()
                server.run(timedelta(minutes=20))
                if server.service is not None and server.public:
                    break
                server.kill()
            self.bounded(server, f"killed at {steps}")

    def test_evil_advice(self) -> None:
        """An authority that wants each certificate renewed at once is not obeyed."""
        server = self.server()
        server.authority.window = (server.now(), server.now())
        server.start()
        server.run(3 * WEEK)
        self.bounded(server, "advice")

    def test_clock(self) -> None:
        """A record from a clock that was wrong holds nothing up for ever."""
        server = self.server()
        server.authority.fault = lambda step: "500"
        server.start()
        server.run(timedelta(days=1))
        server.kill()
        far = server.now() + timedelta(days=400)
        wrong = replace(
            server.record,
            next_try=far,
            not_before=far,
            look_at=far,
            orders=(far,) * ORDERS_A_WEEK,
        )
        operations.keep(server.database.conn, DIRECTORY, wrong)
        server.authority.fault = lambda step: ""
        server.start()
        server.run(timedelta(minutes=1))
        self.assertTrue(server.public)
