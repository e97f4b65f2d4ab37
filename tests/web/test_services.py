"""The collaborators of the site."""

from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.web.http.context import Services
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.proxies.client_address import PublicUrl


def services(**more: Any) -> Services:
    """Return placeholders for all collaborators."""
    absent: Any = None
    required = dict.fromkeys(
        (
            "database",
            "compute",
            "keyring",
            "tasks",
            "checks",
            "preview",
            "demo",
            "schedules",
            "observer",
        ),
        absent,
    )
    return Services(**required, clock=Clock(), entropy=bytes, **more)


class ServicesTests(SynchronousTestCase):
    """The values that sites share, and those of one site."""

    def test_place(self) -> None:
        """The place is that of ``web_host``, unless a site has another one."""
        made = services(
            options=WebOptions(config=Config(web_host="https://a.example/base"))
        )
        self.assertEqual(made.public_url, PublicUrl("https://a.example/base"))
        other = evolve(made, public_url=PublicUrl("https://b.example"))
        self.assertEqual(other.public_url, PublicUrl("https://b.example"))

    def test_shared(self) -> None:
        """A site with other routes counts the same enrollment attempts."""
        made = services(options=WebOptions())
        self.assertEqual(made.routes, ())
        self.assertIs(evolve(made, routes=()).redeem_limit, made.redeem_limit)
