"""Tests of how an order is gathered."""

from typing import Any

import msgspec
from sqlalchemy import select
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.job_inputs import JobOrder
from semaphore_twisted.model.errors import Invalid, SecretUnreadable
from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.keys import KeyType, LoginPassword, NoSecret, Text
from semaphore_twisted.operations.tasks import tasks
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.persistence import schema
from semaphore_twisted.tasks.preparation import order
from tests.support.memory import (
    actor_of,
    make_project,
    make_user,
    memory_connection,
)
from tests.support.tasks import (
    make_key,
    make_keyring,
    make_repository,
    make_task,
    make_template,
)

KEYS = select(schema.access_key.c.id).where(schema.access_key.c.type != "none")

EXACT = 'a$b"c\n{{ d }}'


class OrderTests(SynchronousTestCase):
    """Everything that a task runs with."""

    def setUp(self) -> None:
        """Create a project and a user."""
        self.conn = memory_connection()
        self.user = make_user(self.conn)
        self.project = make_project(self.conn, self.user)
        self.keyring = make_keyring()

    def login(self, name: str, password: str) -> int:
        """Store a login with password."""
        return make_key(
            self.conn,
            self.project,
            self.keyring,
            LoginPassword(login=name, password=password),
            name=name,
            kind=KeyType.LOGIN_PASSWORD,
        )

    def group(self, json: str = "{}", env: str | None = None, **secrets: str) -> int:
        """Store a variable group; names of secrets begin with ``env_`` or ``var_``."""
        number = self.conn.insert(
            schema.environment,
            project_id=self.project.id,
            name="Group",
            json=json,
            env=env,
        )
        for name, value in secrets.items():
            make_key(
                self.conn,
                self.project,
                self.keyring,
                Text(text=value),
                name=name[4:],
                kind=KeyType.STRING,
                environment_id=number,
                owner=name[:3],
            )
        return number

    def order(self, **columns: Any) -> JobOrder:
        """Return the order of a task of a template with *columns*."""
        template = make_template(self.conn, self.project, **columns)
        task = make_task(self.conn, self.project, template, user_id=self.user.id)
        return order(self.conn, self.keyring, task)

    def started(self, body: dict[str, Any], **columns: Any) -> JobOrder:
        """Return the order of a task that was started by *body*."""
        template = make_template(self.conn, self.project, **columns)
        new = msgspec.convert({"template_id": template, **body}, NewTask)
        actor = actor_of(self.user, self.project)
        made = tasks.create(self.conn, actor, self.keyring, new)
        return order(self.conn, self.keyring, made.id)

    def test_plain(self) -> None:
        """A task without anything has its repository and its user."""
        found = self.order()
        self.assertEqual(found.username, self.user.username)
        self.assertEqual(found.source.url, "https://git.example/files.git")
        self.assertEqual((found.source.branch, found.source.key), ("main", NoSecret()))
        self.assertIsNone(found.inventory)

    def test_stored_inventory(self) -> None:
        """A task uses the inventory that it was created with, an older one today's."""
        old, new = (
            self.conn.insert(
                schema.inventory,
                project_id=self.project.id,
                name=name,
                type="static",
                inventory=name,
            )
            for name in ("old", "new")
        )
        template = make_template(self.conn, self.project, inventory_id=old)
        actor = actor_of(self.user, self.project)
        body = NewTask(template_id=template)
        made = tasks.create(self.conn, actor, self.keyring, body).id
        before = make_task(self.conn, self.project, template, user_id=self.user.id)
        self.conn.update(schema.template, template, inventory_id=new)
        for task, expected in ((made, old), (before, new)):
            found = order(self.conn, self.keyring, task)
            assert found.inventory is not None
            name = {old: "old", new: "new"}[expected]
            self.assertEqual(
                (found.inventory_id, found.inventory.inventory), (expected, name)
            )

    def test_keys(self) -> None:
        """Every key of the task is opened."""
        repository = make_repository(
            self.conn, self.project, self.login("git", "hush one")
        )
        inventory = self.conn.insert(
            schema.inventory,
            project_id=self.project.id,
            name="Hosts",
            type="static",
            inventory="web",
            ssh_key_id=self.login("ssh", "hush two"),
            become_key_id=self.login("root", "hush three"),
            repository_id=repository,
        )
        template = make_template(
            self.conn,
            self.project,
            repository_id=repository,
            inventory_id=inventory,
        )
        self.conn.insert(
            schema.template_vault,
            project_id=self.project.id,
            template_id=template,
            vault_key_id=self.login("vault", "hush four"),
            name=None,
        )
        task = make_task(self.conn, self.project, template)
        found = order(self.conn, self.keyring, task)
        assert found.inventory is not None
        assert found.inventory.source is not None
        keys = (
            found.source.key,
            found.inventory.key,
            found.inventory.become,
            found.inventory.source.key,
            found.vaults[0].password,
        )
        passwords = [key.password for key in keys if isinstance(key, LoginPassword)]
        self.assertEqual(
            passwords,
            ["hush one", "hush two", "hush three", "hush one", "hush four"],
        )
        self.assertEqual(found.keys, set(self.conn.column(KEYS)))
        self.assertEqual(found.vaults[0].name, "default")
        self.assertNotIn("hush", repr(found))

    def test_variables(self) -> None:
        """The task's variables win over those of the group, by name."""
        survey = [{"name": "a"}, {"name": "b"}, {"name": "c", "type": "secret"}]
        group = self.group(
            '{"a": "group", "c": "group", "n": 0, "f": false}',
            '{"X": "1", "N": 2}',
            var_b="hidden",
            env_TOKEN=EXACT,
        )
        found = self.started(
            {"environment": '{"a": "task", "b": "task"}', "secret": '{"c": "s"}'},
            environment_id=group,
            survey_vars=survey,
        )
        self.assertEqual(found.variables, {"n": 0, "f": False})
        self.assertEqual(found.answers, {"a": "task", "b": "task"})
        self.assertEqual(found.secret_variables, {})
        self.assertEqual(found.secret_answers, {"c": "s"})
        self.assertEqual(found.environment, {"X": "1", "N": "2"})
        self.assertEqual(found.secret_environment, {"TOKEN": EXACT})

    def test_answers_in_environment(self) -> None:
        """Answers with the target env are environment, and win there over the group."""
        survey = [
            {"name": "plain"},
            {"name": "X", "target": "env"},
            {"name": "N", "type": "int", "target": "env"},
            {"name": "L", "type": "bool", "target": "env"},
            {"name": "TOKEN", "type": "secret", "target": "env"},
            {"name": "V", "type": "secret", "target": "env"},
        ]
        group = self.group(
            '{"X": "kept", "V2": 1}', '{"X": "1", "O": "2"}', env_TOKEN="g", var_V="g"
        )
        for app, secrets in (("ansible", {"V": "g"}), ("bash", {})):
            found = self.started(
                {
                    "environment": '{"plain": "p", "X": "a b", "N": 7, "L": true}',
                    "secret": '{"TOKEN": "s", "V": "v"}',
                },
                environment_id=group,
                survey_vars=survey,
                app=app,
            )
            self.assertEqual(found.answers, {"plain": "p"})
            self.assertEqual(found.secret_answers, {})
            self.assertEqual(found.variables, {"X": "kept", "V2": 1})
            self.assertEqual(found.secret_variables, secrets)
            self.assertEqual(
                found.environment, {"O": "2", "X": "a b", "N": "7", "L": "true"}
            )
            self.assertEqual(found.secret_environment, {"TOKEN": "s", "V": "v"})

    def test_groups(self) -> None:
        """A later group wins by name, whether its value is secret or not."""
        groups = [
            self.group('{"a": 1, "b": 1}', '{"X": "1", "T": "1"}', var_c="s1"),
            self.group('{"b": 2, "c": 2}', '{"X": "2"}', var_a="s2", env_T="t2"),
            self.group('{"d": 3}', '{"T": "3"}'),
        ]
        template = make_template(self.conn, self.project, environment_id=groups[0])
        for position, number in enumerate(groups[1:], 1):
            self.conn.insert(
                schema.template_environment,
                template_id=template,
                position=position,
                environment_id=number,
            )
        task = make_task(self.conn, self.project, template)
        found = order(self.conn, self.keyring, task)
        self.assertEqual(found.variables, {"b": 2, "c": 2, "d": 3})
        self.assertEqual(found.secret_variables, {"a": "s2"})
        self.assertEqual(found.environment, {"X": "2", "T": "3"})
        self.assertEqual(found.secret_environment, {})

    def test_deep(self) -> None:
        """Variables that an older release stored are refused if they are too deep."""
        deep = '{"a": ' + "[" * 3000 + "]" * 3000 + "}"
        for columns in (
            {"environment_id": self.group(deep)},
            {"environment_id": self.group("{}", deep)},
        ):
            error = self.assertRaises(Invalid, self.order, **columns)
            self.assertIn('"Group": too many levels', error.message)
        template = make_template(self.conn, self.project)
        task = make_task(self.conn, self.project, template, environment=deep)
        error = self.assertRaises(Invalid, order, self.conn, self.keyring, task)
        self.assertIn("The task's variables: too many levels", error.message)

    def test_secret_answer(self) -> None:
        """A secret answer arrives with its exact text."""
        secret = msgspec.json.encode({"word": EXACT}).decode()
        found = self.started(
            {"secret": secret}, survey_vars=[{"name": "word", "type": "secret"}]
        )
        self.assertEqual(found.secret_answers, {"word": EXACT})

    def test_unreadable(self) -> None:
        """A key that cannot be opened stops the order, and is named."""
        self.keyring = make_keyring(8)
        repository = make_repository(self.conn, self.project, self.login("Mine", "x"))
        self.keyring = make_keyring(9)
        error = self.assertRaises(
            SecretUnreadable, self.order, repository_id=repository
        )
        self.assertIn('"Mine"', str(error))

    def test_incoming_version(self) -> None:
        """A deploy task brings out the version of its build, through chains."""
        template = make_template(self.conn, self.project)
        above: TaskId | None = None
        for version in ("1.2", None, None):
            above = make_task(
                self.conn,
                self.project,
                template,
                version=version,
                build_task_id=above,
            )
        assert above is not None
        found = order(self.conn, self.keyring, above)
        self.assertEqual(found.incoming_version, "1.2")
