"""Tests are skipped where a program is missing, with the name of its package."""

from unittest import SkipTest, TestResult

from twisted.trial.unittest import SynchronousTestCase

from tests.support.programs import found, missing, needs, packages, program, require


class ProgramsTests(SynchronousTestCase):
    """Looking up a program that a test needs."""

    def setUp(self) -> None:
        """Have a search path with two programs of the table, one of them absent."""
        packages()["semaphore-absent"] = "absent-package"
        self.addCleanup(packages().pop, "semaphore-absent")

    def test_absent(self) -> None:
        """A missing program and its package are named."""
        reason = "semaphore-absent is missing (Debian package absent-package)"
        self.assertEqual(missing("semaphore-absent"), reason)
        error = self.assertRaises(SkipTest, program, "semaphore-absent")
        self.assertEqual(str(error), reason)
        self.assertRaises(SkipTest, require, "mount", "semaphore-absent")

    def test_present(self) -> None:
        """A program that is there has a path and skips nothing."""
        self.assertEqual(missing("mount"), "")
        self.assertEqual(program("mount"), found("mount"))

    def test_not_in_the_table(self) -> None:
        """A program without a package in the table is a mistake of the test."""
        self.assertRaises(KeyError, missing, "semaphore-unknown")

    def test_decorated(self) -> None:
        """A decorated class is skipped with the reason."""

        class Decorated(SynchronousTestCase):
            def test(self) -> None:
                raise AssertionError

        result = TestResult()
        needs("semaphore-absent")(Decorated)("test").run(result)
        self.assertEqual(
            [reason for _, reason in result.skipped],
            ["semaphore-absent is missing (Debian package absent-package)"],
        )
