"""The options of login sessions."""

from datetime import timedelta

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.values import WrongOption
from tests.test_config_listener_options import settings


class SessionTests(SynchronousTestCase):
    """``session.idle_sec`` and ``session.lifetime_sec``."""

    def test_defaults(self) -> None:
        """Seven days without use, thirty in all, as Semaphore has them."""
        limits = settings().config.session.limits
        self.assertEqual(limits.idle, timedelta(days=7))
        self.assertEqual(limits.lifetime, timedelta(days=30))

    def test_shorter_than_idle(self) -> None:
        """A shorter lifetime also limits the idle time."""
        limits = settings(session={"lifetime_sec": 86_400}).config.session.limits
        self.assertEqual((limits.idle, limits.lifetime), (timedelta(days=1),) * 2)

    def test_refused(self) -> None:
        """Too short to read a page, or longer than browsers keep a cookie."""
        for name in ("idle_sec", "lifetime_sec"):
            for found in (0, 59, 400 * 86_400 + 1):
                error = self.assertRaises(WrongOption, settings, session={name: found})
                self.assertIn(f"session.{name}: invalid value {found} ", str(error))
