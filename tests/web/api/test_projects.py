"""Tests of the routes of projects, members, views and events."""

from typing import Any

from semaphore_twisted.config.options import Config
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations import events
from semaphore_twisted.web.http.options import WebOptions
from tests.support.http import DEMO, Answer, ApiClient, api_client
from tests.support.memory import make_member, make_user
from tests.support.resources import ResourceTestCase

_SHAPE = [
    "id",
    "name",
    "created",
    "alert",
    "alert_chat",
    "max_parallel_tasks",
    "type",
]


class ProjectTests(ResourceTestCase):
    """Projects are made, listed, changed and deleted."""

    def admin(self) -> ApiClient:
        """Return the administrator's client."""
        self.site.login()
        return self.site

    def test_create(self) -> None:
        """A new project has exactly its fields, a key None and an environment Empty."""
        admin = self.admin()
        answer = admin.post("/api/projects", {"name": "New", "max_parallel_tasks": 3})
        self.assertEqual(answer.status, 201)
        self.assertEqual(list(answer.json), _SHAPE)
        self.assertRegex(answer.json["created"], r"T\d\d:\d\d:\d\dZ$")
        base = f"/api/project/{answer.json['id']}"
        self.assertEqual(admin.get(base).json, answer.json)
        (key,) = admin.get(f"{base}/keys").json
        self.assertEqual((key["name"], key["type"]), ("None", "none"))
        (environment,) = admin.get(f"{base}/environment").json
        self.assertEqual((environment["name"], environment["json"]), ("Empty", "{}"))
        self.assertEqual(
            admin.get(f"{base}/role").json, {"role": "owner", "permissions": 15}
        )

    def test_demo(self) -> None:
        """A demo project has a repository, an inventory and three templates."""
        admin = self.admin()
        answer = admin.post("/api/projects", {"name": "Try", "demo": True})
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual((list(answer.json), answer.json["name"]), (_SHAPE, "Try"))
        base = f"/api/project/{answer.json['id']}"
        (repository,) = admin.get(f"{base}/repositories").json
        self.assertEqual(repository["git_url"], DEMO.url)
        (inventory,) = admin.get(f"{base}/inventory").json
        self.assertIn("ansible_connection=local", inventory["inventory"])
        found = [each["playbook"] for each in admin.get(f"{base}/templates").json]
        self.assertEqual(sorted(found), ["disk-usage.sh", "failing.sh", "ping.yml"])

    def test_demo_refused(self) -> None:
        """Who may not create a project, or sends a bad name, gets no demo either."""
        body = {"name": "x", "demo": True}
        self.assertEqual(self.client.post("/api/projects", body).status, 403)
        self.refused(self.admin().post("/api/projects", {"demo": True}), "name")
        names = [each["name"] for each in self.admin().get("/api/projects").json]
        self.assertEqual(names, ["Other", "Site"])

    def test_who_may(self) -> None:
        """Only administrators make projects, unless an option lets everybody."""
        self.assertEqual(self.client.post("/api/projects", {"name": "x"}).status, 403)
        options = WebOptions(config=Config(non_admin_can_create_project=True))
        open_site = api_client(database=self.site.database, options=options)
        answer = open_site.as_user(self.user).post("/api/projects", {"name": "x"})
        self.assertEqual(answer.status, 201)

    def test_list(self) -> None:
        """One sees one's own, an administrator all; a slash makes no difference."""
        names = [each["name"] for each in self.client.get("/api/projects/").json]
        self.assertEqual(names, ["Site"])
        names = [each["name"] for each in self.admin().get("/api/projects").json]
        self.assertEqual(names, ["Other", "Site"])

    def test_change(self) -> None:
        """A PUT replaces all fields; the id may be missing, and must not differ."""
        body = {**self.client.get(self.base).json, "name": "Renamed", "demo": True}
        self.assertEqual(self.client.put(self.base, body).status, 204)
        self.assertEqual(self.client.get(self.base).json["name"], "Renamed")
        body["id"] = self.other.id
        answer = self.client.put(self.base, body)
        self.refused(answer, "Project ID in body and URL must be the same")
        self.assertEqual(self.client.put(self.base, {"name": "Again"}).status, 204)
        self.refused(self.client.put(self.base, {}), "name")

    def test_delete(self) -> None:
        """Deleting a project deletes all its objects."""
        self.assertEqual(self.client.delete(self.base).status, 204)
        self.assertEqual(self.client.get(self.base).status, 404)
        self.assertEqual(self.client.get(f"{self.base}/keys").status, 404)

    def test_admin_without_role(self) -> None:
        """An administrator who is no member has no role, and every right."""
        admin = self.admin()
        self.assertEqual(
            admin.get(f"{self.base}/role").json, {"role": "", "permissions": 0}
        )
        self.assertEqual(admin.get(f"{self.base}/keys").status, 200)

    def test_roles(self) -> None:
        """Each role has its bits."""
        for role, bits in (
            (Role.MANAGER, 5),
            (Role.TASK_RUNNER, 1),
            (Role.GUEST, 0),
        ):
            user = make_user(self.conn, role.value)
            make_member(self.conn, self.project, user, role)
            own = self.site.as_user(user).get(f"{self.base}/role").json
            self.assertEqual(own, {"role": role.value, "permissions": bits})


