"""Answers that are not read: each client has a limit, and all have one."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.users import Access
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.responses import PlainText, StreamedResponse
from semaphore_twisted.web.http.routing import Route
from tests.support.http import ApiClient, api_client, parse
from tests.support.memory import make_user

MIB = 1 << 20


async def large(context: RequestContext) -> PlainText:
    """Answer a megabyte."""
    del context
    return PlainText(b"x" * MIB)


async def small(context: RequestContext) -> PlainText:
    """Return a small answer."""
    del context
    return PlainText(b"x" * limits.ANSWER_SMALL)


async def stream(context: RequestContext) -> StreamedResponse:
    """Answer bit by bit."""
    del context

    async def chunks() -> Any:
        for _ in range(100):
            yield b"x" * limits.ANSWER_SMALL

    return StreamedResponse("text/plain", chunks())


ROUTES = tuple(
    Route(method="GET", pattern=f"/{each.__name__}", handler=each, access=access)
    for each, access in (
        (large, Access.USER),
        (small, Access.USER),
        (stream, Access.PUBLIC),
    )
)


class UnreadTests(SynchronousTestCase):
    """Clients that ask and do not read."""

    def setUp(self) -> None:
        """Make a site, and clients of two accounts."""
        self.site = api_client(routes=ROUTES)
        conn = self.site.database.conn
        self.alice = self.site.with_token(make_user(conn, "alice"))
        self.bob = self.site.with_token(make_user(conn, "bob"))

    def status(self, client: ApiClient, path: str) -> int:
        """Return the status of an answer that is read."""
        return client.get(path).status

    def test_slices(self) -> None:
        """Of a long answer one slice is written until it is read."""
        transport = self.alice.open("GET", "/api/large", paused=True)
        held = len(transport.value())
        self.assertLess(held, limits.BATCH + 1000)
        producer: Any = transport.producer
        producer.resumeProducing()
        answer = parse(transport.value())
        self.assertEqual(answer.body, b"x" * MIB)
        self.assertEqual(answer.header("content-length"), str(MIB))

    def test_account(self) -> None:
        """An account has a limit, which a short answer does not need."""
        opened = [
            self.alice.open("GET", "/api/large", paused=True)
            for _ in range(limits.ANSWERS_OF_ACCOUNT // MIB)
        ]
        refused = self.alice.get("/api/large")
        self.assertEqual(refused.status, 503)
        self.assertEqual(refused.header("retry-after"), "5")
        self.assertEqual(self.status(self.alice, "/api/small"), 200)
        self.assertEqual(self.status(self.bob, "/api/large"), 200)
        self.alice.hang_up(opened[0])
        self.assertEqual(self.status(self.alice, "/api/large"), 200)

    def test_source(self) -> None:
        """Without an account the source has that limit, and a stream is a batch."""
        anybody = self.site.anonymous()
        for _ in range(limits.ANSWERS_OF_ACCOUNT // limits.BATCH):
            anybody.open("GET", "/api/stream", paused=True)
        self.assertEqual(self.status(anybody, "/api/stream"), 503)
        self.assertEqual(self.status(self.alice, "/api/stream"), 503)
        anybody.peer = "192.0.2.99"
        self.assertEqual(self.status(anybody, "/api/stream"), 200)

    def test_all(self) -> None:
        """All clients together have a limit."""
        anybody = self.site.anonymous()
        for number in range(limits.ANSWERS // limits.BATCH):
            anybody.peer = f"10.0.{number // 250}.{number % 250}"
            anybody.open("GET", "/api/stream", paused=True)
        anybody.peer = "192.0.2.99"
        self.assertEqual(self.status(anybody, "/api/stream"), 503)

    def test_nothing_left(self) -> None:
        """An answer that was read, or whose client is gone, is uncounted."""
        for _ in range(3 * limits.ANSWERS_OF_ACCOUNT // MIB):
            self.assertEqual(self.status(self.alice, "/api/large"), 200)
            self.alice.hang_up(self.alice.open("GET", "/api/large", paused=True))
