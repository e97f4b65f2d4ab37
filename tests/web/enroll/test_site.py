"""Tests of the small site for devices to come."""

from msgspec.structs import replace

from semaphore_twisted.web.enroll.redeem_limit import RedeemLimit
from semaphore_twisted.web.enroll.site import BODY_LIMIT, build_enroll_site
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.site import Site
from tests.support.enrolling import ROOT
from tests.support.http import (
    DEMO,
    NO_CHECKS,
    ApiClient,
    RecordingSchedules,
    at_once,
    memory_keyring,
    preview,
)
from tests.support.memory import Entropy
from tests.support.vpn_api import OPTIONS, VpnApiCase

INNER = "https://semaphore.internal"


class SiteTests(VpnApiCase):
    """The routes of the site, and missing ones."""

    def setUp(self) -> None:
        """Make both sites."""
        super().setUp()
        self.redeem_limit = RedeemLimit(self.anybody.clock.seconds)
        self.outside = self.client(self.site())

    def site(self, inner: str = INNER) -> Site:
        """Return the small site."""
        services = Services(
            database=self.anybody.database,
            compute=at_once,
            keyring=memory_keyring(),
            tasks=self.anybody.tasks,
            checks=NO_CHECKS,
            schedules=RecordingSchedules(),
            preview=preview,
            demo=lambda: DEMO,
            observer=self.anybody.hub,
            clock=self.anybody.clock,
            entropy=Entropy(10**8),
            options=replace(OPTIONS, enroll_url="https://vpn.example.net:8443"),
            peers=self.peers,
            redeem_limit=self.redeem_limit,
        )
        return build_enroll_site(services, inner=inner)

    def client(self, site: Site) -> ApiClient:
        """Return a client of *site*, with an administrator's cookie."""
        client = self.as_admin
        found = self.anybody.anonymous()
        found.site, found.cookie = site, client.cookie
        found.host = "vpn.example.net:8443"
        found.routes = ()  # not those of the whole API
        return found

    def test_pages(self) -> None:
        """The pages, their files and the root certificate are there."""
        for path in ("/enroll", "/ca", "/enroll/enroll.js", "/enroll/join.sh"):
            self.assertEqual(self.outside.get(path).status, 200, path)
        self.assertEqual(self.outside.get("/api/vpn/ca").body, ROOT.certificate_pem)

    def test_redeem(self) -> None:
        """A device enrolls, with a browser of this very origin as well."""
        made = self.invite(max_uses=2)
        for headers in ({}, {"Origin": "https://vpn.example.net:8443"}):
            body = self.body(token=made["token"])
            answer = self.outside.post("/api/vpn/enroll", body, headers=headers)
            self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(len(self.as_alice.get("/api/vpn/peers").json), 2)

    def test_foreign(self) -> None:
        """A page of the inner site, or another, does not have it enroll."""
        body = self.body(token=self.invite()["token"])
        for origin in ("https://evil.example", "https://semaphore.example", "null"):
            answer = self.outside.post(
                "/api/vpn/enroll", body, headers={"Origin": origin}
            )
            self.assertEqual(answer.status, 403)

    def test_nothing_else(self) -> None:
        """No other route exists, even with an administrator's cookie."""
        for path in (
            "/api/user",
            "/api/users",
            "/api/vpn/peers",
            "/api/vpn/network",
            "/api/vpn/enroll/../peers",
            "/api/ping",
            "/api/auth/login",
            "/api/ws",
            "/api/metrics",
            "/api/openapi.json",
            "/index.html",
            "/project/1",
            "//",
        ):
            answer = self.outside.get(path)
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(answer.body, b"Not Found\n")
        self.assertEqual(self.outside.post("/", b"").status, 404)

    def test_no_credentials(self) -> None:
        """No session is looked up, so none is kept alive from here."""
        asked = self.anybody.database.asked
        before = list(asked)
        self.assertEqual(self.outside.get("/api/vpn/enroll").status, 401)
        self.assertEqual(self.outside.delete("/api/vpn/ca").status, 401)
        self.assertEqual(asked, before)

    def test_redirect(self) -> None:
        """The root path redirects to the inner site; the redirect is not cached."""
        answer = self.outside.get("/")
        self.assertEqual(answer.status, 302)
        self.assertEqual(answer.header("location"), INNER)
        self.assertEqual(answer.header("cache-control"), "no-store")
        answer = self.client(self.site(inner="")).get("/")
        self.assertEqual(answer.header("location"), "enroll")

    def test_small_bodies(self) -> None:
        """No large body is taken in."""
        answer = self.outside.post("/api/vpn/enroll", b" " * (BODY_LIMIT + 1))
        self.assertEqual(answer.status, 413)

    def test_failures(self) -> None:
        """Failures are counted with those at the other site."""
        body = self.body(token="smp-enroll-" + "x" * 43)
        self.assertEqual(self.outside.post("/api/vpn/enroll", body).status, 403)
        self.assertEqual(self.redeem_limit.failed, 1)
