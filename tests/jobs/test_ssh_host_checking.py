"""The options by which ssh checks hosts."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.ssh_host_checking import checking
from tests.support.orders import options


class HostsTests(SynchronousTestCase):
    """Never a prompt, and no key but the agent's."""

    def test_each_mode(self) -> None:
        """Each mode of the configuration is handed to ssh."""
        for mode in ("accept-new", "yes"):
            found = checking(options("/s", strict_host_key_checking=mode), "/k")
            self.assertIn(f"StrictHostKeyChecking={mode}", found)
            self.assertIn('UserKnownHostsFile="/k"', found)
        found = checking(options("/s", strict_host_key_checking="no"), "/k")
        self.assertIn("UserKnownHostsFile=/dev/null", found)

    def test_odd_paths(self) -> None:
        """Spaces, quotation marks and percent signs in a path are kept from ssh."""
        found = checking(options("/s"), '/a b"c%d')
        self.assertIn('UserKnownHostsFile="/a b\\"c%%d"', found)
