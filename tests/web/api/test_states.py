"""Tests of Terraform's states: the backend, aliases, versions and locks."""

import gzip
import hashlib
import json
import zlib
from base64 import b32encode, b64encode
from typing import Any

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Role
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.state_tables import state, state_alias
from semaphore_twisted.web.http.hook_limit import BURST
from tests.support.http import Answer
from tests.support.memory import make_member, make_user
from tests.support.resources import ResourceTestCase
from tests.support.tasks import make_task, make_template

LOGIN = ("me", "hidden")

#: An alias that a test stores itself.
OF_A_TASK = "ofatask2" * 4

SECRET = "correct horse battery staple"


def basic(login: str, password: str) -> str:
    """Return the header of HTTP basic authentication."""
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()


def content(serial: int, *, lineage: str = "a-b", value: str = SECRET) -> bytes:
    """Return a state with one output."""
    whole = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": serial,
        "lineage": lineage,
        "outputs": {"token": {"value": value, "type": "string", "sensitive": True}},
        "resources": [{"mode": "managed"}],
    }
    return json.dumps(whole).encode()


def lock_of(number: str, who: str = "alice@laptop") -> dict[str, str]:
    """Return a lock as Terraform sends it."""
    return {"ID": number, "Operation": "OperationTypeApply", "Who": who}


class StateTestCase(ResourceTestCase):
    """A workspace with an alias."""

    def setUp(self) -> None:
        """Create the workspace, its key and the alias."""
        super().setUp()
        self.key_id = self.key()
        self.inventory_id = self.inventory(
            "Production", type="terraform-workspace", inventory="prod"
        )
        self.terraform = f"{self.base}/inventory/{self.inventory_id}/terraform"
        self.alias = self.new_alias()
        self.machine = self.site.anonymous()

    def new_alias(self) -> str:
        """Make an alias; return its path."""
        answer = self.client.post(
            f"{self.terraform}/aliases", {"auth_key_id": self.key_id}
        )
        self.assertEqual(answer.status, 200, answer.body)
        url: str = answer.json["url"]
        return url.removeprefix("https://semaphore.example")

    def send(
        self,
        method: str,
        body: Any = b"",
        *,
        query: str = "",
        login: tuple[str, str] = LOGIN,
        **headers: str,
    ) -> Answer:
        """Send a request to the state backend."""
        sent = {"Authorization": basic(*login)}
        sent |= {name.replace("_", "-"): each for name, each in headers.items()}
        return self.machine.request(method, self.alias + query, body, headers=sent)

    def store(self, serial: int, query: str = "", **more: Any) -> int:
        """Store a version; return the status."""
        return self.send("POST", content(serial, **more), query=query).status

    def versions(self) -> Any:
        """Return the versions, newest first."""
        return self.listed(f"inventory/{self.inventory_id}/terraform/states")

    def member(self, role: Role) -> Any:
        """Return the client of a new member with *role*."""
        user = make_user(self.conn, f"a-{role}")
        make_member(self.conn, self.project, user, role)
        return self.site.as_user(user)


