"""Tests of build versions."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.operations.tasks.versions import next_version


class VersionTests(SynchronousTestCase):
    """How versions count."""

    def test_first(self) -> None:
        """The first build has the start version."""
        self.assertEqual(next_version("1.0.0", None), "1.0.0")

    def test_last_number_counts(self) -> None:
        """The last number counts up, between what is before and after it."""
        self.assertEqual(next_version("1.0.0", "1.0.9"), "1.0.10")
        self.assertEqual(next_version("v1-rc", "v4-rc"), "v5-rc")

    def test_long_numbers(self) -> None:
        """A number of any length counts up: no two builds have the same version."""
        self.assertEqual(next_version("9" * 18, "9" * 18), "1" + "0" * 18)
        time = "1.20261130174500123456"
        self.assertEqual(next_version(time, time), "1.20261130174500123457")

    def test_start_moves(self) -> None:
        """A start version above the last one wins; another form begins again."""
        self.assertEqual(next_version("1.0.20", "1.0.3"), "1.0.20")
        self.assertEqual(next_version("2.0.0", "1.0.3"), "2.0.0")

    def test_no_digits(self) -> None:
        """A start version without digits is always itself."""
        self.assertEqual(next_version("latest", "latest"), "latest")
