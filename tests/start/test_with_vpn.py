"""Tests of ``--with-vpn``: what it refuses; the rest needs root and a network."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import Config
from semaphore_twisted.start import with_vpn
from semaphore_twisted.start.installation import Refused


class RefusalTests(SynchronousTestCase):
    """Nothing is started, and nothing made, where it cannot be done."""

    def refusal(self, *, root: bool = True, user: str | None = None) -> str:
        """Return the sentence of the refusal."""
        state = Path(self.mktemp())
        options = {"user": user, "vpn-settings": "/etc/semaphore-vpn"}
        error = self.assertRaises(
            Refused,
            with_vpn.begin,
            options,
            config=Config(),
            state=state,
            root=root,
        )
        self.assertFalse(state.exists())
        return str(error)

    def test_not_root(self) -> None:
        """Somebody without rights is told why they are needed."""
        self.assertIn("only root can start the companion", self.refusal(root=False))

    def test_no_user(self) -> None:
        """Root has to say whom the server is to become."""
        self.assertIn("--user: none found", self.refusal())

    def test_unknown_user(self) -> None:
        """An account that is not there is named."""
        self.assertIn("'nobody-at-all'", self.refusal(user="nobody-at-all"))

    def test_root_again(self) -> None:
        """The server does not stay root."""
        self.assertIn("an account without rights", self.refusal(user="root"))
