"""How much of a body is kept, before and after its sender is known."""

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.web.http.body_intake import BodyBudget
from semaphore_twisted.web.http.memory_budget import BudgetShare, MemoryBudget
from semaphore_twisted.web.http.request_bodies import decoded
from semaphore_twisted.web.http.site import Site
from tests.support.http import api_client, parse

MIB = 1 << 20


class BudgetTests(SynchronousTestCase):
    """Bytes that are held."""

    def test_limits(self) -> None:
        """One owner has a limit, all together have one, and nothing is left over."""
        budget = MemoryBudget(of_one=10, of_all=25)
        self.assertTrue(budget.take("a", 10))
        self.assertFalse(budget.take("a", 1))
        self.assertTrue(budget.take("b", 10))
        self.assertFalse(budget.take("c", 6))
        self.assertTrue(budget.take(None, 5))
        self.assertFalse(budget.take(None, 1))
        budget.give("a", 10)
        self.assertTrue(budget.take("c", 6))
        for owner, size in (("b", 10), (None, 5), ("c", 6)):
            budget.give(owner, size)
        self.assertEqual((budget.held, len(budget._owners)), (0, 0))

    def test_move(self) -> None:
        """A share is moved completely or not at all."""
        first, second = (
            MemoryBudget(of_one=10, of_all=10),
            MemoryBudget(of_one=5, of_all=100),
        )
        share = BudgetShare(first, "a")
        self.assertTrue(share.grow(8))
        self.assertFalse(share.move(second, "b"))
        self.assertEqual((first.held, second.held), (8, 0))
        share.release()
        self.assertTrue(share.grow(5) and share.move(second, "b"))
        self.assertEqual((first.held, second.held), (0, 5))
        share.release()
        self.assertEqual((first.held, second.held), (0, 0))


class IntakeTestCase(SynchronousTestCase):
    """The site of the API, and bodies that are sent to it."""

    def setUp(self) -> None:
        """Make the site, and log in."""
        self.client = api_client()
        self.anybody = self.client.anonymous()
        self.client.login()
        self.intake: BodyBudget = self.client.site.intake

    def held(self) -> int:
        """Return the bytes of all bodies that are kept."""
        return self.intake.unknown.held + self.intake.known.held

    def open(
        self, client: Any, size: int | None, *lines: str, path: str = "/api/projects"
    ) -> StringTransport:
        """Send the head of a request with a body of *size*, or one in chunks."""
        framing = "Transfer-Encoding: chunked"
        if size is not None:
            framing = f"Content-Length: {size}"
        head = client.head_of("POST", path, {})
        text = "\r\n".join([*head, framing, *lines]) + "\r\n\r\n"
        transport: StringTransport = client.send(text.encode())
        return transport

    def statuses(self, transport: StringTransport) -> list[int]:
        """Return the statuses of the answers."""
        return [int(each) for each in re.findall(rb"HTTP/1.. (\d+)", transport.value())]


