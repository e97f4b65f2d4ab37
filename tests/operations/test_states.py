"""Tests of the encryption of states, and of the aliases of tasks."""

import os
from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.masterkey import MasterKey
from semaphore_twisted.model.errors import Conflict, NotAuthenticated, SecretUnreadable
from semaphore_twisted.model.ids import InventoryId
from semaphore_twisted.model.plans import PlanSummary
from semaphore_twisted.model.state_files import StateAccess
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.states import access, aliases, contents, versions
from semaphore_twisted.operations.tasks import plans
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.state_tables import state, state_alias
from tests.support.memory import (
    actor_of,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.tasks import make_task, make_template

CONTENT = b'{"serial": 1, "lineage": "a", "outputs": {}}'
OLD, NEW = (MasterKey.parse(b64encode(bytes([n]) * 32).decode()) for n in (1, 2))


class StateTests(SynchronousTestCase):
    """A state that a task has stored."""

    def setUp(self) -> None:
        """Store the state."""
        self.conn = memory_connection()
        user = make_user(self.conn)
        project = make_project(self.conn, user)
        self.actor = actor_of(user, project, Role.OWNER)
        template = make_template(self.conn, project)
        self.task = make_task(self.conn, project, template, status=TaskStatus.RUNNING)
        inventory = self.conn.insert(
            schema.inventory,
            project_id=project.id,
            name="W",
            type="terraform-workspace",
            inventory="default",
        )
        self.made = aliases.create_for_task(
            self.conn,
            project_id=project.id,
            inventory_id=InventoryId(inventory),
            task_id=self.task,
        )
        self.keyring = Keyring(OLD, entropy=os.urandom)
        self.access = self.log_in(self.made.password)
        self.store(CONTENT)

    def store(self, content: bytes) -> None:
        """Store the next version."""
        new = contents.sealed(
            content,
            keyring=self.keyring,
            project_uuid=self.access.project_uuid,
            uuid=self.conn.uuid(),
            entropy=os.urandom,
        )
        versions.write(self.conn, self.made.alias, self.access, new, lock_id=None)

    def log_in(self, password: str) -> StateAccess:
        """Return what the alias leads to."""
        alias = self.made.alias
        return access.authenticated(self.conn, self.keyring, alias, alias, password)

    def read(self, keyring: Keyring) -> bytes | None:
        """Return the state, opened with *keyring*."""
        return versions.read(self.conn, keyring, self.made.alias, self.access)

    def test_rekey(self) -> None:
        """After a rekey the state opens with the new key alone."""
        both = Keyring(NEW, [OLD], entropy=os.urandom)
        self.assertEqual(vault.rekey(self.conn, both).resealed, 1)
        self.assertEqual(self.read(Keyring(NEW, entropy=os.urandom)), CONTENT)
        with self.assertRaises(SecretUnreadable):
            self.read(Keyring(OLD, entropy=os.urandom))

    def test_password(self) -> None:
        """The password is random, and the database has its digest only."""
        for wrong in ("", "x", self.made.password[:-1]):
            with self.assertRaises(NotAuthenticated):
                self.log_in(wrong)
        rows = self.conn.execute(state_alias.select()).fetchall()
        self.assertNotIn(self.made.password, str(rows))
        self.assertNotIn(self.made.password, repr(self.made))

    def store_outside(self, serial: int) -> None:
        """Store another version, as a client outside of this server does."""
        self.store(b'{"serial": %d, "lineage": "a", "outputs": {}}' % serial)

    def test_plan(self) -> None:
        """A plan from a state that has changed since is not approved."""
        move = {"status": TaskStatus.WAITING_CONFIRMATION}
        self.conn.update(schema.task, self.task, **move)
        plans.store(self.conn, self.task, PlanSummary(add=1))
        found = plans.of_task(self.conn, self.actor, self.task)
        self.assertEqual((found.serial, found.moved_to), (1, None))
        self.store_outside(7)
        found = plans.of_task(self.conn, self.actor, self.task)
        self.assertEqual((found.serial, found.moved_to), (1, 7))
        with self.assertRaises(Conflict) as caught:
            plans.confirm(self.conn, self.actor, self.task)
        self.assertEqual(
            caught.exception.message,
            "The plan was made from the state with serial 1, and the state has serial 7"
            " now, so the plan cannot be applied; reject it and run the task again",
        )
        plans.reject(self.conn, self.actor, self.task)
        self.assertIsNone(plans.of_task(self.conn, self.actor, self.task).moved_to)

    def test_plan_of_same_state(self) -> None:
        """A plan from the present state is approved; the first one has serial 0."""
        move = {"status": TaskStatus.WAITING_CONFIRMATION}
        self.conn.update(schema.task, self.task, **move)
        self.conn.execute(state.delete())
        plans.store(self.conn, self.task, PlanSummary(add=1))
        found = plans.of_task(self.conn, self.actor, self.task)
        self.assertEqual((found.serial, found.moved_to), (0, None))
        decided = plans.confirm(self.conn, self.actor, self.task)
        self.assertEqual(decided.status, TaskStatus.CONFIRMED)
        self.store_outside(1)  # the application of the plan
        self.assertIsNone(plans.of_task(self.conn, self.actor, self.task).moved_to)

    def test_plan_of_own_backend(self) -> None:
        """A plan from a backend of the code has nothing to do with the state here."""
        move = {"status": TaskStatus.WAITING_CONFIRMATION}
        self.conn.update(schema.task, self.task, **move)
        plans.store(self.conn, self.task, PlanSummary(add=1, own_backend=True))
        self.store_outside(7)
        found = plans.of_task(self.conn, self.actor, self.task)
        self.assertEqual((found.serial, found.moved_to), (None, None))
        decided = plans.confirm(self.conn, self.actor, self.task)
        self.assertEqual(decided.status, TaskStatus.CONFIRMED)

    def test_plan_beside_a_rescued_state(self) -> None:
        """A rescued version is not the present one, so the plan can be approved."""
        move = {"status": TaskStatus.WAITING_CONFIRMATION}
        self.conn.update(schema.task, self.task, **move)
        plans.store(self.conn, self.task, PlanSummary(add=1))
        self.store_outside(7)
        self.conn.execute(state.update().where(state.c.serial == 7).values(rescued=1))
        self.assertIsNone(plans.of_task(self.conn, self.actor, self.task).moved_to)
        plans.confirm(self.conn, self.actor, self.task)

    def test_used_later(self) -> None:
        """An alias that was deleted after the check of its password opens nothing."""
        self.conn.delete(state_alias, self.access.id)
        with self.assertRaises(NotAuthenticated):
            self.read(self.keyring)

    def test_version_during_a_rollback(self) -> None:
        """A rollback stores nothing after a version that was stored meanwhile."""
        inventory_id = self.access.inventory_id
        self.store(CONTENT.replace(b"1", b"2"))
        first = versions.listed(self.conn, self.actor, inventory_id)[-1].id
        old = versions.for_roll_back(
            self.conn, self.actor, self.keyring, inventory_id, first
        )
        new = versions.sealed_again(
            old, keyring=self.keyring, uuid=self.conn.uuid(), entropy=os.urandom
        )
        self.store(CONTENT.replace(b"1", b"3"))
        stored = versions.roll_back(
            self.conn, self.actor, inventory_id, first, new, after=old.newest
        )
        self.assertIsNone(stored)
        found = versions.listed(self.conn, self.actor, inventory_id)
        self.assertEqual([each.serial for each in found], [3, 2, 1])