class MemberTests(ResourceTestCase):
    """Members are added, changed and removed by owners."""

    def add(self, user_id: Any, role: str = "guest") -> Answer:
        """Add a member."""
        return self.client.post(
            f"{self.base}/users", {"user_id": user_id, "role": role}
        )

    def test_life(self) -> None:
        """A member is added, shown, changed and removed."""
        bob = make_user(self.conn, "bob")
        path = f"{self.base}/users/{bob.id}"
        self.assertEqual(self.add(bob.id).status, 204)
        listed = self.client.get(f"{self.base}/users?sort=name&order=desc").json
        self.assertEqual(
            {each["username"]: each["role"] for each in listed},
            {"alice": "owner", "bob": "guest"},
        )
        self.assertEqual(list(listed[0]), ["id", "name", "username", "role"])
        self.assertEqual(self.client.get(path).json["email"], "bob@example.com")
        self.assertEqual(self.client.put(path, {"role": "manager"}).status, 204)
        client = self.site.as_user(bob)
        self.assertEqual(client.get(f"{self.base}/role").json["role"], "manager")
        self.assertEqual(client.get(path).json["email"], "bob@example.com")
        owner = next(each["id"] for each in listed if each["role"] == "owner")
        for where in (f"{self.base}/users/{owner}", f"/api/users/{owner}"):
            self.assertEqual(
                list(client.get(where).json), ["id", "username", "name"], where
            )
        self.assertEqual(self.client.delete(path).status, 204)
        self.assertEqual(client.get(self.base).status, 404)
        self.assertEqual(self.client.delete(path).status, 404)

    def test_refused(self) -> None:
        """Unknown roles and users are a 400, a member is a 409."""
        bob = make_user(self.conn, "bob")
        self.refused(self.add(bob.id, "Owner"))
        self.refused(self.add(bob.id, "boss"))
        self.refused(self.add(987654))
        self.assertEqual(self.add(bob.id).status, 204)
        self.assertEqual(self.add(bob.id).status, 409)

    def test_manager(self) -> None:
        """A manager can neither become owner nor demote or remove the owner."""
        mary = make_user(self.conn, "mary")
        make_member(self.conn, self.project, mary, Role.MANAGER)
        client = self.site.as_user(mary)
        path = f"{self.base}/users"
        for answer in (
            client.put(f"{path}/{mary.id}", {"role": "owner"}),
            client.put(f"{path}/{self.user.id}", {"role": "guest"}),
            client.delete(f"{path}/{self.user.id}"),
        ):
            self.assertEqual(answer.status, 403)

    def test_last_owner(self) -> None:
        """The last owner cannot be removed or demoted, and cannot leave."""
        path = f"{self.base}/users/{self.user.id}"
        self.refused(self.client.delete(path))
        self.refused(self.client.put(path, {"role": "guest"}))
        self.refused(self.client.delete(f"{self.base}/me"))

    def test_leave(self) -> None:
        """Every other member can leave."""
        guest = self.guest()
        self.assertEqual(guest.delete(f"{self.base}/me").status, 204)
        self.assertEqual(guest.get(self.base).status, 404)