class UnknownTests(IntakeTestCase):
    """Bodies of clients without credentials."""

    def test_long(self) -> None:
        """Of a long body 64 KiB are kept at most, the rest is read, and it is 401."""
        for size in (5 * MIB // 2, limits.BODY, None):
            with self.subTest(size=size):
                transport = self.open(self.anybody, size)
                part = b"x" * 60_000
                for _ in range((size or 3 * MIB) // len(part)):
                    data = part if size else b"%x\r\n%s\r\n" % (len(part), part)
                    self.anybody.more(transport, data)
                    self.assertLessEqual(self.held(), limits.BODY_UNKNOWN)
                    self.assertEqual(self.statuses(transport), [])
                    self.assertFalse(transport.disconnecting)
                rest = b"x" * (size % len(part)) if size else b"0\r\n\r\n"
                self.anybody.more(transport, rest)
                self.assertEqual(self.statuses(transport), [401])
                self.assertEqual(parse(transport.value()).header("connection"), "close")
                self.assertTrue(transport.disconnecting)
                self.assertEqual(self.held(), 0)

    def test_short(self) -> None:
        """A body of 64 KiB is read to its end and answered as any other one."""
        answer = self.anybody.post("/api/projects", b"x" * limits.BODY_UNKNOWN)
        self.assertEqual((answer.status, answer.body), (401, b""))
        self.assertIsNone(answer.header("connection"))
        answer = self.anybody.post("/api/projects", b"x" * (limits.BODY_UNKNOWN + 1))
        self.assertEqual((answer.status, answer.body), (401, b""))

    def test_wrong_credentials(self) -> None:
        """Invalid credentials do not help."""
        self.anybody.token = "x" * 44
        answer = self.anybody.post("/api/projects", b"x" * MIB)
        self.assertEqual(answer.status, 401)

    def test_login(self) -> None:
        """Nor is a long body kept where none are asked for."""
        answer = self.anybody.post("/api/auth/login", b"x" * MIB)
        self.assertEqual(answer.status, 401)
        answer = self.anybody.post("/ca", b"x" * MIB)
        self.assertEqual(answer.status, 413)

    def test_expectation(self) -> None:
        """A client that waits to be asked for its body is not asked, but answered."""
        transport = self.open(self.anybody, MIB, "Expect: 100-continue")
        self.assertEqual(self.statuses(transport), [401])
        transport = self.open(self.client, MIB, "Expect: 100-continue")
        self.assertEqual(self.statuses(transport), [100])
        transport = self.open(self.client, 5 * MIB, "Expect: 100-continue")
        self.assertEqual(self.statuses(transport), [413])

    def test_logged(self) -> None:
        """A body that was refused has its line in the access log."""
        with capturedLogs() as events:
            self.anybody.post("/api/projects?secret=x", b"x" * MIB)
        lines = [formatEvent(each) or "" for each in events]
        self.assertEqual(
            lines, ["192.0.2.7 POST /api/projects 401 (the body was refused)"]
        )

    def test_endless(self) -> None:
        """A body that does not end is cut off."""
        transport = self.open(self.anybody, None)
        chunk = b"%x\r\n%s\r\n" % (MIB, b"x" * MIB)
        for _ in range((limits.DISCARDED + limits.BODY) // MIB + 1):
            self.anybody.more(transport, chunk)
        self.assertTrue(transport.disconnected)
        self.assertEqual(self.held(), 0)

    def test_source(self) -> None:
        """All bodies of one source share a limit; other sources and logins go on."""
        size = limits.BODY_UNKNOWN
        opened = []
        for _ in range(limits.BODIES_UNKNOWN_OF_SOURCE // size):
            opened.append(self.open(self.anybody, size))
            self.anybody.more(opened[-1], b"x" * (size - 1))
        more = self.open(self.anybody, size)
        self.anybody.more(more, b"x" * size)
        self.assertEqual(self.statuses(more), [503])
        self.assertEqual(parse(more.value()).header("retry-after"), "5")
        self.anybody.login()
        self.anybody.cookie = None
        self.anybody.peer = "192.0.2.8"
        self.assertEqual(self.anybody.post("/api/x", b"x" * size).status, 401)
        # a client with credentials at the same address is not affected
        body = b'{"name":"x"}' + b" " * (size - 20)
        self.assertEqual(self.client.post("/api/projects", body).status, 201)
        for each in opened:
            self.anybody.hang_up(each)
        self.assertEqual(self.held(), 0)

    def test_all(self) -> None:
        """All sources together have a limit as well."""
        size = limits.BODY_UNKNOWN
        for number in range(limits.BODIES_UNKNOWN // (size - 1) + 50):
            self.anybody.peer = f"198.51.{number % 100}.{number // 100}"
            self.anybody.more(self.open(self.anybody, size), b"x" * (size - 1))
            self.assertLessEqual(self.held(), limits.BODIES_UNKNOWN)
        self.assertGreater(self.held(), limits.BODIES_UNKNOWN - size)


class KnownTests(IntakeTestCase):
    """Bodies of clients with credentials."""

    def test_long(self) -> None:
        """A long body is read, with its length or in chunks, and then forgotten."""
        body = b'{"name":"long"}' + b" " * 2 * MIB
        self.assertEqual(self.client.post("/api/projects", body).status, 201)
        transport = self.open(self.client, None)
        for part in (body[:50_000], body[50_000:90_000], body[90_000:]):
            self.client.more(transport, b"%x\r\n%s\r\n" % (len(part), part))
        self.client.more(transport, b"0\r\n\r\n")
        self.assertEqual(self.statuses(transport), [201])
        self.assertEqual(self.held(), 0)

    def test_many_chunks(self) -> None:
        """Chunks of one byte count their bytes only."""
        transport = self.open(self.client, None)
        for _ in range(100):
            self.client.more(transport, b"1\r\nx\r\n" * 1000)
        self.assertEqual(self.held(), 100_000)
        self.client.hang_up(transport)
        self.assertEqual(self.held(), 0)

    def test_account(self) -> None:
        """All bodies of one account share a limit, from any address."""
        size = limits.BODY
        most = limits.BODIES_OF_ACCOUNT // size
        for number in range(most):
            self.client.peer = f"192.0.2.{number}"
            self.client.more(self.open(self.client, size), b"x" * (size - 1))
        self.assertEqual(self.held(), most * (size - 1))
        more = self.open(self.client, size)
        self.client.more(more, b"x" * (size - 1))
        self.assertEqual(self.statuses(more), [503])

    def test_slow_look_up(self) -> None:
        """Nothing is read while the sender is looked up, and all of it afterwards."""
        asked: list[Deferred[str | None]] = []

        def owner(request: object) -> "Deferred[str | None]":
            del request
            asked.append(Deferred())
            return asked[-1]

        class Echo(Resource):
            isLeaf = True

            def render(self, request: Any) -> bytes:
                return b"%d" % len(request.content.read())

        for found, status in (("1", 200), (None, 413)):
            site = Site(Echo(), clock=Clock(), intake=BodyBudget(owner=owner))
            transport = StringTransport()
            protocol: Any = site.buildProtocol(transport.getPeer())
            protocol.makeConnection(transport)
            size = 2 * limits.BODY_UNKNOWN
            head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
            protocol.dataReceived(head.encode() + b"x" * size)
            self.assertEqual(transport.producerState, "paused")
            self.assertEqual(transport.value(), b"")
            asked.pop().callback(found)
            self.assertEqual(transport.producerState, "producing")
            answer = parse(transport.value())
            self.assertEqual(answer.status, status)
            if status == 200:
                self.assertEqual(answer.body, b"%d" % size)


class ValuesTests(SynchronousTestCase):
    """Memory of a decoded JSON body."""

    def test_many(self) -> None:
        """A body of a million values is refused, one of long texts is not."""
        for body in (
            b'{"a":[' + b"[]," * 1_000_000 + b"[]]}",
            b"[" + b"{}," * 1_000_000 + b"{}]",
            b'{"' + b'":0,"'.join(b"%d" % each for each in range(200_000)) + b'":0}',
            b'["\\",", ' + b'"\\"",' * 60_000 + b'""]',
        ):
            with self.assertRaises(Invalid) as caught:
                decoded(body, dict[str, str])
            self.assertIn("more than 50000 values", str(caught.exception))
        text = ("a,b,[c],{d}," * 100_000).encode()
        value, _ = decoded(b'{"text":"\\"' + text + b'\\\\"}', dict[str, str])
        self.assertEqual(len(value["text"]), len(text) + 2)