class ProtocolTests(StateTestCase):
    """GET, POST, LOCK and UNLOCK, as Terraform sends them."""

    def test_stored(self) -> None:
        """A stored state is read again, to the byte; before, there is nothing."""
        self.assertEqual(self.send("GET").status, 404)
        self.assertEqual(self.store(1), 200)
        answer = self.send("GET")
        self.assertEqual((answer.status, answer.body), (200, content(1)))

    def test_sealed(self) -> None:
        """The database has neither the content nor a compressed form of it."""
        self.store(1)
        row = self.conn.execute(state.select()).fetchone()
        whole = b"".join(
            each if isinstance(each, bytes) else str(each).encode() for each in row
        )
        self.assertNotIn(SECRET.encode(), whole)
        self.assertNotIn(zlib.compress(content(1), 3)[:20], whole)

    def test_serial(self) -> None:
        """A version has to continue the present one; the same one again is no error."""
        self.store(3)
        self.assertEqual(self.store(3), 200)
        self.assertEqual(len(self.versions()), 1)
        for sent, word in (
            (content(2), "serial 3 already"),
            (content(3, value="other"), "another content"),
            (content(4, lineage="c-d"), "lineage"),
        ):
            answer = self.send("POST", sent)
            self.assertEqual(answer.status, 409)
            self.assertIn(word, answer.json["error"])
            self.assertNotIn("other", answer.json["error"].replace("another", ""))
        self.assertEqual(self.store(4), 200)
        self.assertEqual([each["serial"] for each in self.versions()], [4, 3])

    def test_no_state(self) -> None:
        """Anything else than a state is refused, and nothing is stored."""
        deep = b'{"serial": 1, "lineage": "a", "outputs": {"a": ' + b"[" * 5000
        for sent in (
            b"",
            b"{}",
            b"[]",
            b"\xff",
            b'{"serial": "1", "lineage": "a"}',
            b'{"serial": -1, "lineage": "a"}',
            b'{"serial": 99999999999999999999, "lineage": "a"}',
            b'{"serial": 1, "lineage": ""}',
            b'{"serial": 1, "lineage": "a\\u0000"}',
            deep,
        ):
            self.assertEqual(self.send("POST", sent).status, 400, sent[:60])
        self.assertEqual(self.versions(), [])

    def test_digest(self) -> None:
        """A body that was damaged on the way is refused."""
        right = b64encode(hashlib.md5(content(1)).digest()).decode()
        answer = self.send("POST", content(2), Content_MD5=right)
        self.refused(answer, "Content-MD5")
        self.assertEqual(self.send("POST", content(1), Content_MD5=right).status, 200)

    def test_large(self) -> None:
        """A state may be larger than other bodies; its limit is stated."""
        big = content(1, value="x" * (limits.BODY + 1))
        self.assertEqual(self.send("POST", big).status, 200)
        self.assertEqual(self.send("GET").body, big)
        head = self.machine.head_of(
            "POST",
            self.alias,
            {
                "Authorization": basic(*LOGIN),
                "Content-Length": str(limits.STATE + 1),
            },
        )
        transport = self.machine.send("\r\n".join(head).encode() + b"\r\n\r\n")
        self.assertIn(b"413", transport.value()[:20])
        self.assertIn(str(limits.STATE).encode(), transport.value())

    def test_large_body_of_strangers(self) -> None:
        """A large body is refused before it arrives, unless the password is right."""
        head = self.machine.head_of(
            "POST",
            self.alias,
            {"Authorization": basic("me", "no"), "Content-Length": "1000000"},
        )
        transport = self.machine.send(
            "\r\n".join(head).encode() + b"\r\n\r\n" + b"x" * 1_000_000
        )
        self.assertIn(b"401", transport.value()[:20])

    def test_lock(self) -> None:
        """One client locks; another one is told who has the lock."""
        self.assertEqual(self.send("LOCK", lock_of("one")).status, 200)
        self.assertEqual(self.send("LOCK", lock_of("one")).status, 200)
        answer = self.send("LOCK", lock_of("two", "bob"))
        self.assertEqual(answer.status, 423)
        self.assertEqual(answer.json["ID"], "one")
        self.assertEqual(answer.json["Who"], "alice@laptop")
        for query in ("", "?ID=two"):
            answer = self.send("POST", content(1), query=query)
            self.assertEqual((answer.status, answer.json["ID"]), (423, "one"))
        self.assertEqual(self.store(1, "?ID=one"), 200)
        self.assertEqual(self.versions()[0]["author"], "alice@laptop")
        answer = self.send("UNLOCK", lock_of("two"))
        self.assertEqual(answer.status, 409)
        self.assertIn("alice@laptop", answer.json["error"])
        self.assertEqual(self.send("UNLOCK", lock_of("one")).status, 200)
        self.assertEqual(self.send("UNLOCK", lock_of("one")).status, 200)
        self.assertEqual(self.send("LOCK", lock_of("two")).status, 200)

    def test_lost_lock(self) -> None:
        """Without its lock a client stores nothing."""
        answer = self.send("POST", content(1), query="?ID=gone")
        self.assertEqual(answer.status, 409)
        self.assertIn("lock", answer.json["error"])
        self.assertEqual(self.versions(), [])

    def test_bad_lock(self) -> None:
        """A lock without an id, and one that is too long or too deep, are refused."""
        for sent in (b"", b"{}", {"ID": ""}, {"ID": "x" * 256}, {"ID": "a\n"}, b"[1]"):
            self.assertEqual(self.send("LOCK", sent).status, 400, sent)
            self.assertEqual(self.send("UNLOCK", sent).status, 400, sent)
        for sent in (b"[" * 4000, b'{"ID":"a","x":' + b"[" * 4000):
            self.assertEqual(self.send("LOCK", sent).status, 400)
            self.assertEqual(self.send("UNLOCK", sent).status, 400)
        long = {"ID": "a", "Info": "x" * limits.STATE_LOCK}
        self.assertEqual(self.send("LOCK", long).status, 400)

    def test_other_methods(self) -> None:
        """Terraform sends no other method."""
        self.assertEqual(self.client.delete(self.alias).status, 405)


