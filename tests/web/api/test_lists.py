"""Tests of the parts of lists: search, order, and keyset paging."""

from datetime import timedelta
from itertools import chain
from typing import Any, ClassVar

from semaphore_twisted.model.ids import TaskId
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.persistence import schema
from tests.support.http import ApiClient
from tests.support.lists import following, parts
from tests.support.memory import BEGINNING, make_member, make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template
from tests.support.vpn_api import VpnApiCase


class ObjectTests(ResourceTestCase):
    """Lists of a project's objects, which all have the same parameters."""

    NOUNS: ClassVar[dict[str, str]] = {
        "keys": "Login",
        "repositories": "Files",
        "inventory": "Hosts",
        "environment": "Empty",
        "templates": "Say",
    }

    def setUp(self) -> None:
        """Make objects of each kind, some of whose names differ only in case."""
        super().setUp()
        for name in ("b", "A", "a", "Ärger", "c"):
            key = self.key(name)
            repository = self.repository(name, ssh_key_id=key)
            inventory = self.inventory(name)
            self.made("environment", name=name, json="{}")
            self.made(
                "templates",
                **self.template(
                    name=name, repository_id=repository, inventory_id=inventory
                ),
            )

    def test_whole(self) -> None:
        """Without the parameters there is no header, and the list is whole."""
        for noun in self.NOUNS:
            answer = self.client.get(f"{self.base}/{noun}?sort=name")
            self.assertIsNone(answer.header("x-has-next"), noun)
            self.assertIsNone(answer.header("link"), noun)
            self.assertGreaterEqual(len(answer.json), 5)

    def test_parts(self) -> None:
        """The parts of a list are the whole list, in each order."""
        for noun in self.NOUNS:
            for order in ("?", "?order=desc&", "?sort=type&", "?sort=name&order=desc&"):
                whole = self.listed(noun, order)
                for size in (1, 2, 5, 1000):
                    found = list(
                        parts(
                            self.client, f"{self.base}/{noun}", f"{order}limit={size}"
                        )
                    )
                    self.assertEqual(list(chain(*found)), whole, (noun, order, size))
                    self.assertEqual({len(each) for each in found[:-1]} - {size}, set())

    def test_sorted_by_another(self) -> None:
        """A column that may be empty sorts as in the whole list."""
        self.made("templates", **self.template(name="without"))
        for order in ("asc", "desc"):
            query = f"?sort=inventory&order={order}"
            found = parts(self.client, f"{self.base}/templates", f"{query}&limit=2")
            self.assertEqual(list(chain(*found)), self.listed("templates", query))

    def test_search(self) -> None:
        """A search finds a text in any case, and more of it on the next page."""
        for noun in self.NOUNS:
            names = [each["name"] for each in self.listed(noun, "?search=%C3%84RG")]
            self.assertEqual(names, ["Ärger"], noun)
            self.assertEqual(self.listed(noun, "?search=nothing+like+it"), [], noun)
        found = list(
            parts(self.client, f"{self.base}/repositories", "?search=A&limit=1")
        )
        # the address has an a as well
        self.assertEqual(len(found), 5)

    def test_search_other_columns(self) -> None:
        """Templates are found by their files, repositories by their addresses."""
        self.made("templates", **self.template(name="x", playbook="sites/web.yml"))
        names = [each["name"] for each in self.listed("templates", "?search=WEB.yml")]
        self.assertEqual(names, ["x"])
        names = [
            each["name"] for each in self.listed("repositories", "?search=.EXAMPLE/")
        ]
        self.assertEqual(len(names), 5)

    def test_meanwhile(self) -> None:
        """Objects that come and go in the meantime move no other one."""
        path = f"{self.base}/environment"
        pages = parts(self.client, path, "?limit=2")
        first = [each["name"] for each in next(pages)]
        self.assertEqual(first, ["A", "a"])
        (last,) = self.listed("environment", "?search=a&limit=1&after=WyJhIiwwXQ")[:1]
        self.client.delete(f"{path}/{last['id']}")
        self.made("environment", name="0", json="{}")
        rest = [each["name"] for page in pages for each in page]
        self.assertEqual(rest, ["b", "c", "Empty", "Ärger"])

    def test_refused(self) -> None:
        """A wrong number or position is a 400."""
        for query, words in (
            ("limit=0", 'limit: invalid value "0"; expected 1 to 1000'),
            ("limit=1001", "1 to 1000"),
            ("limit=-1", "1 to 1000"),
            ("after=%21", 'after: invalid value "!"; expected a position'),
            ("after=bnVsbA", "after"),  # null
            ("after=WyJhIl0", "after"),  # ["a"]
            ("after=WzEsMV0", "after"),  # [1,1]
            ("after=" + "W1tb" * 2000, "after"),
            ("after=%C3%A4", "after"),
            ("search=" + "x" * 256, "at most 255 characters"),
        ):
            for noun in self.NOUNS:
                answer = self.client.get(f"{self.base}/{noun}?{query}")
                self.refused(answer, words)

    def test_link(self) -> None:
        """The next part has the same search, which cannot break the header."""
        self.key('x"> <y')
        self.key('x"> <yy')
        answer = self.client.get(f'{self.base}/keys?search=x"%3E+%3Cy&limit=1')
        self.assertEqual(len(answer.json), 1)
        more = following(answer)
        assert more is not None
        self.assertRegex(more, r"^\?search=x%22%3E\+%3Cy&limit=1&after=[\w-]+$")
        self.assertEqual(len(self.listed("keys", more)), 1)


