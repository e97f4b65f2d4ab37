"""Members and their roles."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.ids import UserId
from semaphore_twisted.model.users import Actor, Permission, Role, User
from semaphore_twisted.operations.projects import members
from semaphore_twisted.operations.projects.members import ChangedMember, NewMember
from semaphore_twisted.persistence import schema
from tests.support.events import list_events
from tests.support.memory import (
    actor_of,
    make_member,
    make_project,
    make_user,
    memory_connection,
)


class MembersTests(SynchronousTestCase):
    """Added, changed and removed."""

    def setUp(self) -> None:
        """Make a project with one member of each role."""
        self.conn = memory_connection()
        self.people: dict[Role, User] = {}
        self.project = make_project(self.conn)
        for role in Role:
            self.people[role] = make_user(self.conn, f"the_{role}")
            make_member(self.conn, self.project, self.people[role], role)
        self.stranger = make_user(self.conn, "stranger")

    def by(self, role: Role) -> Actor:
        """Return the member of a role, as who acts."""
        return actor_of(self.people[role], self.project, role)

    def role_of(self, user: User) -> Role | None:
        """Return the present role of a user."""
        found = members.list_members(self.conn, self.by(Role.OWNER))
        return next((each.role for each in found if each.id == user.id), None)

    def test_list(self) -> None:
        """Members are listed by name, with their roles."""
        found = members.list_members(self.conn, self.by(Role.GUEST))
        self.assertEqual(
            [(each.username, each.role) for each in found],
            sorted((f"the_{role}", role) for role in Role),
        )

    def test_get(self) -> None:
        """A member's account is shown; a stranger's is not."""
        owner = self.people[Role.OWNER]
        self.assertEqual(members.get(self.conn, self.by(Role.GUEST), owner.id), owner)
        with self.assertRaises(NotFound):
            members.get(self.conn, self.by(Role.GUEST), self.stranger.id)

    def test_add(self) -> None:
        """An owner adds a user with any role, once."""
        members.add(
            self.conn,
            self.by(Role.OWNER),
            NewMember(user_id=self.stranger.id, role=Role.OWNER),
        )
        self.assertEqual(self.role_of(self.stranger), Role.OWNER)
        with self.assertRaises(Conflict):
            members.add(
                self.conn,
                self.by(Role.OWNER),
                NewMember(user_id=self.stranger.id, role=Role.GUEST),
            )

    def test_add_nobody(self) -> None:
        """A user who does not exist is not added."""
        with self.assertRaises(Invalid):
            members.add(
                self.conn,
                self.by(Role.OWNER),
                NewMember(user_id=UserId(999), role=Role.GUEST),
            )

    def test_manager(self) -> None:
        """A manager cannot make, demote or remove an owner."""
        manager, owner = self.by(Role.MANAGER), self.people[Role.OWNER]
        with self.assertRaises(NotPermitted):
            members.change(
                self.conn, manager, manager.user.id, ChangedMember(role=Role.OWNER)
            )
        with self.assertRaises(NotPermitted):
            members.change(self.conn, manager, owner.id, ChangedMember(role=Role.GUEST))
        with self.assertRaises(NotPermitted):
            members.remove(self.conn, manager, owner.id)
        with self.assertRaises(NotPermitted):
            members.add(
                self.conn, manager, NewMember(user_id=self.stranger.id, role=Role.OWNER)
            )

    def test_nobody_grants_what_he_lacks(self) -> None:
        """A manager of users grants and removes only permissions that they have."""
        keeper = Actor(
            user=self.stranger,
            project_id=self.project.id,
            permissions=Permission.MANAGE_USERS | Permission.RUN_TASKS,
        )
        guest = self.people[Role.GUEST]
        for role in (Role.OWNER, Role.MANAGER):
            with self.assertRaises(NotPermitted):
                members.change(self.conn, keeper, guest.id, ChangedMember(role=role))
            with self.assertRaises(NotPermitted):
                members.remove(self.conn, keeper, self.people[role].id)
        members.change(
            self.conn, keeper, guest.id, ChangedMember(role=Role.TASK_RUNNER)
        )
        self.assertEqual(self.role_of(guest), Role.TASK_RUNNER)

    def test_last_owner(self) -> None:
        """The last owner cannot be demoted or removed, and cannot leave."""
        owner = self.by(Role.OWNER)
        root = actor_of(make_user(self.conn, "root", admin=True), self.project, None)
        for actor in (owner, root):
            with self.assertRaises(Invalid):
                members.change(
                    self.conn, actor, owner.user.id, ChangedMember(role=Role.MANAGER)
                )
            with self.assertRaises(Invalid):
                members.remove(self.conn, actor, owner.user.id)
        with self.assertRaises(Invalid):
            members.leave(self.conn, owner)
        self.assertEqual(self.role_of(owner.user), Role.OWNER)
        members.change(self.conn, owner, owner.user.id, ChangedMember(role=Role.OWNER))

    def test_two_owners(self) -> None:
        """Of two owners one may go, and then the other has to stay."""
        owner, guest = self.by(Role.OWNER), self.people[Role.GUEST]
        members.change(self.conn, owner, guest.id, ChangedMember(role=Role.OWNER))
        members.leave(self.conn, owner)
        self.assertIsNone(
            {each.id: each for each in members.list_members(self.conn, owner)}.get(
                owner.user.id
            )
        )
        second = actor_of(guest, self.project, Role.OWNER)
        with self.assertRaises(Invalid):
            members.leave(self.conn, second)

    def test_disabled_owner(self) -> None:
        """An owner whose account is disabled does not count as another owner."""
        owner, guest = self.by(Role.OWNER), self.people[Role.GUEST]
        members.change(self.conn, owner, guest.id, ChangedMember(role=Role.OWNER))
        self.conn.update(schema.user, guest.id, active=False)
        with self.assertRaises(Invalid):
            members.leave(self.conn, owner)
        members.remove(self.conn, owner, guest.id)
        self.assertIsNone(self.role_of(guest))

    def test_leave(self) -> None:
        """Any other member may leave."""
        members.leave(self.conn, self.by(Role.GUEST))
        self.assertIsNone(self.role_of(self.people[Role.GUEST]))

    def test_no_member(self) -> None:
        """A user who is no member is neither changed nor removed."""
        with self.assertRaises(NotFound):
            members.change(
                self.conn,
                self.by(Role.OWNER),
                self.stranger.id,
                ChangedMember(role=Role.GUEST),
            )
        with self.assertRaises(NotFound):
            members.remove(self.conn, self.by(Role.OWNER), self.stranger.id)

    def test_events(self) -> None:
        """Each change is in the project's record."""
        owner = self.by(Role.OWNER)
        guest = self.people[Role.GUEST]
        members.change(self.conn, owner, guest.id, ChangedMember(role=Role.MANAGER))
        members.remove(self.conn, owner, guest.id)
        self.assertEqual(
            [each.description for each in list_events(self.conn, owner)],
            ["Member the_guest: removed", "Member the_guest: is manager now"],
        )