class LoginTests(StateTestCase):
    """The login of an alias."""

    def test_wrong(self) -> None:
        """A wrong alias and a wrong password cannot be told from each other."""
        right = self.alias
        answers = []
        for path, login in (
            (right, ("me", "wrong")),
            (right, ("you", "hidden")),
            (right[:-1], LOGIN),
            (right + "x", ("me", "wrong")),
            (right[:-4] + "aaaa", LOGIN),
        ):
            self.alias = path
            for method in ("GET", "POST", "LOCK", "UNLOCK"):
                answer = self.send(method, content(1), login=login)
                headers = {n: v for n, v in answer.headers.items() if n != "date"}
                answers.append((answer.status, headers, answer.body))
        self.assertEqual(answers[0][0], 401)
        self.assertIn("www-authenticate", answers[0][1])
        for each in answers:
            self.assertEqual(each, answers[0])

    def test_session_is_nothing(self) -> None:
        """The session of a manager does not open the backend."""
        self.assertEqual(self.client.get(self.alias).status, 401)

    def test_throttled(self) -> None:
        """Wrong passwords are limited; a client that has the password is not."""
        for _ in range(BURST):
            self.assertEqual(self.send("GET", login=("me", "no")).status, 401)
        answer = self.send("GET")
        self.assertEqual(answer.status, 429)
        self.assertTrue(answer.header("retry-after"))
        self.machine.peer = "192.0.2.99"
        self.assertEqual(self.send("GET").status, 404)

    def test_wrong_aliases(self) -> None:
        """What cannot be an alias is counted nowhere; others only for their sender."""
        right = self.alias
        self.alias = "/api/terraform/" + "x" * 10_000
        for _ in range(BURST + 2):
            self.assertEqual(self.send("GET").status, 401)
        for number in range(BURST):
            self.alias = (
                right[:-4] + b32encode(bytes([0, number, 0]))[:4].decode().lower()
            )
            self.assertEqual(self.send("GET").status, 401, self.alias)
        self.alias = right[:-4] + "zzzz"
        answer = self.send("GET")
        self.assertEqual(answer.status, 429)
        self.assertTrue(answer.header("retry-after"))
        self.alias = right
        self.assertEqual(self.send("GET").status, 404)

    def test_changed_key(self) -> None:
        """A new password of the key counts at once, and so does another key."""
        other = self.key("Other", login_password={"login": "you", "password": "new"})
        number = self.client.get(f"{self.terraform}/aliases").json[0]["id"]
        path = f"{self.terraform}/aliases/{number}"
        body = {"id": number, "auth_key_id": other}
        self.assertEqual(self.client.put(path, body).status, 204)
        self.assertEqual(self.send("GET").status, 401)
        self.assertEqual(self.send("GET", login=("you", "new")).status, 404)
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(self.send("GET", login=("you", "new")).status, 401)


