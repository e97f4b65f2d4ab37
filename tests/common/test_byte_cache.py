"""The cache that is limited in bytes."""

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.common.byte_cache import ByteCache


class ByteCacheTests(SynchronousTestCase):
    """What the cache holds, and how much."""

    def test_holds(self) -> None:
        """A value is returned for its key until the cache is cleared."""
        cache: ByteCache[str, bytes] = ByteCache(10_000)
        self.assertIsNone(cache.get("a"))
        cache.put("a", b"1", 1)
        cache.put("b", b"2", 1)
        self.assertEqual((cache.get("a"), cache.get("b")), (b"1", b"2"))
        cache.clear()
        self.assertEqual((cache.get("a"), cache.held), (None, 0))

    def test_full(self) -> None:
        """A value that does not fit any more replaces all others."""
        cache: ByteCache[str, bytes] = ByteCache(10_000)
        cache.put("a", b"1", 5_000)
        cache.put("b", b"2", 5_000)
        self.assertEqual((cache.get("a"), cache.get("b")), (None, b"2"))

    def test_too_large(self) -> None:
        """A value above the limit is not held."""
        cache: ByteCache[str, bytes] = ByteCache(10_000)
        cache.put("a", b"1", 10_000)
        self.assertEqual((cache.get("a"), cache.held), (None, 0))

    def test_memory(self) -> None:
        """Small and large values, under texts and tuples, stay below the limit."""
        limit = 1_000_000
        for large in (0, 3_000):
            cache: ByteCache[object, bytes] = ByteCache(limit)
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            highest = 0
            for number in range(5_000):
                value = bytes(large)
                key = f"{number}€" if number % 2 else (1, None, 10**6, 2**62 + number)
                cache.put(key, value, len(value) + 40)
                if number % 50 == 0:
                    highest = max(highest, tracemalloc.get_traced_memory()[0])
            tracemalloc.stop()
            # Python may take tuples from its own store, where they are not counted.
            self.assertGreater(highest, limit // 8)
            self.assertLess(highest, limit)
