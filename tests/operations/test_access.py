"""Authentication of actors, and their permissions."""

from datetime import timedelta

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.tokens import digest
from semaphore_twisted.model.errors import (
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutOfScope,
)
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.users import (
    Access,
    Actor,
    Credentials,
    Demand,
    Permission,
    Role,
    SessionLimits,
    TokenScope,
)
from semaphore_twisted.operations import access
from semaphore_twisted.operations.accounts import sessions, tokens, users
from semaphore_twisted.operations.projects import projects
from semaphore_twisted.operations.visibility import audiences
from semaphore_twisted.persistence.engine import Connection
from tests.support.memory import (
    FixedClock,
    actor_of,
    make_member,
    make_project,
    make_session,
    make_token,
    make_user,
    memory_connection,
)

_IN_PROJECT = (
    Access.MEMBER,
    Access.RUN_TASKS,
    Access.UPDATE_PROJECT,
    Access.MANAGE_RESOURCES,
    Access.MANAGE_USERS,
)

#: Written out, so that a change of the roles is a change of this table.
_MAY = {
    Role.OWNER: set(_IN_PROJECT),
    Role.MANAGER: {Access.MEMBER, Access.RUN_TASKS, Access.MANAGE_RESOURCES},
    Role.TASK_RUNNER: {Access.MEMBER, Access.RUN_TASKS},
    Role.GUEST: {Access.MEMBER},
}


