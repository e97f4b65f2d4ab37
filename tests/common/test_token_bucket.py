"""A rate limit that allows bursts."""

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from semaphore_twisted.common.token_bucket import TokenBucket


class TokenBucketTests(SynchronousTestCase):
    """Three tokens, and one more each two seconds."""

    @override
    def setUp(self) -> None:
        self.bucket = TokenBucket(3, 0.5, 100.0)

    def take(self, now: float) -> bool:
        """Take a token at *now*; return whether there was one."""
        self.bucket.fill(now)
        if self.bucket.has_token:
            self.bucket.take()
            return True
        return False

    def test_burst(self) -> None:
        """All tokens can be taken at once, and no more."""
        self.assertEqual([self.take(100.0) for _ in range(4)], [True] * 3 + [False])

    def test_gain(self) -> None:
        """A token is there after its seconds, and not before."""
        for _ in range(3):
            self.take(100.0)
        self.assertEqual(self.bucket.wait, 2.0)
        self.assertFalse(self.take(101.5))
        self.assertEqual(self.bucket.wait, 0.5)
        self.assertTrue(self.take(102.0))
        self.assertFalse(self.take(102.0))

    def test_full(self) -> None:
        """A long pause gives no more than the size."""
        self.assertEqual([self.take(1e6) for _ in range(4)], [True] * 3 + [False])

    def test_clock_goes_back(self) -> None:
        """A clock that is set back adds nothing and takes nothing away."""
        self.take(100.0)
        self.bucket.fill(50.0)
        self.assertEqual(self.bucket.tokens, 2.0)

    def test_give_back(self) -> None:
        """A token can be given back, up to the size."""
        self.take(100.0)
        self.bucket.give_back()
        self.bucket.give_back()
        self.assertEqual(self.bucket.tokens, 3.0)

    def test_wait_with_tokens(self) -> None:
        """There is no wait while there is a token."""
        self.assertEqual(self.bucket.wait, 0.0)

    def test_no_gain(self) -> None:
        """A bucket without a rate is never filled again."""
        self.bucket = TokenBucket(1, 0.0, 100.0)
        self.assertEqual([self.take(100.0), self.take(1e6)], [True, False])
