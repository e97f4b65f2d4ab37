"""How ssh is told to check hosts."""

import shlex

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.hosts import checking, git_ssh
from tests.support.orders import options


class HostsTests(SynchronousTestCase):
    """Never a prompt, and no key but the agent's."""

    def test_each_mode(self) -> None:
        """B36: each mode of the configuration is handed to ssh."""
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

    def test_git(self) -> None:
        """Git's ssh asks nobody, waits briefly, and reads no settings of a user."""
        words = shlex.split(git_ssh(options("/s"), "/k", agent=None))
        for word in ("BatchMode=yes", "ConnectTimeout=10", "IdentityAgent=none"):
            self.assertIn(word, words)
        self.assertEqual(words[:3], ["ssh", "-F", "/dev/null"])
        self.assertIn("IdentityFile=none", words)

    def test_settings_of_the_operator(self) -> None:
        """The configured ssh_config is read, its keys included."""
        chosen = options("/s", ssh_config="/etc/our ssh")
        words = shlex.split(git_ssh(chosen, "/k", agent="/a"))
        self.assertEqual(words[:3], ["ssh", "-F", "/etc/our ssh"])
        self.assertNotIn("IdentityFile=none", words)
        self.assertIn('IdentityAgent="/a"', words)