class AliasTests(StateTestCase):
    """The aliases of a workspace."""

    def test_shape(self) -> None:
        """An alias has Semaphore's fields."""
        (alias,) = self.client.get(f"{self.terraform}/aliases").json
        self.assertEqual(set(alias), {"id", "url", "auth_key_id"})
        self.assertRegex(
            alias["url"], r"^https://semaphore\.example/api/terraform/[a-z2-7]{32}$"
        )
        shown = self.client.get(f"{self.terraform}/aliases/{alias['id']}").json
        self.assertEqual(shown, alias)

    def test_refused(self) -> None:
        """The key has to be one of the project's, with login and password."""
        text = self.key("Text", type="string", string="t")
        for sent in (
            {},
            {"auth_key_id": 0},
            {"auth_key_id": 999},
            {"auth_key_id": text},
        ):
            self.refused(
                self.client.post(f"{self.terraform}/aliases", sent), "auth_key"
            )
        hosts = self.inventory()
        for number in (hosts, 999):
            path = f"{self.base}/inventory/{number}/terraform/aliases"
            self.assertEqual(self.client.get(path).status, 404)

    def test_number(self) -> None:
        """There is a limit, with its sentence."""
        for _ in range(limits.STATE_ALIASES - 1):
            self.new_alias()
        answer = self.client.post(
            f"{self.terraform}/aliases", {"auth_key_id": self.key_id}
        )
        self.assertEqual(answer.status, 409)

    def test_key_in_use(self) -> None:
        """The key of an alias stays, and keeps its type; the workspace is named."""
        answer = self.client.delete(f"{self.base}/keys/{self.key_id}")
        self.refused(answer, "Production")
        path = f"{self.base}/keys/{self.key_id}"
        body = {"name": "Login", "type": "string", "string": "t"}
        answer = self.client.put(path, {**body, "override_secret": True})
        self.refused(answer, "Production")
        usage = self.client.get(f"{self.base}/keys/{self.key_id}/usage").json
        self.assertEqual(
            [each["name"] for each in usage["inventories"]], ["Production"]
        )

    def test_rights(self) -> None:
        """Members see aliases; only managers make and delete them."""
        runner = self.member(Role.TASK_RUNNER)
        path = f"{self.terraform}/aliases"
        self.assertEqual(runner.get(path).status, 200)
        self.assertEqual(runner.post(path, {"auth_key_id": self.key_id}).status, 403)
        number = runner.get(path).json[0]["id"]
        self.assertEqual(runner.delete(f"{path}/{number}").status, 403)


