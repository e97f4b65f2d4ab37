"""The steps that lend a key."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.agent import Agent
from semaphore_twisted.model.keys import SshKey

AGENT = Agent(name="inventory", socket="/w/s", environ={}, cwd="/w", as_user=True)


class AgentTests(SynchronousTestCase):
    """A key is loaded through a pipe, and removed."""

    def test_key_only_on_standard_input(self) -> None:
        """The key is in no argument, environment or file."""
        key = SshKey(login="x", private_key="THE KEY\n")
        agent, add, public = AGENT.begin(key)
        self.assertEqual(add.stdin, b"THE KEY\n")
        for step in (agent, add, public, *AGENT.end()):
            self.assertNotIn("THE KEY", " ".join(step.argv))
            self.assertNotIn("THE KEY", " ".join(step.environ.values()))
        self.assertTrue(agent.background)
        self.assertEqual(agent.ready, "/w/s")

    def test_normal_form(self) -> None:
        """With any line ends, the key ends in exactly one newline."""
        for text in ("a\nb", "\na\nb\n\n", "a\r\nb\r\n"):
            _, add, _ = AGENT.begin(SshKey(login="", private_key=text))
            self.assertEqual(add.stdin, b"a\nb\n")
