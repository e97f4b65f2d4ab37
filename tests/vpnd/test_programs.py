"""Programs that are looked up."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpnd import programs
from semaphore_twisted.wireguard.state import DeviceFailed


class ProgramTests(SynchronousTestCase):
    """Programs that are looked up."""

    def test_missing(self) -> None:
        """A missing program is named with its package."""
        error = self.assertRaises(
            DeviceFailed, programs.find_program, "no-such-program"
        )
        self.assertIn("apt install no-such-program", str(error))
        self.assertTrue(programs.find_program("sh").startswith("/"))
