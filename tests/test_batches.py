"""The batches of modules that ``tests/run`` gives to its lanes."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.batches import UNKNOWN, batches, durations


class BatchTests(SynchronousTestCase):
    """Each module runs once, with or without a known duration."""

    def test_each_module_once(self) -> None:
        """Known and unknown modules are in exactly one batch."""
        modules = [f"tests.m{number}" for number in range(50)]
        seconds = {module: float(number) for number, module in enumerate(modules[:40])}
        found = batches(modules, seconds, 60)
        self.assertEqual(
            sorted(each for batch in found for each in batch.modules), sorted(modules)
        )

    def test_limit(self) -> None:
        """A batch of several modules keeps to the limit; the longest is first."""
        seconds = {"a": 100.0, "b": 30.0, "c": 30.0, "d": 1.0}
        found = batches("abcde", seconds, 60)
        self.assertEqual(
            [(each.seconds, each.modules) for each in found],
            [(100.0, ["a"]), (60.0, ["b", "c"]), (1.0 + UNKNOWN, ["e", "d"])],
        )

    def test_none(self) -> None:
        """Without modules there is no batch."""
        self.assertEqual(batches([], {}, 60), [])


class DurationsTests(SynchronousTestCase):
    """The file of measured durations."""

    def test_comments(self) -> None:
        """Comments and empty lines are passed over."""
        self.assertEqual(
            durations("# a\n\n1.5 tests.a\n2 b\n"), {"tests.a": 1.5, "b": 2}
        )