class AccessTests(SynchronousTestCase):
    """Credentials, membership, rights."""

    def setUp(self) -> None:
        """Make a project with its owner."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.owner = make_user(self.conn, "owner")
        self.project = make_project(self.conn, self.owner)

    def test_known(self) -> None:
        """A check is repeated after a change, and after a second."""
        _, credentials = make_token(self.conn, self.owner)
        found = access.checked(
            self.conn, credentials, Demand(Access.MANAGE_USERS), self.project.id
        )
        with self.conn.transaction(write=False):
            self.assertIs(found.again(self.conn), found.actor)
        self.clock.advance(2)
        with self.conn.transaction(write=False):
            again = found.again(self.conn)
            self.assertIsNot(again, found.actor)
            self.assertEqual(again, found.actor)
        self.clock.advance(-2)
        users.set_active(self.conn, None, self.owner.id, active=False)
        with self.conn.transaction(write=False):
            self.assertRaises(NotAuthenticated, found.again, self.conn)

    def test_known_elsewhere(self) -> None:
        """A check is not taken from another connection, whose data may differ."""
        _, credentials = make_token(self.conn, self.owner)
        found = access.checked(
            self.conn, credentials, Demand(Access.MEMBER), self.project.id
        )
        other = memory_connection(self.clock)
        self.assertRaises(NotAuthenticated, found.again, other)

    def test_session_and_token(self) -> None:
        """Both kinds of credentials name the same user, and their own kind."""
        _, session = make_session(self.conn, self.owner)
        _, token = make_token(self.conn, self.owner)
        by_session = access.actor(self.conn, session, Demand(Access.USER), None)
        by_token = access.actor(self.conn, token, Demand(Access.USER), None)
        self.assertEqual(by_session.user, self.owner)
        self.assertEqual(by_token.user, self.owner)
        self.assertIsNotNone(by_session.session_id)
        self.assertEqual(by_token.token_digest, token.token_digest)
        self.assertIsNone(by_token.session_id)

    def test_token_wins(self) -> None:
        """An invalid token is refused, even with a valid cookie."""
        _, session = make_session(self.conn, self.owner)
        both = Credentials(session_digest=session.session_digest, token_digest="no")
        with self.assertRaises(NotAuthenticated):
            access.actor(self.conn, both, Demand(Access.USER), None)

    def test_none(self) -> None:
        """Missing and unknown credentials are not authenticated."""
        for credentials in (
            Credentials(),
            Credentials(session_digest="no"),
            Credentials(token_digest="no"),
        ):
            with self.assertRaises(NotAuthenticated):
                access.actor(self.conn, credentials, Demand(Access.USER), None)

    def test_roles(self) -> None:
        """Each role has exactly the permissions of its row in the table."""
        for role, may in _MAY.items():
            user = make_user(self.conn, f"some_{role}")
            make_member(self.conn, self.project, user, role)
            _, credentials = make_session(self.conn, user)
            for wanted in _IN_PROJECT:
                if wanted in may:
                    found = access.actor(
                        self.conn, credentials, Demand(wanted), self.project.id
                    )
                    self.assertEqual(found.role, role)
                else:
                    with self.assertRaises(NotPermitted):
                        access.actor(
                            self.conn, credentials, Demand(wanted), self.project.id
                        )

    def test_not_a_member(self) -> None:
        """A foreign project and a missing one give the same answer."""
        _, credentials = make_session(self.conn, make_user(self.conn, "stranger"))
        for project_id in (self.project.id, ProjectId(999)):
            for wanted in _IN_PROJECT:
                with self.assertRaises(NotFound):
                    access.actor(self.conn, credentials, Demand(wanted), project_id)

    def test_member_of_another(self) -> None:
        """The owner of another project has no permission in this one."""
        other = make_user(self.conn, "other")
        make_project(self.conn, other, "Other")
        _, credentials = make_session(self.conn, other)
        with self.assertRaises(NotFound):
            access.actor(self.conn, credentials, Demand(Access.MEMBER), self.project.id)

    def test_administrator(self) -> None:
        """An administrator may do everything in each project, without a role."""
        admin = make_user(self.conn, "root", admin=True)
        _, credentials = make_session(self.conn, admin)
        for wanted in (*_IN_PROJECT, Access.ADMIN):
            found = access.actor(
                self.conn, credentials, Demand(wanted), self.project.id
            )
            self.assertIsNone(found.role)
            self.assertEqual(found.permissions, Permission(15))
        with self.assertRaises(NotFound):
            access.actor(self.conn, credentials, Demand(Access.MEMBER), 999)

    def test_installation(self) -> None:
        """Outside projects an administrator's right is an administrator's only."""
        _, credentials = make_session(self.conn, self.owner)
        for wanted in (Access.ADMIN, *_IN_PROJECT):
            with self.assertRaises(NotPermitted):
                access.actor(self.conn, credentials, Demand(wanted), None)

    def test_idle(self) -> None:
        """A session that was not used for seven days has ended."""
        _, credentials = make_session(self.conn, self.owner)
        self.clock.advance(7 * 86400 - 1)
        with self.conn.transaction(write=False):
            access.actor(self.conn, credentials, Demand(Access.USER), None)
        self.clock.advance(1)
        with self.conn.transaction(write=False), self.assertRaises(NotAuthenticated):
            access.actor(self.conn, credentials, Demand(Access.USER), None)

    def test_clock_set_back(self) -> None:
        """A session with a start in the future ends as soon as any other."""
        _, credentials = make_session(self.conn, self.owner)
        self.clock.advance(-86400 * 366)
        with self.conn.transaction(write=True):
            found = access.actor(self.conn, credentials, Demand(Access.USER), None)
            self.assertTrue(found.session_due)
            assert found.session_id is not None
            sessions.touch(self.conn, found.session_id, SessionLimits())
            found = access.actor(self.conn, credentials, Demand(Access.USER), None)
            self.assertFalse(found.session_due)
        self.clock.advance(7 * 86400)
        with self.conn.transaction(write=False), self.assertRaises(NotAuthenticated):
            access.actor(self.conn, credentials, Demand(Access.USER), None)

    def test_use_is_noted(self) -> None:
        """Use extends a session; it is noted once a minute at most."""
        _, credentials = make_session(self.conn, self.owner)
        found = access.actor(self.conn, credentials, Demand(Access.USER), None)
        self.assertFalse(found.session_due)
        self.clock.advance(61)
        with self.conn.transaction(write=True):
            found = access.actor(self.conn, credentials, Demand(Access.USER), None)
            self.assertTrue(found.session_due)
            assert found.session_id is not None
            sessions.touch(self.conn, found.session_id, SessionLimits())
            found = access.actor(self.conn, credentials, Demand(Access.USER), None)
            self.assertFalse(found.session_due)
        self.clock.advance(7 * 86400 - 1)
        with self.conn.transaction(write=False):
            access.actor(self.conn, credentials, Demand(Access.USER), None)

    def holds(self, credentials: Credentials) -> bool:
        """Whether credentials hold, for a request and for a websocket alike."""
        with self.conn.transaction(write=False):
            (audience,) = audiences(self.conn, [credentials])
            try:
                access.actor(self.conn, credentials, Demand(Access.USER), None)
            except NotAuthenticated:
                self.assertIsNone(audience)
                return False
            self.assertIsNotNone(audience)
            return True

    def test_limits(self) -> None:
        """A session ends after a set time without use, and after one in all."""
        limits = SessionLimits(idle=timedelta(hours=1), lifetime=timedelta(hours=3))
        _, credentials = make_session(self.conn, self.owner)
        credentials = replace(credentials, limits=limits)
        for _ in range(3):
            self.clock.advance(3599)
            self.assertTrue(self.holds(credentials))
            with self.conn.transaction(write=True):
                found = access.actor(self.conn, credentials, Demand(Access.USER), None)
                assert found.session_id is not None
                sessions.touch(self.conn, found.session_id, limits)
        self.clock.advance(2)
        self.assertTrue(self.holds(credentials))
        self.clock.advance(1)
        self.assertFalse(self.holds(credentials))
        _, credentials = make_session(self.conn, self.owner)
        credentials = replace(credentials, limits=limits)
        self.clock.advance(3601)
        self.assertFalse(self.holds(credentials))

    def test_short_idle(self) -> None:
        """Use is noted often enough for the shortest time without any."""
        limits = SessionLimits(idle=timedelta(minutes=1))
        self.assertEqual(limits.noted, timedelta(seconds=6))
        self.assertEqual(SessionLimits().noted, timedelta(minutes=1))

    def test_ends(self) -> None:
        """A websocket's audience has the expiry of its session or token."""
        limits = SessionLimits(idle=timedelta(hours=2), lifetime=timedelta(hours=3))
        _, credentials = make_session(self.conn, self.owner)
        credentials = replace(credentials, limits=limits)
        begun = self.conn.now
        (audience,) = audiences(self.conn, [credentials])
        assert audience is not None
        self.assertEqual(audience.ends, begun + timedelta(hours=2))
        self.clock.advance(7199)
        with self.conn.transaction(write=True):
            found = access.actor(self.conn, credentials, Demand(Access.USER), None)
            assert found.session_id is not None
            sessions.touch(self.conn, found.session_id, limits)
            (audience,) = audiences(self.conn, [credentials])
        assert audience is not None
        self.assertEqual(audience.ends, begun + timedelta(hours=3))
        _, token = make_token(self.conn, self.owner)
        (audience,) = audiences(self.conn, [token])
        assert audience is not None
        self.assertIsNone(audience.ends)

    def test_expired_token(self) -> None:
        """A token holds until its time, and no longer."""
        made = tokens.create(
            self.conn, actor_of(self.owner), lifetime=timedelta(hours=1)
        )
        credentials = Credentials(token_digest=digest(made.id))
        access.actor(self.conn, credentials, Demand(Access.USER), None)
        self.clock.advance(3600)
        with self.conn.transaction(write=False), self.assertRaises(NotAuthenticated):
            access.actor(self.conn, credentials, Demand(Access.USER), None)

    def test_disabled(self) -> None:
        """Nothing of a disabled user's holds."""
        _, session = make_session(self.conn, self.owner)
        _, token = make_token(self.conn, self.owner)
        users.set_active(self.conn, None, self.owner.id, active=False)
        for credentials in (session, token):
            with self.assertRaises(NotAuthenticated):
                access.actor(self.conn, credentials, Demand(Access.USER), None)

    def test_authorized(self) -> None:
        """The operation gets the actor and its arguments, or is not called."""

        def operation(conn: Connection, actor: Actor, x: int, *, y: int) -> int:
            self.assertEqual(actor.project_id, self.project.id)
            return x + y

        _, credentials = make_session(self.conn, self.owner)
        found = access.authorized(
            self.conn,
            credentials,
            Demand(Access.MEMBER),
            self.project.id,
            operation,
            1,
            y=2,
        )
        self.assertEqual(found, 3)
        with self.assertRaises(NotAuthenticated):
            access.authorized(
                self.conn,
                Credentials(),
                Demand(Access.MEMBER),
                self.project.id,
                operation,
                1,
                y=2,
            )


