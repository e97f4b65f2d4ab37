"""Questions that are passed on, over an exchange in memory."""

from collections.abc import Callable

from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.dns.forwarder import NEXT, TIMEOUT, DnsForwarder, NoAnswer
from semaphore_twisted.vpn.dns.messages import parse, refusal, renumbered
from tests.support.memory import Entropy
from tests.vpn.test_messages import asked, read, with_edns


@define(eq=False)
class Asked:
    """A query to one resolver, and its pending answer."""

    content: bytes
    server: str
    stream: bool
    accept: Callable[[bytes], bool]
    answer: "Deferred[bytes]"

    def give(self, code: int, number: int | None = None) -> bool:
        """Answer with *code*; returns whether it was taken."""
        content = refusal(parse(self.content), code)
        if number is not None:
            content = renumbered(content, number)
        if not self.accept(content):
            return False
        self.answer.callback(content)
        return True


class MemoryExchange:
    """Keeps what is asked until a test answers."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.asked: list[Asked] = []
        self.cancelled = 0

    def __call__(
        self,
        content: bytes,
        server: str,
        *,
        stream: bool,
        accept: Callable[[bytes], bool],
    ) -> "Deferred[bytes]":
        """Keep the question."""

        def cancelled(answer: "Deferred[bytes]") -> None:
            self.cancelled += 1
            answer.errback(CancelledError())

        answer: Deferred[bytes] = Deferred(cancelled)
        self.asked.append(Asked(content, server, stream, accept, answer))
        return answer


class UpstreamTests(SynchronousTestCase):
    """One resolver after another."""

    def setUp(self) -> None:
        """Create two resolvers."""
        self.exchange = MemoryExchange()
        self.clock = Clock()
        self.servers: tuple[str, ...] = ("192.0.2.1", "192.0.2.2")
        self.upstream = DnsForwarder(
            self.exchange, lambda: self.servers, self.clock, Entropy()
        )

    def tearDown(self) -> None:
        """Nothing is left."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for each in self.exchange.asked:
            self.assertTrue(each.answer.called)

    def _ask(self, content: bytes = b"", *, stream: bool = False) -> "Deferred[bytes]":
        return self.upstream.ask(parse(content or asked("example.org")), stream=stream)

    def test_first(self) -> None:
        """The first resolver is asked, and its answer given under the old number."""
        answer = self._ask()
        (first,) = self.exchange.asked
        self.assertEqual(first.server, "192.0.2.1")
        self.assertFalse(first.stream)
        self.assertTrue(first.give(dns.OK))
        self.assertEqual(read(self.successResultOf(answer)).id, 7)

    def test_number(self) -> None:
        """Each question goes out under a number of its own."""
        answers = [self._ask() for _ in range(20)]
        numbers = {each.content[:2] for each in self.exchange.asked}
        self.assertGreater(len(numbers), 18)
        for each in self.exchange.asked:
            each.give(dns.OK)
        for answer in answers:
            self.successResultOf(answer)

    def test_wrong_number(self) -> None:
        """An answer with another number is not taken, and the right one still is."""
        answer = self._ask()
        first = self.exchange.asked[0]
        number = int.from_bytes(first.content[:2], "big")
        self.assertFalse(first.give(dns.OK, number ^ 1))
        self.assertNoResult(answer)
        self.assertTrue(first.give(dns.OK, number))
        self.successResultOf(answer)

    def test_as_it_is(self) -> None:
        """The rest of the question goes out byte for byte, EDNS included."""
        content = with_edns(asked("Example.org"))
        answer = self._ask(content, stream=True)
        first = self.exchange.asked[0]
        self.assertEqual(first.content[2:], content[2:])
        self.assertTrue(first.stream)
        first.give(dns.OK)
        self.successResultOf(answer)

    def test_no_such_name(self) -> None:
        """That there is no such name is an answer."""
        answer = self._ask()
        self.exchange.asked[0].give(dns.ENAME)
        self.assertEqual(read(self.successResultOf(answer)).rCode, dns.ENAME)
        self.assertEqual(len(self.exchange.asked), 1)

    def test_silent(self) -> None:
        """After a second without an answer the next resolver is queried."""
        answer = self._ask()
        self.clock.advance(NEXT)
        self.assertEqual(self.exchange.asked[1].server, "192.0.2.2")
        self.exchange.asked[1].give(dns.OK)
        self.successResultOf(answer)
        self.assertEqual(self.exchange.cancelled, 1)

    def test_slow(self) -> None:
        """The first one's answer still counts when the next was asked."""
        answer = self._ask()
        self.clock.advance(NEXT)
        self.exchange.asked[0].give(dns.OK)
        self.successResultOf(answer)

    def test_refused(self) -> None:
        """One that fails is followed at once."""
        answer = self._ask()
        self.exchange.asked[0].answer.errback(ConnectionRefusedError())
        self.assertEqual(len(self.exchange.asked), 2)
        self.exchange.asked[1].give(dns.OK)
        self.successResultOf(answer)

    def test_serverfailure(self) -> None:
        """After a SERVFAIL the next resolver is queried."""
        for code in (dns.ESERVER, dns.EREFUSED, dns.ENOTIMP, dns.EFORMAT):
            self.exchange.asked.clear()
            answer = self._ask()
            self.exchange.asked[0].give(code)
            self.exchange.asked[1].give(dns.OK)
            self.assertEqual(read(self.successResultOf(answer)).rCode, dns.OK)

    def test_all_fail(self) -> None:
        """Where all fail, the first one's failure is the answer, at once."""
        answer = self._ask()
        self.exchange.asked[0].give(dns.EREFUSED)
        self.exchange.asked[1].answer.errback(ConnectionRefusedError())
        self.assertEqual(read(self.successResultOf(answer)).rCode, dns.EREFUSED)

    def test_nobody_there(self) -> None:
        """Without a listening resolver the query fails at once."""
        answer = self._ask()
        self.exchange.asked[0].answer.errback(ConnectionRefusedError())
        self.exchange.asked[1].answer.errback(ConnectionRefusedError())
        self.failureResultOf(answer, NoAnswer)

    def test_time_out(self) -> None:
        """After three seconds the query fails."""
        answer = self._ask()
        self.clock.pump([0.5] * 5)
        self.assertNoResult(answer)
        self.clock.advance(TIMEOUT - 2.5)
        self.failureResultOf(answer, NoAnswer)

    def test_one(self) -> None:
        """A single resolver is asked again, since datagrams get lost."""
        self.servers = ("192.0.2.1",)
        answer = self._ask()
        self.clock.pump([NEXT] * 2)
        self.assertEqual(len(self.exchange.asked), 3)
        self.exchange.asked[2].give(dns.OK)
        self.successResultOf(answer)

    def test_one_fails(self) -> None:
        """A resolver that reported a failure is not queried again."""
        self.servers = ("192.0.2.1",)
        answer = self._ask()
        self.exchange.asked[0].give(dns.ESERVER)
        self.assertEqual(read(self.successResultOf(answer)).rCode, dns.ESERVER)
        self.assertEqual(len(self.exchange.asked), 1)

    def test_none(self) -> None:
        """Without a resolver there is no answer."""
        self.servers = ()
        self.failureResultOf(self._ask(), NoAnswer)