class VersionTests(StateTestCase):
    """The history of a state."""

    def test_shape(self) -> None:
        """A version is described without any of its values."""
        self.store(1)
        (shown,) = self.versions()
        self.assertEqual(
            {name: shown[name] for name in ("serial", "size", "outputs", "resources")},
            {
                "serial": 1,
                "size": len(content(1)),
                "outputs": ["token"],
                "resources": 1,
            },
        )
        self.assertEqual((shown["task_id"], shown["restored_from"]), (None, None))
        self.assertNotIn(SECRET, json.dumps(shown))
        for path in ("latest", str(shown["id"])):
            found = self.client.get(f"{self.terraform}/states/{path}").json
            self.assertEqual(found, shown)

    def test_content(self) -> None:
        """Only a manager reads the content, and an event says so."""
        self.store(1)
        number = self.versions()[0]["id"]
        path = f"{self.terraform}/states/{number}/content"
        self.assertEqual(self.member(Role.TASK_RUNNER).get(path).status, 403)
        answer = self.client.get(path)
        self.assertEqual((answer.status, answer.body), (200, content(1)))
        events = self.listed("events")
        self.assertIn("serial 1 of the state was read", events[0]["description"])
        self.assertNotIn(SECRET, json.dumps(events))

    def test_roll_back(self) -> None:
        """An old content becomes the next version; the serial alone differs."""
        self.store(1, value="first")
        self.store(2, value="second")
        old = self.versions()[1]["id"]
        path = f"{self.terraform}/states/{old}/rollback"
        self.assertEqual(self.member(Role.TASK_RUNNER).post(path).status, 403)
        answer = self.client.post(path)
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(
            (answer.json["serial"], answer.json["restored_from"]), (3, old)
        )
        self.assertEqual(
            msgspec.json.decode(self.send("GET").body),
            msgspec.json.decode(content(3, value="first")),
        )
        self.assertEqual(self.store(4), 200)

    def test_roll_back_keeps_numbers(self) -> None:
        """Numbers that JSON decoders round stay as they were."""
        exact = b'{"serial":1,"lineage":"a","outputs":{"n":{"value":1.10e300}}}'
        self.send("POST", exact)
        self.send("POST", b'{"serial":2,"lineage":"a"}')
        old = self.versions()[1]["id"]
        self.client.post(f"{self.terraform}/states/{old}/rollback")
        self.assertIn(b"1.10e300", self.send("GET").body)

    def test_roll_back_keeps_bytes(self) -> None:
        """Only the serial of the state itself changes, not one below or in a text."""
        exact = (
            rb'{ "note":"\"serial\": 1, {", "outputs":{"serial":{"value":1}},'
            b'\n\t"lineage":"serial",  "s\\u0065rial" :  1  ,'
            b' "resources":[["serial", 1]]}\n'
        )
        self.assertEqual(self.send("POST", exact).status, 200)
        self.send("POST", content(11, lineage="serial"))
        old = self.versions()[1]["id"]
        answer = self.client.post(f"{self.terraform}/states/{old}/rollback")
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(self.send("GET").body, exact.replace(b":  1  ,", b":  12  ,"))

    def test_roll_back_of_a_deep_state(self) -> None:
        """A state that is nested deeply is refused before it takes memory."""
        deep = b"[" * 500 + b"]" * 500
        sent = b'{"serial":1,"lineage":"a-b","check_results":' + deep + b"}"
        self.assertEqual(self.send("POST", sent).status, 200)
        self.store(2)
        old = self.versions()[1]["id"]
        answer = self.client.post(f"{self.terraform}/states/{old}/rollback")
        self.assertEqual(answer.status, 400)
        self.assertIn("levels", answer.json["error"])
        self.assertEqual(len(self.versions()), 2)

    def test_roll_back_refused(self) -> None:
        """Not to the present version, and not while the state is locked."""
        self.store(1)
        self.store(2)
        new, old = (each["id"] for each in self.versions())
        path = f"{self.terraform}/states"
        self.assertEqual(self.client.post(f"{path}/{new}/rollback").status, 409)
        self.assertEqual(self.client.post(f"{path}/999/rollback").status, 404)
        self.send("LOCK", lock_of("one"))
        answer = self.client.post(f"{path}/{old}/rollback")
        self.assertEqual(answer.status, 409)
        self.assertIn("alice@laptop", answer.json["error"])
        self.assertEqual(len(self.versions()), 2)

    def test_delete(self) -> None:
        """The present version is deleted last."""
        self.store(1)
        self.store(2)
        new, old = (each["id"] for each in self.versions())
        path = f"{self.terraform}/states"
        self.assertEqual(self.client.delete(f"{path}/{new}").status, 409)
        self.assertEqual(self.client.delete(f"{path}/{old}").status, 204)
        self.assertEqual(self.client.delete(f"{path}/{new}").status, 204)
        self.assertEqual(self.client.get(f"{path}/latest").status, 404)

    def test_delete_under_a_task(self) -> None:
        """The last version stays while a task uses it; older ones go all the same."""
        self.store(1)
        self.store(2)
        new, old = (each["id"] for each in self.versions())
        path = f"{self.terraform}/states"
        template = make_template(
            self.conn, self.project, inventory_id=self.inventory_id, app="terraform"
        )
        task = make_task(
            self.conn,
            self.project,
            template,
            status=TaskStatus.WAITING_CONFIRMATION,
            used_inventory_id=self.inventory_id,
        )
        self.assertEqual(self.client.delete(f"{path}/{old}").status, 204)
        answer = self.client.delete(f"{path}/{new}")
        self.assertEqual(answer.status, 409)
        self.assertIn(f"({task})", answer.json["error"])
        self.conn.update(schema.task, task, status=TaskStatus.SUCCESS)
        self.assertEqual(self.client.delete(f"{path}/{new}").status, 204)

    def test_kept(self) -> None:
        """The oldest versions go when there are too many."""
        for serial in range(limits.STATE_VERSIONS + 2):
            self.store(serial)
        serials = [each["serial"] for each in self.versions()]
        self.assertEqual(len(serials), limits.STATE_VERSIONS)
        self.assertEqual((serials[0], serials[-1]), (limits.STATE_VERSIONS + 1, 2))

    def test_workspace_with_state(self) -> None:
        """A workspace with a state is neither deleted nor made something else."""
        self.store(1)
        path = f"{self.base}/inventory/{self.inventory_id}"
        answer = self.client.delete(path)
        self.assertEqual(answer.status, 409)
        self.assertIn("state", answer.json["error"])
        body = {"name": "Hosts", "type": "static", "inventory": "localhost"}
        self.assertEqual(self.client.put(path, body).status, 409)
        body = {"name": "W", "type": "terraform-workspace", "inventory": "other"}
        self.assertEqual(self.client.put(path, body).status, 409)

    def test_damaged(self) -> None:
        """A changed row is refused by its number, and is not sent."""
        self.store(1)
        number = self.versions()[0]["id"]
        stored = self.conn.scalar(state.select().with_only_columns(state.c.content))
        changed = stored[:-1] + bytes([stored[-1] ^ 1])
        self.conn.update(state, number, content=changed)
        answer = self.send("GET")
        self.assertEqual(answer.status, 409)
        self.assertIn(f"Version {number}", answer.json["error"])