class UserTests(ResourceTestCase):
    """The list of accounts."""

    def setUp(self) -> None:
        """Make accounts."""
        super().setUp()
        for name in ("bob", "carol"):
            make_user(self.conn, name)
        self.admin = self.site.with_token(make_user(self.conn, "root", admin=True))

    def names(self, client: ApiClient, query: str) -> list[str]:  # type: ignore[override]
        """Return the names of the accounts in all parts."""
        found = parts(client, "/api/users", query)
        return [each["username"] for page in found for each in page]

    def test_parts(self) -> None:
        """Accounts are found, sorted, and read page by page."""
        everybody = ["admin", "alice", "bob", "carol", "root"]
        for client in (self.admin, self.client):
            self.assertEqual(self.names(client, "?limit=2"), everybody)
            self.assertEqual(self.names(client, "?limit=2&order=desc"), everybody[::-1])
        found = self.names(self.client, "?search=O&limit=1")
        self.assertEqual(found, ["bob", "carol", "root"])
        whole = self.client.get("/api/users")
        self.assertEqual([each["username"] for each in whole.json], everybody)
        self.assertIsNone(whole.header("x-has-next"))

    def test_addresses(self) -> None:
        """Only administrators search and sort by addresses."""
        self.assertEqual(len(self.names(self.admin, "?search=example.com")), 5)
        self.assertEqual(self.names(self.client, "?search=example.com"), [])


class PeerTests(VpnApiCase):
    """The list of VPN peers."""

    def test_parts(self) -> None:
        """Peers are found and read page by page, also with the other filters."""
        for name in ("phone", "Laptop"):
            self.peer(name=name)
        self.peer(self.as_bob, name="printer")
        self.host(name="db", tags=["web"])
        path = "/api/vpn/peers"

        def names(query: str) -> list[list[str]]:
            found = parts(self.as_admin, path, query)
            return [[each["name"] for each in page] for page in found]

        self.assertEqual(names("?limit=3"), [["db", "Laptop", "phone"], ["printer"]])
        self.assertEqual(names("?search=P&limit=2"), [["Laptop", "phone"], ["printer"]])
        self.assertEqual(names("?search=alice&sort=owner"), [["phone", "Laptop"]])
        self.assertEqual(names("?kind=host&limit=1"), [["db"]])
        self.assertEqual(names("?search=WEB"), [["db"]])
        self.assertEqual(self.as_alice.get(f"{path}?search=printer").json, [])
        within = self.as_alice.get(f"{self.within}/peers?search=d&limit=1")
        self.assertEqual([each["name"] for each in within.json], ["db"])
        self.assertEqual(self.as_admin.get(f"{path}?limit=0").status, 400)


