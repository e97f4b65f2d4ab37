"""The site on the local socket for states: what clients without a password can hold."""

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.internet.testing import StringTransport

from semaphore_twisted.model import limits
from semaphore_twisted.persistence.worker import Stopped
from semaphore_twisted.web.http.state_site import state_site
from tests.support.http import ApiClient, parse
from tests.support.memory import MemoryDatabase
from tests.web.api.test_states import LOGIN, StateTestCase, basic, content


class NamelessClient(ApiClient):
    """Sends requests over a local socket, whose ends have no addresses."""

    def transport(self) -> StringTransport:
        """Return the transport of a new connection."""
        return StringTransport(peerAddress=object())


class ClosedDatabase(MemoryDatabase):
    """A database that is closed, as while the server stops."""

    def read(self, *args: Any, **kwargs: Any) -> "Deferred[Any]":
        """Fail as the database does."""
        return fail(Stopped("the database is closed"))


class StateSiteTestCase(StateTestCase):
    """The site, and a client of it."""

    def setUp(self) -> None:
        """Make the site, with the services of the public one."""
        super().setUp()
        api: Any = self.site.site.resource._api
        known = {
            name: getattr(self.machine, name)
            for name in (
                *("database", "tasks", "schedules", "hub", "clock", "routes"),
                *("passwords_changed", "repositories_changed", "copies_cleared"),
            )
        }
        self.local = NamelessClient(site=state_site(api._services), **known)
        self.intake: Any = self.local.site.intake

    def open(self, size: int, login: tuple[str, str] = LOGIN) -> StringTransport:
        """Send the head of a request that stores *size* bytes."""
        headers = {"Authorization": basic(*login), "Content-Length": str(size)}
        lines = self.local.head_of("POST", self.alias, headers)
        return self.local.send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def status(self, transport: StringTransport) -> int:
        """Return the status of the only answer."""
        return parse(transport.value()).status

    def store_here(self) -> int:
        """Store a state; return the status."""
        body = content(1)
        transport = self.open(len(body))
        self.local.more(transport, body)
        return self.status(transport)


class ConnectionTests(StateSiteTestCase):
    """Connections at a time."""

    def test_silent(self) -> None:
        """Many clients without a whole request do not keep others out."""
        silent = [self.local.send(b"") for _ in range(limits.STATE_CONNECTIONS)]
        slow = self.open(100)
        self.assertTrue(silent[0].disconnected)
        self.assertFalse(any(each.disconnected for each in silent[1:]))
        self.local.hang_up(silent.pop(0))
        self.assertEqual(self.store_here(), 200)
        self.assertTrue(silent[0].disconnected)
        self.assertFalse(slow.disconnected)

    def test_begun(self) -> None:
        """A state that began to arrive is not lost by them; a stranger's is."""
        body = content(1, value="x" * limits.BODY_UNKNOWN)
        begun = self.open(len(body))
        self.local.more(begun, body[:1000])
        stranger = self.open(limits.BODY_UNKNOWN)
        others = [stranger]
        for _ in range(2 * limits.STATE_CONNECTIONS):
            others.append(self.local.send(b""))
            if others[0].disconnected:
                self.local.hang_up(others.pop(0))
        self.assertTrue(stranger.disconnected)
        self.assertFalse(begun.disconnected)
        self.local.more(begun, body[1000:])
        self.assertEqual(self.status(begun), 200)
        # after its answer it is as any other
        while not begun.disconnected:
            others.append(self.local.send(b""))
            self.assertLess(len(others), 2 * limits.STATE_CONNECTIONS)
            if others[0].disconnected:
                self.local.hang_up(others.pop(0))


class StopTests(StateSiteTestCase):
    """A server that stops."""

    def test_closed(self) -> None:
        """What cannot be stored any more is 503, so that Terraform sends it again."""
        api: Any = self.local.site.resource._api
        services = evolve(api._services, database=ClosedDatabase())
        self.local.site = state_site(services)
        self.assertEqual(self.store_here(), 503)
        self.assertEqual(self.flushLoggedErrors(), [])


class BodyTests(StateSiteTestCase):
    """Bytes that are held."""

    def test_strangers(self) -> None:
        """Clients with a wrong password hold few bytes, and block nobody."""
        part = limits.BODY_UNKNOWN
        for _ in range(2 * limits.STATE_BODIES_UNKNOWN // part):
            transport = self.open(part, ("me", "no"))
            self.local.more(transport, b"x" * (part - 1))
            self.assertLessEqual(self.intake.unknown.held, limits.STATE_BODIES_UNKNOWN)
        self.assertGreater(self.intake.unknown.held, limits.STATE_BODIES_UNKNOWN // 2)
        body = content(1, value="x" * 10_000)
        transport = self.open(len(body))
        self.local.more(transport, body)
        self.assertEqual(self.status(transport), 200)

    def test_wrong_password(self) -> None:
        """A long body is 401, also if a part of it comes before the check ends."""
        database: Any = self.local.database
        database.held = True
        size = 2 * limits.BODY_UNKNOWN
        transport = self.open(size, ("me", "no"))
        self.local.more(transport, b"x" * 1000)
        database.held = False
        database.flush()
        self.assertEqual(self.intake.unknown.held + self.intake.known.held, 0)
        self.local.more(transport, b"x" * (size - 1000))
        self.assertEqual(self.status(transport), 401)
