"""What an account can be used by, before and after it is disabled."""

from datetime import timedelta

from semaphore_twisted.model.errors import NotFound, NotPermitted
from semaphore_twisted.model.users import AccountAccess, SessionLimits
from semaphore_twisted.operations.accounts import tokens, users
from semaphore_twisted.operations.vpn import peer_states
from tests.support.memory import make_session
from tests.support.peers import PeersCase

_LIMITS = SessionLimits()


class AccountAccessTests(PeersCase):
    """Sessions, tokens and devices are counted while they let somebody in."""

    def access(self) -> AccountAccess:
        """Return what Alice's account can be used by."""
        return users.access(self.conn, self.root, self.alice.user.id, _LIMITS)

    def test_counted(self) -> None:
        """What is of another account, expired or revoked does not count."""
        make_session(self.conn, self.alice.user)
        make_session(self.conn, self.bob.user)
        tokens.create(self.conn, self.alice)
        tokens.create(self.conn, self.alice, lifetime=timedelta(days=1))
        tokens.create(self.conn, self.bob)
        self.make()
        peer_states.revoke(self.conn, self.alice, self.make().id)
        peer_states.suspend(self.conn, self.alice, self.make().id)
        self.make(self.bob)
        counted = AccountAccess(active=True, sessions=1, tokens=2, devices=1)
        self.assertEqual(self.access(), counted)
        with self.later(timedelta(days=2).total_seconds()):
            self.assertEqual(self.access().tokens, 1)
        with self.later(_LIMITS.idle.total_seconds()):
            self.assertEqual(self.access().sessions, 0)

    def test_disabled(self) -> None:
        """A disabled account has none left; its devices count again when enabled."""
        make_session(self.conn, self.alice.user)
        tokens.create(self.conn, self.alice)
        self.make()
        users.set_active(self.conn, self.root, self.alice.user.id, active=False)
        nothing = AccountAccess(active=False, sessions=0, tokens=0, devices=0)
        self.assertEqual(self.access(), nothing)
        users.set_active(self.conn, self.root, self.alice.user.id, active=True)
        device = AccountAccess(active=True, sessions=0, tokens=0, devices=1)
        self.assertEqual(self.access(), device)

    def test_refused(self) -> None:
        """Only administrators see it, and only of accounts that exist."""
        own = self.alice.user.id
        with self.assertRaises(NotPermitted):
            users.access(self.conn, self.alice, own, _LIMITS)
        with self.assertRaises(NotFound):
            users.access(self.conn, self.root, 999, _LIMITS)
