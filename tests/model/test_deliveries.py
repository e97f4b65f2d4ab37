"""Tests of what is read from a delivery, and kept of it."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import limits
from semaphore_twisted.model.deliveries import MASK, RawDelivery, is_secret, masked


def delivery(**headers: str) -> RawDelivery:
    """Return a delivery with *headers*, whose names have underscores."""
    return RawDelivery(
        method="POST",
        address="192.0.2.1",
        headers=tuple((name.replace("_", "-"), each) for name, each in headers.items()),
        body=b"Zx9-marker",
    )


class HeaderTests(SynchronousTestCase):
    """Headers."""

    def test_secret(self) -> None:
        """Names that say secret are masked, and the others are not."""
        for name in (
            *("Authorization", "Proxy-Authorization", "Cookie", "X-Gitlab-Token"),
            *("X-Hub-Signature", "X-Hub-Signature-256", "Webhook-Signature"),
            *("X-Api-Key", "apikey", "X-Auth", "X-Auth-Email", "X-Session-Id"),
            *("X-Functions-Key", "x-access-key", "Private-Key", "X-Amzn-Oidc-Data"),
            *("X-Shopify-Hmac-SHA256", "X-Pass", "X-Pwd", "X_Api_Key", "x_auth"),
        ):
            self.assertTrue(is_secret(name), name)
        for name in (
            *("X-GitHub-Event", "Content-Type", "X-Author", "Idempotency-Key"),
            *(
                "User-Agent",
                "X-Gitlab-Event-UUID",
                "X-Design",
                "X-Event-Key",
                "X-Keyboard",
                "X-Passenger",
            ),
        ):
            self.assertFalse(is_secret(name), name)
        self.assertTrue(is_secret("X-Plain", ["x-plain"]))
        self.assertTrue(is_secret("X-Event-Key", ["x-event-key"]))

    def test_kept(self) -> None:
        """A limited part of the headers is kept."""
        long = [("x-a", "v" * 1000)] * 100
        kept = masked([("cookie", "Zx9"), *long])
        self.assertEqual(kept[0], ("cookie", MASK))
        size = sum(len(name) + len(each) for name, each in kept)
        self.assertLessEqual(size, limits.HOOK_KEPT_HEADERS)
        self.assertGreater(len(kept), 10)

    def test_number(self) -> None:
        """The sender's own id counts before one that a proxy may have added."""
        one = delivery(webhook_id="1")
        self.assertEqual(one.number, delivery(webhook_id="1", x_request_id="2").number)
        self.assertNotEqual(one.number, delivery(webhook_id="2").number)
        self.assertNotEqual(one.number, delivery(x_request_id="1").number)
        self.assertIsNone(delivery(webhook_id=" ").number)

    def test_event(self) -> None:
        """The name of an event is one short line."""
        self.assertEqual(delivery(x_event_key="repo:push").event, "repo:push")
        self.assertEqual(delivery(x_github_event="a\x1b[31m\u202eb").event, "a[31mb")
        self.assertEqual(len(delivery(x_gitlab_event="x" * 999).event), 60)

    def test_repr(self) -> None:
        """Neither headers nor body are shown."""
        self.assertNotIn("Zx9", repr(delivery(cookie="Zx9")))
