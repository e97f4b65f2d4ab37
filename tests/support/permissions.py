"""The table ``tests/web/permissions.txt``, and a site with an object for each route."""

import json
import re
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from semaphore_twisted.interfaces import ICheckControl
from semaphore_twisted.model.checks import CheckResult, CheckTarget
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.tasks import TaskStatus
from semaphore_twisted.model.users import Role, User
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.persistence import schema
from semaphore_twisted.web.http.routing import Route
from tests.operations.test_known_hosts import KEY
from tests.support.http import Answer, ApiClient, api_client
from tests.support.memory import (
    BEGINNING,
    FixedClock,
    MemoryDatabase,
    make_member,
    make_project,
    make_session,
    make_token,
    make_user,
    memory_connection,
)
from tests.support.peers import network, public_key
from tests.support.tasks import make_task, make_template
from tests.support.vpn_api import OPTIONS, UP, RecordingPeers

TABLE = Path(__file__).parents[1] / "web" / "permissions.txt"

#: Who asks, in the order of the table's columns. The administrator belongs to no
#: project; the stranger owns another one; a disabled account has an old session.
ROLES = (
    "administrator",
    "owner",
    "manager",
    "task_runner",
    "guest",
    "stranger",
    "anonymous",
    "disabled",
)

#: The content of each secret.
SECRET = "Zx9-marker"

#: An id that no object has.
MISSING = 987654

#: A parameter of a path, with the name of the id in its place; see :class:`Site`.
_PARAMETER = re.compile(r"\{(\w+)(:text)?(?:=(\w+))?\}")
_REFERENCE = re.compile(r"\$(\w+)")


@frozen
class Row:
    """A line of the table."""

    method: str
    #: the path, whose parameters may say which id is in their place
    path: str
    #: the expected statuses by role: ``+`` stands for a success
    expected: Mapping[str, str]
    #: the text of a valid body with references to ids, or nothing
    body: str

    @property
    def pattern(self) -> str:
        """The pattern of the route."""
        return _PARAMETER.sub(r"{\1\2}", self.path)

    @property
    def parameters(self) -> dict[str, str]:
        """The names of ids, by the parameters of the path that they are for."""
        found = _PARAMETER.findall(self.path)
        return {name: chosen or name for name, _, chosen in found}

    @property
    def references(self) -> list[str]:
        """The names of the ids to which the body refers."""
        return list(dict.fromkeys(_REFERENCE.findall(self.body)))

    def address(self, ids: Mapping[str, object]) -> str:
        """Return the path of a request."""

        def value(found: re.Match[str]) -> str:
            return str(ids[found[3] or found[1]])

        return "/api" + _PARAMETER.sub(value, self.path)

    def content(self, ids: Mapping[str, object]) -> bytes:
        """Return the body of a request."""
        return _REFERENCE.sub(lambda found: str(ids[found[1]]), self.body).encode()

    def __str__(self) -> str:
        """Return method and path."""
        return f"{self.method} {self.path}"


def rows(text: str | None = None) -> list[Row]:
    """Return the lines of the table."""
    if text is None:
        text = TABLE.read_text()
    found = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            method, *more = line.split(maxsplit=len(ROLES) + 2)
            cells, (path, *body) = more[: len(ROLES)], more[len(ROLES) :]
            expected = dict(zip(ROLES, cells, strict=True))
            found.append(Row(method, path, expected, body[0] if body else ""))
    return found


def line_for(route: Route) -> str:
    """Return a line to complete and to add to the table, for a new route."""
    cells = " ".join("?  " for _ in ROLES)
    body = "" if route.body is None else "  {}"
    return f"{route.method:<6} {cells} {route.pattern}{body}"


@implementer(ICheckControl)
class NoChecks:
    """Starts no job: a check that is asked for has just begun, and none has ended."""

    def start(
        self, target: CheckTarget, repository_id: int | None = None
    ) -> Deferred[None]:
        """Do nothing."""
        return succeed(None)

    def progress(self, target: CheckTarget) -> CheckResult | None:
        """Return nothing."""
        return None

    def stop(self, target: CheckTarget) -> None:
        """Do nothing."""

    def ended(self, target: CheckTarget) -> Deferred[None]:
        """Return at once."""
        return succeed(None)


