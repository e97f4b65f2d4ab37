"""The client of the companion's socket in commands."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn.companion import ask
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.wireguard import wire
from tests.support.scripted_companion import Respond, ScriptedCompanion, welcome


class CompanionTests(SynchronousTestCase):
    """A question, and its answer or a sentence."""

    def companion(self, respond: Respond) -> ScriptedCompanion:
        """Start a companion."""
        made = ScriptedCompanion(respond)
        made.start()
        self.addCleanup(made.stop)
        return made

    def refused(self, answer: wire.Answer | bytes | None) -> str:
        """Ask a companion that gives *answer*; return the sentence."""
        made = self.companion(lambda _: answer)
        error = self.assertRaises(
            CommandError, ask, made.path, wire.Hello(), wire.Welcome
        )
        self.assertNotIn("\n", error.sentence)
        return str(error.sentence)

    def test_answer(self) -> None:
        """The answer to a request, of any size, is returned."""
        many = tuple(f"change {number}" for number in range(50_000))
        made = self.companion(lambda _: wire.Planned(many))
        request = wire.Plan(peers=(wire.WirePeer(b"p" * 32, ("10.80.0.2",)),))
        found = ask(made.path, request, wire.Planned)
        self.assertEqual(found.changes, many)
        self.assertEqual(made.asked, [request])

    def test_not_there(self) -> None:
        """Without a companion the sentence gives the command that starts it."""
        path = Path(self.mktemp())
        error = self.assertRaises(CommandError, ask, path, wire.Hello(), wire.Welcome)
        self.assertIn("systemctl start semaphore-vpn", error.sentence)

    def test_ended(self) -> None:
        """A socket without a listener is distinguished from a missing one."""
        made = ScriptedCompanion(lambda _: welcome())
        made.start()
        made.stop()
        made.folder.mkdir()
        self.addCleanup(made.folder.rmdir)
        made.path.touch()
        self.addCleanup(made.path.unlink)
        error = self.assertRaises(
            CommandError, ask, made.path, wire.Hello(), wire.Welcome
        )
        self.assertIn("has ended", error.sentence)

    def test_turned_away(self) -> None:
        """A user that is not permitted is told which users are."""
        self.assertIn("as root or as the server's user", self.refused(None))

    def test_refused(self) -> None:
        """The companion's own reason is shown."""
        said = self.refused(wire.Failed("device", "the interface is gone"))
        self.assertIn("the interface is gone", said)

    def test_noise(self) -> None:
        """An invalid answer, or another request's, gives a sentence."""
        self.assertIn("is this the companion", self.refused(b"HTTP/1.1 400 Bad"))
        self.assertIn("companion's socket", self.refused(b"\0\0\0\2{}"))
        self.assertIn("unexpected answer Done", self.refused(wire.Done()))
        self.assertIn("closed the connection", self.refused(b"\0\0"))