class LockTests(StateTestCase):
    """The lock as members see it."""

    def test_forced(self) -> None:
        """A manager removes the lock that was read, and an event says so."""
        path = f"{self.terraform}/locks"
        self.assertEqual(self.client.get(path).json, [])
        self.assertEqual(self.client.delete(f"{path}?lock_id=one").status, 404)
        self.send("LOCK", lock_of("one", "eve \x1b[31m\u202e"))
        (lock,) = self.client.get(path).json
        self.assertEqual((lock["lock_id"], lock["who"]), ("one", "eve [31m"))
        self.assertTrue(lock["created"])
        runner = self.member(Role.TASK_RUNNER)
        self.assertEqual(runner.get(path).status, 200)
        self.assertEqual(runner.delete(f"{path}?lock_id=one").status, 403)
        self.assertEqual(self.client.delete(f"{path}?lock_id=two").status, 409)
        self.assertEqual(self.client.delete(f"{path}?lock_id=one").status, 204)
        self.assertIn("removed by force", self.listed("events")[0]["description"])
        self.assertEqual(self.send("LOCK", lock_of("two")).status, 200)


class ForeignTests(StateTestCase):
    """Other projects."""

    def test_other_project(self) -> None:
        """The objects of one project are not found through another one."""
        self.store(1)
        number = self.versions()[0]["id"]
        make_member(self.conn, self.other, self.user, Role.OWNER)
        path = f"/api/project/{self.other.id}/inventory/{self.inventory_id}/terraform"
        for below in (
            "aliases",
            "states",
            "states/latest",
            f"states/{number}",
            "locks",
        ):
            self.assertEqual(self.client.get(f"{path}/{below}").status, 404, below)
        self.assertEqual(self.client.get(f"{path}/states/{number}/content").status, 404)


