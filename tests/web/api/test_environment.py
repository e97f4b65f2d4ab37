"""Tests of the environments' routes."""

from typing import Any

from sqlalchemy import bindparam, select

from semaphore_twisted.persistence.schema import access_key
from semaphore_twisted.tasks.preparation import order
from tests.support.dumps import dump
from tests.support.http import memory_keyring
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template

_OWNED = (
    select(access_key.c.name)
    .where(access_key.c.environment_id == bindparam("id"))
    .order_by(access_key.c.id)
)
_SEALED = select(access_key.c.secret).where(access_key.c.id == bindparam("id"))


def create(name: str, secret: str = "hidden", kind: str = "var") -> dict[str, Any]:
    """Return the wish for a new secret."""
    return {"operation": "create", "type": kind, "name": name, "secret": secret}


class EnvironmentTests(ResourceTestCase):
    """A project's environments."""

    def test_shape(self) -> None:
        """An environment is shown with its seven fields; a list has no secrets."""
        made = self.made(
            "environment", name="Vars", json='{"a": 1}', env='{"B": "c", "D": 2}'
        )
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "name": "Vars",
                "project_id": self.project.id,
                "password": None,
                "json": '{"a": 1}',
                "env": '{"B": "c", "D": 2}',
                "secrets": [],
            },
        )
        self.assertEqual(self.names("environment"), ["Empty", "Vars"])
        self.assertEqual(
            {each["secrets"] for each in self.listed("environment")}, {None}
        )

    def test_defaults(self) -> None:
        """A missing field becomes an empty object, and no process environment."""
        made = self.made("environment", name="Vars")
        self.assertEqual((made["json"], made["env"]), ("{}", None))

    def test_refused(self) -> None:
        """Texts that are not JSON objects, and invalid values, are refused."""
        path = f"{self.base}/environment"
        for body, word in (
            ({}, "Environment name can not be empty"),
            ({"name": "x", "json": "{"}, "Extra variables must be valid JSON"),
            ({"name": "x", "json": "[1]"}, "Extra variables must be valid JSON"),
            ({"name": "x", "json": '{"a": 1, "a": 2}'}, '"a" comes twice'),
            ({"name": "x", "json": '{"__ansible_unsafe": "x"}'}, "invalid name"),
            ({"name": "x", "env": "nope"}, "Environment variables must be valid JSON"),
            ({"name": "x", "env": '{"A": [1]}'}, '"A" must be one value'),
            ({"name": "x", "env": '{"A": null}'}, '"A" must be one value'),
            ({"name": "x", "env": '{"A=B": "1"}'}, "A=B"),
            ({"name": "x", "env": '{"A": "\\u0000"}'}, "NUL"),
            ({"name": "x", "json": {}}, "json"),
        ):
            self.refused(self.client.post(path, body), word)
        self.assertEqual(self.names("environment"), ["Empty"])

    def test_in_use(self) -> None:
        """An environment in use stays; unused, it goes with its secrets."""
        number = self.made("environment", name="Vars", secrets=[create("a")])["id"]
        template = self.made("templates", **self.template(environment_id=number))
        path = f"{self.base}/environment/{number}"
        answer = self.client.delete(path)
        self.refused(answer, "Environment is in use", '"Say"')
        self.assertEqual(self.conn.column(_OWNED, id=number), ["a"])
        self.client.delete(f"{self.base}/templates/{template['id']}")
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(self.conn.column(_OWNED, id=number), [])

    def test_manage_resources(self) -> None:
        """Without the right to manage resources a member sees no environments."""
        self.assertEqual(self.guest().get(f"{self.base}/environment").status, 403)