@define(eq=False)
class Site:
    """A site in memory with two projects of the same objects, and all roles.

    *ids* are those of the first project's objects by name, *foreign* the second's; the
    names that begin with ``own_`` differ by role.
    """

    folder: Path
    ids: dict[str, Any] = field(init=False)
    foreign: dict[str, Any] = field(init=False)
    own: dict[str, dict[str, Any]] = field(init=False)
    clients: dict[str, ApiClient] = field(init=False)
    conn: Any = field(init=False)
    _site: ApiClient = field(init=False)
    _saved: sqlite3.Connection = field(init=False)
    _image: bytes = field(init=False, default=b"")
    _numbers: Iterator[int] = field(init=False)
    _known_hosts: Path = field(init=False)
    _peers: RecordingPeers = field(factory=RecordingPeers, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the site."""
        self._numbers = iter(range(1000, 10**6))
        self.conn = memory_connection(FixedClock())
        vpn_network.initialise(self.conn, None, network())
        self._known_hosts = self.folder / "known_hosts"
        options = replace(OPTIONS, known_hosts=str(self._known_hosts))
        self._site = api_client(
            database=MemoryDatabase(self.conn),
            options=options,
            peers=self._peers,
            checks=NoChecks(),
        )
        users = {
            role: make_user(
                self.conn,
                role,
                admin=role == "administrator",
                active=role != "disabled",
            )
            for role in (*ROLES, "member")
            if role != "anonymous"
        }
        self.clients = {name: self._site.as_user(user) for name, user in users.items()}
        self.clients["anonymous"] = self._site.anonymous()
        first = make_project(self.conn, users["owner"])
        other = make_project(self.conn, users["stranger"], name="Other")
        for role in (Role.MANAGER, Role.TASK_RUNNER, Role.GUEST):
            make_member(self.conn, first, users[role], role)
        make_member(self.conn, first, users["member"])
        make_member(self.conn, first, users["disabled"], Role.OWNER)
        visitor = make_user(self.conn, "visitor")
        make_member(self.conn, other, visitor)
        shared = {
            "public_key": public_key(1),
            "digest": "ab" * 32,
            "stranger_id": users["stranger"].id,
            "host": "one",
            "app_id": "perl",
            **self._network(users["member"]),
        }
        perl = {"title": "Perl", "path": "/usr/bin/perl"}
        stored = self.clients["administrator"].post("/api/apps/perl", perl)
        assert stored.status == 204, stored
        self.ids = {**shared, **self._objects(first), "user_id": users["member"].id}
        self.foreign = {**shared, **self._objects(other), "user_id": visitor.id}
        self.own = {name: self._belongings(name, users.get(name)) for name in ROLES}
        self.ids |= self._belongings("member", users["member"], prefix="")
        self._saved = sqlite3.connect(":memory:", check_same_thread=False)
        self.conn.raw.backup(self._saved)
        self.restore()

    def _made(self, path: str, body: Mapping[str, object], client: str) -> Any:
        answer = self.clients[client].post(path, body)
        assert answer.status in {200, 201, 204}, (path, answer)
        return answer.json

    def _network(self, member: User) -> dict[str, Any]:
        """Make a network behind the server, which *member* may enter."""
        site = self._made(
            "/api/vpn/sites",
            {"name": "lan", "network": "10.20.0.0/16"},
            "administrator",
        )["id"]
        grant = self._made(
            "/api/vpn/grants",
            {"site_id": site, "user_id": member.id},
            "administrator",
        )["id"]
        return {"site_id": site, "grant_id": grant}

    def _objects(self, project: Project) -> dict[str, Any]:
        """Make one object of each kind in *project*; nothing else refers to it.

        Names begin with the project's.
        """
        base = f"/api/project/{project.id}"

        def made(noun: str, **body: Any) -> Any:
            return self._made(f"{base}/{noun}", body, "administrator")["id"]

        def alias(noun: str) -> tuple[int, str]:
            answer = self._made(f"{base}/{noun}", {}, "administrator")
            return answer["id"], answer["url"].rpartition("/")[2]

        name = f"{project.name}-spare"
        secret = {"operation": "create", "type": "var", "name": "S", "secret": SECRET}
        ids: dict[str, Any] = {
            "project_id": project.id,
            "view_id": made("views", title=name),
            "key_id": made("keys", name=name, type="none"),
            "password_id": made(
                "keys",
                name=f"{name} password",
                type="login_password",
                login_password={"login": "me", "password": SECRET},
            ),
            "inventory_id": made("inventory", name=name, type="static"),
            "environment_id": made(
                "environment", name=name, json="{}", secrets=[secret]
            ),
        }
        key = made("keys", name=f"{name} used", type="none")
        used, ids["repository_id"] = (
            made(
                "repositories",
                name=each,
                git_url="https://git.example/a.git",
                git_branch="main",
                ssh_key_id=key,
            )
            for each in (f"{name} used", name)
        )
        checked = b'{"status":"success","ended":"2026-01-02T03:04:05Z"}'
        assert json.loads(checked)["ended"] == f"{BEGINNING:%Y-%m-%dT%H:%M:%SZ}"
        self.conn.update(
            schema.repository, ids["repository_id"], checked=checked.decode()
        )
        ids["template_id"], hooked = (
            make_template(self.conn, project, repository_id=used, name=each)
            for each in (name, f"{name} hooked")
        )
        ids["integration_id"] = one = made(
            "integrations", name=name, template_id=hooked, keep_bodies=True
        )
        part = {"body_data_type": "json", "key": "ref"}
        ids["matcher_id"] = made(
            f"integrations/{one}/matchers",
            **{"name": "M", "match_type": "body", "method": "unequals", **part},
            value="other",
        )
        ids["value_id"] = made(
            f"integrations/{one}/values",
            **{"name": "V", "value_source": "body", "variable": "branch", **part},
        )
        ids["alias_id"], ids["alias"] = alias(f"integrations/{one}/aliases")
        ids["project_alias_id"], _ = alias("integrations/aliases")
        sent = self.clients["anonymous"].post(
            f"/api/integrations/{ids['alias']}", {"ref": "main"}
        )
        assert sent.status == 204, sent
        listed = self.clients["administrator"].get(f"{base}/integrations/deliveries")
        ids["delivery_id"] = listed.json[0]["id"]
        ids["schedule_id"] = made(
            "schedules",
            name=name,
            template_id=ids["template_id"],
            cron_format="0 7 * * *",
        )
        ids["task_id"] = make_task(self.conn, project, ids["template_id"])
        ids["ended_task_id"] = make_task(
            self.conn, project, ids["template_id"], status=TaskStatus.SUCCESS
        )
        ids |= self._workspace(project, ids["password_id"])
        host = self._made(f"{base}/vpn/peers", self._peer(), "administrator")
        ids["host_id"] = host["peer"]["id"]
        invite = self._made(f"{base}/vpn/invites", {}, "administrator")
        ids["host_invite_id"] = invite["invite"]["id"]
        return ids

    def _workspace(self, project: Project, key_id: int) -> dict[str, Any]:
        """Make a workspace of Terraform, with a template, an alias and a version."""
        base, name = f"/api/project/{project.id}", f"{project.name}-spare"
        body = {"name": f"{name} workspace", "type": "tofu-workspace"}
        number = self._made(
            f"{base}/inventory", {**body, "inventory": "prod"}, "administrator"
        )["id"]
        terraform = f"{base}/inventory/{number}/terraform"
        alias = self._made(
            f"{terraform}/aliases", {"auth_key_id": key_id}, "administrator"
        )
        state = {"version": 4, "lineage": "a-b", "outputs": {}}
        login = b64encode(f"me:{SECRET}".encode()).decode()
        place = alias["url"].rpartition("/")[2]
        for serial in (1, 2):
            sent = self.clients["anonymous"].post(
                f"/api/terraform/{place}",
                {**state, "serial": serial},
                headers={"Authorization": f"Basic {login}"},
            )
            assert sent.status == 200, sent
        versions = self.clients["administrator"].get(f"{terraform}/states").json
        template = make_template(
            self.conn, project, app="tofu", name=f"{name} tofu", inventory_id=number
        )
        attached = self.clients["administrator"].post(
            f"{base}/templates/{template}/inventory/{number}/attach"
        )
        assert attached.status == 204, attached
        return {
            "tofu_id": template,
            "workspace_id": number,
            "state_alias_id": alias["id"],
            "state_alias": place,
            "state_id": versions[1]["id"],
        }

    def _peer(self) -> dict[str, Any]:
        number = next(self._numbers)
        return {"name": f"peer-{number}", "public_key": public_key(number)}

    def _belongings(
        self, name: str, user: User | None, prefix: str = "own_"
    ) -> dict[str, Any]:
        """Make a device, an invite, a token and a second session of *user*."""
        none = dict.fromkeys(
            ("user_id", "peer_id", "invite_id", "token_id", "session_id"), MISSING
        )
        if user is None or name == "disabled":
            return {f"{prefix}{key}": value for key, value in none.items()}
        peer = self._made("/api/vpn/peers", self._peer(), name)["peer"]["id"]
        invite = self._made("/api/vpn/invites", {}, name)
        token, _ = make_token(self.conn, user)
        make_session(self.conn, user)
        number = self.conn.raw.execute("SELECT max(id) FROM session").fetchone()[0]
        found = {
            "user_id": user.id,
            "peer_id": peer,
            "invite_id": invite["invite"]["id"],
            "invite_token": invite["token"],
            "token_id": token,
            "session_id": number,
        }
        return {f"{prefix}{key}": value for key, value in found.items()}

    def restore(self) -> None:
        """Undo each change."""
        self._saved.backup(self.conn.raw)
        self._image = self.conn.raw.serialize()
        self._known_hosts.write_text(f"one {KEY}\n")
        self._peers.known = replace(UP, unsafe=True)  # a removal waits to be confirmed
        self._site.clock.advance(60)  # the limits of deliveries

    def changed(self) -> list[str]:
        """Return the tables that differ from their state after :meth:`restore`."""
        if self.conn.raw.serialize() == self._image:
            return []
        names = schema.metadata.tables
        return sorted(
            name
            for name in names
            if _rows(self.conn.raw, name) != _rows(self._saved, name)
        )

    def ids_of(self, role: str) -> dict[str, Any]:
        """Return the ids by name, as *role* uses them."""
        return {**self.ids, **self.own[role]}

    def ask(
        self,
        row: Row,
        role: str,
        *,
        method: str | None = None,
        ids: Mapping[str, object] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send the request of *row* as *role*; *ids* and *body* replace the usual."""
        known = self.ids_of(role) if ids is None else ids
        content = row.content(known) if body is None else body
        client = self.clients[role]
        return client.request(method or row.method, row.address(known), content)


def _rows(raw: sqlite3.Connection, table: str) -> Sequence[Any]:
    return sorted(raw.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr)