class ScopeTests(SynchronousTestCase):
    """Tokens that may do less than their owner."""

    def setUp(self) -> None:
        """Make an owner of two projects."""
        self.conn = memory_connection()
        self.owner = make_user(self.conn, "owner")
        self.project = make_project(self.conn, self.owner)
        self.other = make_project(self.conn, self.owner, "Other")

    def holds(
        self, scope: TokenScope, demand: Demand, project_id: int | None = None
    ) -> bool:
        """Whether a token of *scope* satisfies *demand*."""
        _, credentials = make_token(self.conn, self.owner, scope)
        try:
            found = access.actor(self.conn, credentials, demand, project_id)
        except OutOfScope:
            return False
        self.assertEqual(found.scope, scope)
        return True

    def test_default(self) -> None:
        """What a route does not state is refused to narrow tokens."""
        for access_wanted, number in (
            (Access.USER, None),
            (Access.MEMBER, self.project.id),
        ):
            forgetful = Demand(access_wanted)
            self.assertTrue(self.holds(TokenScope(), forgetful, number))
            for scope in (
                TokenScope(read_only=True),
                TokenScope(project_id=self.project.id),
            ):
                self.assertFalse(self.holds(scope, forgetful, number))

    def test_read_only(self) -> None:
        """A read-only token reads anything that its owner may read."""
        scope = TokenScope(read_only=True)
        for reads in (True, False):
            demand = Demand(Access.MANAGE_RESOURCES, reads=reads)
            self.assertEqual(self.holds(scope, demand, self.project.id), reads)

    def test_one_project(self) -> None:
        """The token of a project is refused elsewhere, be there a project or not."""
        scope = TokenScope(project_id=self.project.id)
        demand = Demand(Access.UPDATE_PROJECT, one_project=True)
        self.assertTrue(self.holds(scope, demand, self.project.id))
        for number in (self.other.id, 999):
            self.assertFalse(self.holds(scope, demand, number))
        listing = Demand(Access.USER, reads=True, one_project=True)
        self.assertTrue(self.holds(scope, listing))

    def test_both(self) -> None:
        """Both restrictions hold together."""
        scope = TokenScope(read_only=True, project_id=self.project.id)
        reading = Demand(Access.MEMBER, reads=True, one_project=True)
        self.assertTrue(self.holds(scope, reading, self.project.id))
        self.assertFalse(self.holds(scope, reading, self.other.id))
        changing = Demand(Access.MEMBER, one_project=True)
        self.assertFalse(self.holds(scope, changing, self.project.id))

    def test_owner_has_left(self) -> None:
        """A token has no right that its owner has lost."""
        member = make_user(self.conn, "member")
        make_member(self.conn, self.project, member, Role.GUEST)
        scope = TokenScope(project_id=self.project.id)
        _, credentials = make_token(self.conn, member, scope)
        demand = Demand(Access.RUN_TASKS, one_project=True)
        with self.assertRaises(NotPermitted):
            access.actor(self.conn, credentials, demand, self.project.id)
        self.conn.raw.execute(
            "DELETE FROM project__user WHERE user_id = ?", (member.id,)
        )
        with self.assertRaises(NotFound):
            access.actor(self.conn, credentials, demand, self.project.id)
        (audience,) = audiences(self.conn, [credentials])
        assert audience is not None
        self.assertEqual(audience.projects, frozenset())

    def test_websocket(self) -> None:
        """The token of a project receives this project's messages only."""
        admin = make_user(self.conn, "root", admin=True)
        scope = TokenScope(project_id=self.project.id)
        for user in (self.owner, admin):
            _, credentials = make_token(self.conn, user, scope)
            (audience,) = audiences(self.conn, [credentials])
            assert audience is not None
            self.assertTrue(audience.sees(self.project.id))
            self.assertFalse(audience.sees(self.other.id))
            self.assertTrue(audience.confined)
        _, credentials = make_token(self.conn, admin, TokenScope(read_only=True))
        (audience,) = audiences(self.conn, [credentials])
        assert audience is not None
        self.assertTrue(audience.everything)

    def test_deleted_project(self) -> None:
        """The token of a project ends with the project; others of its owner stay."""
        scope = TokenScope(project_id=self.project.id)
        _, one = make_token(self.conn, self.owner, scope)
        _, whole = make_token(self.conn, self.owner)
        projects.delete(self.conn, actor_of(self.owner, self.project))
        demand = Demand(Access.USER, reads=True, one_project=True)
        with self.assertRaises(NotAuthenticated):
            access.actor(self.conn, one, demand, None)
        self.assertEqual(audiences(self.conn, [one]), [None])
        access.actor(self.conn, whole, demand, None)