class TaskTests(StateTestCase):
    """The alias of a task ends with the task."""

    def setUp(self) -> None:
        """Make a running task with an alias."""
        super().setUp()
        template = make_template(self.conn, self.project)
        self.task = make_task(
            self.conn, self.project, template, status=TaskStatus.RUNNING
        )
        self.of_project = self.alias
        self.alias = "/api/terraform/" + OF_A_TASK
        self.conn.insert(
            state_alias,
            project_id=self.project.id,
            inventory_id=self.inventory_id,
            alias=OF_A_TASK,
            task_id=self.task,
            digest=hashlib.sha256(b"pass").hexdigest(),
        )
        self.login = (OF_A_TASK, "pass")

    def rescue(self, body: bytes, how: str = "next", **more: Any) -> Answer:
        """Hand over a state that was not stored."""
        packed = gzip.compress(body)
        query = f"?rescue={how}"
        return self.send("POST", packed, query=query, **{"login": self.login, **more})

    def store_outside(self, serial: int, **more: Any) -> None:
        """Store a version with the alias of the project."""
        own, self.alias = self.alias, self.of_project
        self.assertEqual(self.store(serial, **more), 200)
        self.alias = own

    def test_ended(self) -> None:
        """An alias of a task that has ended opens nothing."""
        task, login = self.task, self.login
        self.assertEqual(self.send("POST", content(1), login=login).status, 200)
        self.assertEqual(self.send("GET", login=("other", "pass")).status, 401)
        self.assertEqual(self.versions()[0]["task_id"], task)
        self.assertEqual(len(self.client.get(f"{self.terraform}/aliases").json), 1)
        self.conn.update(schema.task, task, status="success")
        self.assertEqual(self.send("GET", login=login).status, 401)

    def test_lost_lock_of_task(self) -> None:
        """A task stores without its lock, unless another client is in the way."""
        query = "?ID=gone"
        first = self.send("POST", content(1), query=query, login=self.login)
        self.assertEqual(first.status, 200)
        self.store_outside(2)
        same = self.send(
            "POST", content(2, value="other"), query=query, login=self.login
        )
        self.assertEqual(same.status, 409)
        self.send("LOCK", lock_of("bob"), login=self.login)
        late = self.send("POST", content(3), query=query, login=self.login)
        self.assertEqual(late.status, 423)

    def test_refused_of_task(self) -> None:
        """A refused state of a task is kept until the task stores a later one."""
        self.store_outside(5)
        refused = self.send("POST", content(5, value="mine"), login=self.login)
        self.assertEqual(refused.status, 409)
        rescued, present = self.versions()
        self.assertEqual(
            (rescued["rescued"], rescued["task_id"], present["serial"]),
            (True, self.task, 5),
        )
        self.send("POST", content(4, value="mine"), login=self.login)
        self.assertEqual([each["serial"] for each in self.versions()], [4, 5])
        self.assertEqual(self.send("POST", content(6), login=self.login).status, 200)
        self.assertEqual([each["serial"] for each in self.versions()], [6, 5])

    def test_refused_while_locked(self) -> None:
        """The same is true while another client has the lock."""
        self.send("LOCK", lock_of("bob"), login=self.login)
        refused = self.send("POST", content(1), query="?ID=mine", login=self.login)
        self.assertEqual(refused.status, 423)
        (version,) = self.versions()
        self.assertTrue(version["rescued"])

    def test_refused_of_project(self) -> None:
        """A client outside of the server keeps its own state."""
        self.store_outside(5)
        self.alias = self.of_project
        self.assertEqual(self.send("POST", content(4), login=LOGIN).status, 409)
        self.assertEqual(len(self.versions()), 1)

    def test_rescued_next(self) -> None:
        """A state that continues the present one is simply the next version."""
        self.send("LOCK", lock_of("mine"), login=self.login)
        for _ in range(2):
            answer = self.rescue(content(1))
            self.assertEqual(answer.status, 200, answer.body)
            self.assertIn(b"stored after all", answer.body)
        (version,) = self.versions()
        self.assertEqual((version["rescued"], version["task_id"]), (False, self.task))

    def test_rescued_aside(self) -> None:
        """Another one is kept aside, once, until somebody rolls back to it."""
        self.store_outside(5)
        for _ in range(2):
            answer = self.rescue(content(9, lineage="x", value="mine"))
            self.assertEqual(answer.status, 200, answer.body)
            self.assertIn(b"WARNING: the state was rescued as version", answer.body)
        rescued, present = self.versions()
        self.assertEqual((rescued["rescued"], present["rescued"]), (True, False))
        self.assertEqual(self.send("GET", login=self.login).body, content(5))
        latest = self.client.get(f"{self.terraform}/states/latest").json
        self.assertEqual(latest, present)
        path = f"{self.terraform}/states"
        self.assertEqual(self.client.delete(f"{path}/{present['id']}").status, 409)
        answer = self.client.post(f"{path}/{rescued['id']}/rollback")
        self.assertEqual((answer.status, answer.json["serial"]), (201, 10))
        self.assertIn(b"mine", self.send("GET", login=self.login).body)
        self.assertEqual(self.client.delete(f"{path}/{rescued['id']}").status, 204)

    def test_rescued_from_another_backend(self) -> None:
        """A state of the code's own backend never is the present one by itself."""
        self.assertIn(b"backend of its own", self.rescue(content(1), "aside").body)
        self.assertEqual(self.send("GET", login=self.login).status, 404)
        (rescued,) = self.versions()
        path = f"{self.terraform}/states/{rescued['id']}/rollback"
        self.assertEqual(self.client.post(path).status, 201)
        self.assertEqual(self.send("GET", login=self.login).status, 200)

    def test_rescued_beside_a_damaged_one(self) -> None:
        """A present version that cannot be opened does not prevent it."""
        self.store_outside(1)
        number = self.versions()[0]["id"]
        self.conn.update(state, number, content=b"damaged")
        answer = self.rescue(content(1, value="mine"))
        self.assertIn(b"cannot be opened", answer.body)
        self.assertTrue(self.versions()[0]["rescued"])

    def test_rescued_stays_behind(self) -> None:
        """The present version stays, however many versions there are."""
        self.store_outside(5)
        present = self.versions()[0]["id"]
        template = make_template(self.conn, self.project, name="Others")
        for _ in range(limits.STATE_VERSIONS + 1):
            other = make_task(self.conn, self.project, template)
            self.assertEqual(self.rescue(content(1, lineage="x")).status, 200)
            self.conn.execute(
                state.update().where(state.c.rescued == 1).values(task_id=other)
            )
        self.assertEqual(self.send("GET", login=self.login).body, content(5))
        self.assertIn(present, [each["id"] for each in self.versions()])

    def test_rescued_large(self) -> None:
        """A state over the limit of the backend is rescued, up to another limit."""
        large = content(1, value="x" * limits.STATE)
        self.assertEqual(self.rescue(large).status, 200)
        self.assertEqual(self.versions()[0]["size"], len(large))
        huge = b" " * (limits.STATE_RESCUED + 1)
        self.assertEqual(self.rescue(huge).status, 413)

    def test_not_rescued(self) -> None:
        """Only a task rescues, and only a state."""
        self.assertEqual(self.rescue(b"{}").status, 400)
        plain = self.send("POST", b"x", query="?rescue=next", login=self.login)
        self.assertEqual(plain.status, 400)
        self.alias = self.of_project
        self.assertEqual(self.rescue(content(1), login=LOGIN).status, 400)
        self.assertEqual(self.versions(), [])