class SecretTests(ResourceTestCase):
    """Secret variables of a group."""

    def setUp(self) -> None:
        """Make an environment with two secrets."""
        super().setUp()
        self.made_one = self.made(
            "environment", name="Vars", secrets=[create("a"), create("B", kind="env")]
        )
        self.number = self.made_one["id"]
        self.first, self.second = (each["id"] for each in self.made_one["secrets"])

    def put(self, *secrets: dict[str, Any]) -> Any:
        """Change the environment's secrets."""
        body = {"name": "Vars", "json": "{}", "secrets": list(secrets)}
        return self.client.put(f"{self.base}/environment/{self.number}", body)

    def names_of(self) -> list[str]:
        """Return the names of the stored secrets."""
        return list(self.conn.column(_OWNED, id=self.number))

    def test_shown_without_values(self) -> None:
        """A secret is shown by id, type and name; its value is encrypted."""
        wanted = [
            {"id": self.first, "type": "var", "name": "a"},
            {"id": self.second, "type": "env", "name": "B"},
        ]
        blank = {"secret": "", "operation": ""}
        self.assertEqual(
            self.shown("environment", self.number)["secrets"],
            [each | blank for each in wanted],
        )

    def test_sealed(self) -> None:
        """The store has no secret variable in the clear."""
        self.put(create("c", "Zx9-marker"))
        self.assertNotIn("Zx9-marker", "\n".join(dump(self.conn.raw)))

    def test_sent_back(self) -> None:
        """An environment that is sent back as it was read keeps its secrets."""
        sealed = self.conn.scalar(_SEALED, id=self.first)
        read = self.shown("environment", self.number)
        answer = self.client.put(f"{self.base}/environment/{self.number}", read)
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.names_of(), ["a", "B"])
        self.assertEqual(self.conn.scalar(_SEALED, id=self.first), sealed)

    def test_update(self) -> None:
        """An update changes the name, and the value if given, but not the type."""
        sealed = self.conn.scalar(_SEALED, id=self.first)
        wish = {"operation": "update", "id": self.first, "name": "z", "type": "env"}
        self.assertEqual(self.put(wish).status, 204)
        self.assertEqual(self.conn.scalar(_SEALED, id=self.first), sealed)
        self.assertEqual(self.put(wish | {"secret": "new"}).status, 204)
        self.assertNotEqual(self.conn.scalar(_SEALED, id=self.first), sealed)
        shown = self.shown("environment", self.number)["secrets"][0]
        self.assertEqual((shown["name"], shown["type"]), ("z", "var"))

    def test_delete_and_create(self) -> None:
        """A secret can be deleted and made again in one change."""
        answer = self.put({"operation": "delete", "id": self.first}, create("a"))
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.names_of(), ["B", "a"])

    def test_created_again(self) -> None:
        """Creating a stored secret again replaces its value; the client needs no id."""
        first = self.shown("environment", self.number)["secrets"]
        for value in ("new", "", "newest"):
            self.assertEqual(self.put(create("a", value)).status, 204)
            self.assertEqual(self.shown("environment", self.number)["secrets"], first)
            template = make_template(
                self.conn, self.project, environment_id=self.number
            )
            task = make_task(self.conn, self.project, template)
            found = order(self.conn, memory_keyring(), task)
            self.assertEqual(found.secret_variables["a"], value)

    def test_create_and_delete(self) -> None:
        """The order of a deletion and a creation in one request does not matter."""
        answer = self.put(create("a"), {"operation": "delete", "id": self.first})
        self.assertEqual(answer.status, 204, answer.body)
        self.assertEqual(self.names_of(), ["B", "a"])

    def test_empty(self) -> None:
        """A secret may be empty: it is a variable with an empty value, as elsewhere."""
        self.assertEqual(self.put(create("c", "")).status, 204)
        self.assertEqual(self.put(create("D", "", kind="env")).status, 204)
        without = {"type": "var", "name": "e", "secret": ""}
        made = self.made("environment", name="More", secrets=[without])
        self.assertEqual([each["name"] for each in made["secrets"]], ["e"])
        template = make_template(self.conn, self.project, environment_id=self.number)
        task = make_task(self.conn, self.project, template)
        found = order(self.conn, memory_keyring(), task)
        self.assertEqual(found.secret_variables["c"], "")
        self.assertEqual(found.secret_environment["D"], "")

    def test_refused(self) -> None:
        """A wish that cannot be is refused, and none of its change is done."""
        for wish in (
            create("d"),
            create(""),
            create("c", kind="file"),
            create("not a name", kind="env"),
            {"operation": "delete", "id": 999},
            {"operation": "update", "id": self.none_key, "name": "x", "secret": "x"},
            {"operation": "explode", "id": self.first},
        ):
            self.refused(self.put(create("d"), wish))
            self.assertEqual(self.names_of(), ["a", "B"])

    def test_foreign(self) -> None:
        """Another environment's secret can be neither changed nor deleted."""
        other = self.made("environment", name="Other", secrets=[create("x")])
        number = other["secrets"][0]["id"]
        for operation in ("update", "delete"):
            wish = {"operation": operation, "id": number, "name": "y", "secret": "y"}
            self.refused(self.put(wish), str(number))
        self.assertEqual(self.conn.column(_OWNED, id=other["id"]), ["x"])