class SessionTests(SynchronousTestCase):
    """Beginnings and ends of sessions."""

    def setUp(self) -> None:
        """Make a user."""
        self.clock = FixedClock()
        self.conn = memory_connection(self.clock)
        self.user = make_user(self.conn)

    def create(self) -> str:
        """Begin a session."""
        found = users.credentials_of(self.conn, "alice")
        assert found is not None
        return sessions.create(
            self.conn,
            found.id,
            ip="192.0.2.1",
            password=found.password,
            limits=SessionLimits(),
        )

    def works(self, value: str) -> bool:
        """Whether a cookie's value holds."""
        credentials = Credentials(session_digest=digest(value))
        try:
            access.actor(self.conn, credentials, Demand(Access.USER), None)
        except NotAuthenticated:
            return False
        return True

    def test_value_is_not_stored(self) -> None:
        """The database holds a digest of the cookie's value only."""
        value = self.create()
        self.assertTrue(self.works(value))
        self.assertNotIn(value.encode(), self.conn.raw.serialize())

    def test_logout(self) -> None:
        """After the logout the cookie is invalid; other sessions stay valid."""
        first, second = self.create(), self.create()
        self.assertTrue(sessions.end(self.conn, digest(first)))
        self.assertFalse(self.works(first))
        self.assertTrue(self.works(second))
        self.assertFalse(sessions.end(self.conn, digest(first)))

    def test_password_changed_meanwhile(self) -> None:
        """A login whose password was changed while it was checked fails."""
        found = users.credentials_of(self.conn, "alice")
        assert found is not None
        users.set_password(self.conn, None, self.user.id, password_hash="$new")
        with self.assertRaises(NotAuthenticated):
            sessions.create(
                self.conn,
                found.id,
                ip="",
                password=found.password,
                limits=SessionLimits(),
            )

    def test_disabled_meanwhile(self) -> None:
        """A login whose account was disabled while it was checked fails."""
        found = users.credentials_of(self.conn, "alice")
        assert found is not None
        users.set_active(self.conn, None, self.user.id, active=False)
        with self.assertRaises(NotAuthenticated):
            sessions.create(
                self.conn,
                found.id,
                ip="",
                password=found.password,
                limits=SessionLimits(),
            )

    def test_idle_ones_are_removed(self) -> None:
        """Rows of idle sessions do not pile up."""
        self.create()
        self.clock.advance(8 * 86400)
        with self.conn.transaction(write=True):
            self.create()
        self.assertEqual(sessions.end_all_of_user(self.conn, self.user.id), 1)