class ViewTests(ResourceTestCase):
    """Views are the tabs of templates."""

    def test_life(self) -> None:
        """A view is made, listed by position, changed and deleted."""
        first = self.made("views", title="One", position=2, project_id=self.project.id)
        second = self.made("views", title="Two", position=1)
        self.assertEqual(list(first), ["id", "project_id", "title", "position"])
        titles = [each["title"] for each in self.listed("views")]
        self.assertEqual(titles, ["Two", "One"])
        order = {str(first["id"]): 0, str(second["id"]): 5}
        path = f"{self.base}/views"
        self.assertEqual(self.client.post(f"{path}/positions", order).status, 204)
        titles = [each["title"] for each in self.listed("views")]
        self.assertEqual(titles, ["One", "Two"])
        one = f"{path}/{first['id']}"
        self.assertEqual(self.client.put(one, {**first, "title": "Uno"}).status, 204)
        self.assertEqual(self.client.get(one).json["title"], "Uno")
        self.assertEqual(self.client.delete(one).status, 204)
        self.assertEqual(self.client.get(one).status, 404)

    def test_templates(self) -> None:
        """The templates of a view are listed in the view's order, or as asked."""
        sent = {"title": "V", "sort_column": "playbook", "sort_reverse": True}
        tab = self.made("views", **sent)
        self.assertEqual(tab | sent, tab)
        for name, script, view in (
            ("a", "2", tab["id"]),
            ("b", "3", tab["id"]),
            ("c", "1", None),
        ):
            self.made(
                "templates", **self.template(name=name, playbook=script, view_id=view)
            )
        path = f"views/{tab['id']}/templates"
        self.assertEqual(self.names(path), ["b", "a"])
        self.assertEqual(self.names(path, "?sort=name"), ["a", "b"])
        self.assertEqual(self.names(path, "?limit=1"), ["b"])
        self.assertEqual(self.names(path, "?search=2"), ["a"])
        every = self.made("views", title="All", type="all", hidden=True)
        self.assertEqual(self.names(f"views/{every['id']}/templates"), ["a", "b", "c"])
        answer = self.guest().get(f"{self.base}/{path}")
        self.assertEqual(answer.status, 200)
        answer = self.client.get(f"{self.base}/views/999/templates")
        self.assertEqual(answer.status, 404)

    def test_refused(self) -> None:
        """An empty title, another id and another project are refused."""
        path = f"{self.base}/views"
        self.refused(self.client.post(path, {"title": ""}), "title")
        body = {"title": "x", "project_id": self.other.id}
        self.refused(self.client.post(path, body), "Project ID")
        view = self.made("views", title="One")
        body = {**view, "id": view["id"] + 1}
        self.refused(
            self.client.put(f"{path}/{view['id']}", body),
            "View ID in URL and in body must be the same",
        )
        self.refused(self.client.post(f"{path}/positions", {"987654": 1}))


class EventTests(ResourceTestCase):
    """Actions are recorded, and visible by role."""

    def test_record(self) -> None:
        """A change is in the project's events, newest first, with its actor."""
        self.made("views", title="One")
        self.made("views", title="Two")
        for path in ("events", "events/last"):
            newest, older = self.listed(path)[:2]
            self.assertEqual(newest["object_name"], "Two")
            self.assertEqual(older["object_name"], "One")
            self.assertEqual(newest["username"], "alice")
            self.assertEqual(newest["object_type"], "view")
            self.assertEqual(newest["project_id"], self.project.id)

    def test_pages(self) -> None:
        """The default page is the newest thousand; a link leads to older ones."""
        for number in range(2_300):
            events.record(
                self.conn,
                None,
                object_type="view",
                object_id=number,
                object_name=f"{number} {'x' * 300}",
                description="made",
                project_id=self.project.id,
            )
        for path in ("/api/events", f"{self.base}/events"):
            found: list[int] = []
            query = ""
            while True:
                answer = self.client.get(path + query)
                self.assertEqual(answer.status, 200)
                found += [
                    each["object_id"]
                    for each in answer.json
                    if each["object_type"] == "view"
                ]
                self.assertLessEqual(len(answer.json), 1_000)
                link = answer.header("link")
                self.assertEqual(answer.header("x-has-next"), str(bool(link)).lower())
                if link is None:
                    break
                query, _, kind = link.partition("; ")
                self.assertEqual(kind, 'rel="next"')
                query = query.strip("<>")
            self.assertEqual(found, list(range(2_299, -1, -1)))
            self.assertEqual(len(self.client.get(f"{path}?limit=7").json), 7)
            self.assertEqual(len(self.client.get(f"{path}/last").json), 200)

    def test_wrong_parameters(self) -> None:
        """An unknown parameter is refused with the accepted ones."""
        for query, wanted in (
            ("limit=0", "limit must be a number from 1 to 1000"),
            ("limit=1001", "limit must be a number from 1 to 1000"),
            ("limit=-1", "limit must be a number from 1 to 1000"),
            ("before=x", "before must be a number from 1 to 9223372036854775807"),
            ("before=99999999999999999999999", "before must be a number from 1 to"),
        ):
            answer = self.client.get(f"/api/events?{query}")
            self.assertEqual(answer.status, 400)
            self.assertIn(wanted, answer.json["error"])

    def test_who_sees(self) -> None:
        """Events of other users' projects are not listed."""
        self.made("views", title="Hidden")
        stranger = self.site.as_user(make_user(self.conn, "stan"))
        for path in ("/api/events", "/api/events/last"):
            self.assertNotIn(b"Hidden", stranger.get(path).body)
            self.assertIn(b"Hidden", self.client.get(path).body)
        self.assertEqual(stranger.get(f"{self.base}/events").status, 404)
