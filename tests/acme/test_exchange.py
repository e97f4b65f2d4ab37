"""The results of an exchange with a CA, and its errors."""

from typing import Any

from OpenSSL.SSL import Error as TlsError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from semaphore_twisted.acme.exchange import LARGEST, TIMEOUT, AgentTransport
from semaphore_twisted.acme.responses import AcmeError, address, plain

URL = "https://ca.test/dir"


@implementer(IAgent)
class Agent:
    """Answers as a test wants."""

    def __init__(self, answer: Any) -> None:
        """Give *answer* to each request."""
        self.answer = answer

    def request(self, *asked: Any) -> Any:
        """Answer."""
        return self.answer


class Response:
    """A response whose body comes as a test wants."""

    code = 200

    def __init__(self, *parts: bytes, end: Any = None) -> None:
        """Send *parts*, then *end*."""
        self.headers = Headers({"Retry-After": ["5"]})
        self.parts = parts
        self.end = end
        self.lost = False

    def deliverBody(self, protocol: Any) -> None:
        """Send everything at once."""
        self.protocol = protocol
        protocol.makeConnection(self)
        for each in self.parts:
            protocol.dataReceived(each)
        if self.end is not None:
            protocol.connectionLost(Failure(self.end))

    def loseConnection(self) -> None:
        """Remember it."""
        self.lost = True


class ExchangeTests(SynchronousTestCase):
    """One request."""

    def trouble(self, answer: Any, seconds: float = 0) -> str:
        """Return the sentence that *answer* leads to."""
        clock = Clock()
        asking = AgentTransport(Agent(answer), clock)("GET", URL)
        clock.advance(seconds)
        return str(self.failureResultOf(asking, AcmeError).value)

    def test_good(self) -> None:
        """The whole answer, with its headers in lower case."""
        response = Response(b"a", b"b", end=PotentialDataLoss())
        found = AgentTransport(Agent(succeed(response)), Clock())("GET", URL)
        answer = self.successResultOf(found)
        self.assertEqual((answer.status, answer.body), (200, b"ab"))
        self.assertEqual(answer.header("retry-after"), "5")

    def test_sentences(self) -> None:
        """Each fault is one sentence that says whose it is and how to mend it."""
        tls = TlsError([("SSL routines", "", "certificate verify failed")])
        for error, words in (
            (DNSLookupError(), "ca.test: the CA's name cannot be resolved"),
            (Refused(), "ca.test: the CA cannot be reached"),
            (tls, "verify failed); name its root by acme.ca_bundle"),
            (ResponseNeverReceived([Failure(tls)]), "acme.ca_bundle"),
            (ResponseFailed([Failure(Refused())]), "cannot be reached"),
            (VerificationError([]), "is for another name"),
            (RuntimeError("odd\x1b[0m"), "ca.test: odd?[0m"),
        ):
            self.assertIn(words, self.trouble(fail(error)))

    def test_late(self) -> None:
        """An authority that says nothing, or never ends, is not waited for."""
        self.assertIn("within 30 s", self.trouble(Deferred(), TIMEOUT))
        response = Response(b"half")
        self.assertIn("within 30 s", self.trouble(succeed(response), TIMEOUT))
        self.assertTrue(response.lost)

    def test_late_for_an_agent(self) -> None:
        """The agent's own words for a cancelled request are not the CA's."""

        def cancelled(asking: Deferred[Any]) -> None:
            asking.errback(ResponseNeverReceived([Failure(CancelledError())]))

        said = self.trouble(Deferred(cancelled), TIMEOUT)
        self.assertIn("did not answer within 30 s", said)

    def test_late_and_lost(self) -> None:
        """A connection that ends after its time is up says nothing more."""
        clock, response = Clock(), Response(b"half")
        asking = AgentTransport(Agent(succeed(response)), clock)("GET", URL)
        clock.advance(TIMEOUT)
        self.failureResultOf(asking, AcmeError)
        response.protocol.connectionLost(Failure(ResponseFailed([])))

    def test_cut(self) -> None:
        """Half an answer is none."""
        response = Response(b"half", end=ResponseFailed([Failure(Refused())]))
        self.assertIn("cannot be reached", self.trouble(succeed(response)))

    def test_large(self) -> None:
        """An answer without end is cut off."""
        response = Response(b"x" * LARGEST, b"x")
        self.assertIn("is larger than", self.trouble(succeed(response)))
        self.assertTrue(response.lost)

    def test_addresses(self) -> None:
        """Addresses that a CA gives are HTTPS, short and printable."""
        self.assertEqual(address(URL, "it"), URL)
        for each in (
            "http://ca.test/",
            "file:///etc/passwd",
            "https:///x",
            "https://ca.test/\r\nX: y",
            "https://ca.test/" + "x" * 4000,
            "https://[",
            "",
            None,
            7,
        ):
            self.assertRaises(AcmeError, address, each, "it")

    def test_plain(self) -> None:
        """Words of a CA steer no terminal, and do not fill the log."""
        self.assertEqual(plain("a\x1b[2J\nb"), "a?[2J?b")
        self.assertEqual(len(plain("x" * 9000)), 300)