class TaskTests(ResourceTestCase):
    """The lists of tasks."""

    def setUp(self) -> None:
        """Make two templates, and a second member."""
        super().setUp()
        self.one = make_template(self.conn, self.project, name="Deploy web")
        self.two = make_template(self.conn, self.project, name="Backup")
        self.bob = make_user(self.conn, "bob")
        make_member(self.conn, self.project, self.bob)
        self.path = f"{self.base}/tasks"

    def task(
        self,
        template: Any,
        status: TaskStatus = TaskStatus.SUCCESS,
        *,
        ago: int = 0,
        **columns: Any,
    ) -> TaskId:
        """Store a task that was created *ago* seconds ago."""
        made = make_task(self.conn, self.project, template, status=status, **columns)
        self.conn.update(schema.task, made, created=BEGINNING - timedelta(seconds=ago))
        return made

    def found(self, query: str, path: str | None = None) -> list[int]:
        """Return the ids of the tasks in all parts."""
        pages = parts(self.client, path or self.path, f"?{query}")
        return [each["id"] for page in pages for each in page]

    def test_filters(self) -> None:
        """Each filter selects, and so do several together."""
        old = self.task(self.one, ago=7200, user_id=self.user.id, message="Fix Ärger")
        failed = self.task(self.one, TaskStatus.ERROR, ago=3600, version="1.2.3")
        stopped = self.task(self.two, TaskStatus.STOPPED, user_id=self.bob.id)
        waiting = self.task(self.two, TaskStatus.WAITING, hosts_limit="web[1:3]")
        for query, wanted in (
            ("status=error", [failed]),
            ("status=error,stopped", [stopped, failed]),
            (f"template_id={self.one}", [failed, old]),
            (f"user_id={self.bob.id}", [stopped]),
            ("from=2026-01-02T02:04:05Z", [waiting, stopped, failed]),
            ("to=2026-01-02T02:04:05Z", [old]),
            (
                "from=2026-01-02T03:04:05%2B01:00&to=2026-01-02T03:04:05Z",
                [failed],
            ),
            ("from=2027-01-01T00:00:00Z", []),
            ("to=2020-01-01T00:00:00Z", []),
            ("search=%C3%84RGER", [old]),
            ("search=backup", [waiting, stopped]),
            ("search=1.2.3", [failed]),
            ("search=web%5B1", [waiting]),
            ("search=BOB", [stopped]),
            (f"search=%23{failed}", [failed]),
            (f"search=deploy&status=success&user_id={self.user.id}", [old]),
            ("search=deploy&status=waiting", []),
        ):
            for size in ("", "&limit=1", "&limit=3"):
                self.assertEqual(self.found(query + size), wanted, query + size)

    def test_parts(self) -> None:
        """The parts of the list are the whole list, also of the short lists."""
        made = [self.task(self.one) for _ in range(7)][::-1]
        self.assertEqual(self.found("limit=3"), made)
        self.assertEqual(self.found("limit=3&status=success"), made)
        self.assertEqual(self.found(f"limit=2&before={made[4]}"), made[5:])
        for last in ("tasks/last", f"templates/{self.one}/tasks/last"):
            path = f"{self.base}/{last}"
            self.assertEqual(self.found("limit=2&search=web", path), made, path)
        other = f"{self.base}/templates/{self.two}/tasks"
        self.assertEqual(
            self.found(f"status=success&template_id={self.one}", other), []
        )

    def test_whole(self) -> None:
        """Without a parameter of these the list has no header."""
        self.task(self.one)
        answer = self.client.get(self.path)
        self.assertIsNone(answer.header("x-has-next"))
        self.assertIsNone(answer.header("link"))

    def test_refused(self) -> None:
        """What is no status, number or time is a 400."""
        for query, words in (
            ("status=failed", 'status: invalid value "failed"; expected "waiting", '),
            ("status=error,", ""),
            ("template_id=x", "template_id: invalid value"),
            ("from=yesterday", "from: invalid value"),
            ("to=2026-01-02", "a time such as 2026-01-31T12:00:00Z"),
            ("limit=0", "1 to 1000"),
            ("before=x", "before"),
        ):
            answer = self.client.get(f"{self.path}?{query}")
            if words:
                self.refused(answer, words)
        unknown = self.client.get(f"{self.path}?template_id=987654")
        self.assertEqual(unknown.status, 404)


class EventTests(ResourceTestCase):
    """The lists of events."""

    def descriptions(self, client: ApiClient, path: str) -> list[str]:
        """Return the descriptions of the events in all parts."""
        path, mark, query = path.partition("?")
        pages = parts(client, path, mark + query)
        return [each["description"] for page in pages for each in page]

    def test_search(self) -> None:
        """Events are found by what happened, to what, and by whom; others' are not."""
        for name in ("Oak", "Elm", "oaken"):
            self.made("environment", name=name, json="{}")
        admin = self.site.with_token(make_user(self.conn, "root", admin=True))
        admin.post(
            f"/api/project/{self.other.id}/environment", {"name": "oak", "json": "{}"}
        )
        oaks = ["Environment oaken created", "Environment Oak created"]
        for path in (f"{self.base}/events", "/api/events"):
            found = self.descriptions(self.client, f"{path}?search=OAK&limit=1")
            self.assertEqual(found, oaks, path)
        found = self.descriptions(admin, "/api/events?search=oak")
        self.assertEqual(found, ["Environment oak created", *oaks])
        found = self.descriptions(self.client, f"{self.base}/events?search=alice")
        self.assertEqual(len(found), 3)
        found = self.descriptions(self.client, "/api/events?search=root")
        self.assertEqual(found, [])

    def test_last(self) -> None:
        """The short lists are searched too."""
        self.made("environment", name="Oak", json="{}")
        for path in (f"{self.base}/events/last", "/api/events/last"):
            self.assertEqual(len(self.client.get(f"{path}?search=oak").json), 1)
            self.assertEqual(self.client.get(f"{path}?search=ash").json, [])
