"""Tests of the routes of apps, and of the options that hold the same settings."""

from typing import Any

from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.apps import APPS
from semaphore_twisted.model.users import Role
from semaphore_twisted.web.http.options import WebOptions
from tests.support.http import Answer, ApiClient, api_client
from tests.support.memory import make_member, make_user
from tests.support.resources import ResourceTestCase

PERL = {
    "title": "Perl Script",
    "icon": "mdi-language-perl",
    "color": "#39457e",
    "dark_color": "white",
    "path": "/usr/bin/perl",
    "args": ["-w"],
    "priority": 50,
    "active": True,
}


class AppCase(ResourceTestCase):
    """An administrator, and a manager of a project."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.site.login()
        self.admin = self.site

    def stored(self, name: str, **body: Any) -> None:
        """Set fields of an app."""
        answer = self.admin.post(f"/api/apps/{name}", body)
        self.assertEqual((answer.status, answer.body), (204, b""), answer.body)

    def ids(self, client: ApiClient) -> list[str]:
        """Return the ids in the list of apps."""
        return [each["id"] for each in client.get("/api/apps").json]

    def events(self) -> list[tuple[str, str, int]]:
        """Return the events about apps: description, action and user."""
        found: list[tuple[str, str, int]] = self.conn.raw.execute(
            "SELECT description, action, user_id FROM event WHERE object_type = 'app'"
            " ORDER BY id"
        ).fetchall()
        return found


#: The built-in apps that are switched on without settings.
ACTIVE = ["ansible", "terraform", "terragrunt", "tofu", "bash", "python"]
WITHOUT_BASH = [each for each in ACTIVE if each != "bash"]


class RouteTests(AppCase):
    """Apps are shown, added, changed, switched and deleted."""

    def test_list(self) -> None:
        """Users see active apps, administrators all; the shape is Semaphore's."""
        self.assertEqual(self.ids(self.client), ACTIVE)
        everything = [*ACTIVE, "powershell", "pulumi"]
        self.assertEqual(self.ids(self.admin), everything)
        apps = {each["id"]: each for each in self.admin.get("/api/apps").json}
        self.assertEqual(
            set(apps["bash"]),
            {
                *("id", "title", "icon", "color", "dark_color", "active", "path"),
                *("args", "priority", "installed"),
            },
        )
        self.assertIsNone(apps["bash"]["args"])
        self.assertEqual(apps["powershell"]["args"], ["-File"])
        self.assertFalse(apps["powershell"]["active"])

    def test_custom(self) -> None:
        """A custom app lives as upstream's: POST, GET, PUT, DELETE."""
        path = "/api/apps/perl"
        self.assertEqual(self.admin.get(path).status, 404)
        self.stored("perl", **PERL)
        self.assertEqual(self.admin.get(path).json, PERL)
        self.assertIn("perl", self.ids(self.client))
        answer = self.admin.put(path, {**PERL, "title": "Perl 5", "priority": 2000})
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.ids(self.client)[0], "perl")
        self.assertEqual(self.admin.get(path).json["title"], "Perl 5")
        self.assertEqual(self.admin.delete(path).status, 204)
        self.assertEqual(self.admin.get(path).status, 404)
        self.assertEqual(self.admin.delete(path).status, 404)
        self.assertEqual(
            [(what, action) for what, action, _ in self.events()],
            [
                ("App perl created", "created"),
                ("App perl changed", "updated"),
                ("App perl deleted", "deleted"),
            ],
        )

    def test_put_creates(self) -> None:
        """PUT and POST are the same, as in Semaphore; usual values are filled in."""
        self.assertEqual(self.admin.put("/api/apps/awk", {}).status, 204)
        shown = self.admin.get("/api/apps/awk").json
        self.assertEqual((shown["title"], shown["path"]), ("awk", "awk"))
        self.assertTrue(shown["active"])

    def test_known(self) -> None:
        """The settings of an app that the server knows are changed, and reset."""
        path = "/api/apps/python"
        usual = self.admin.get(path).json
        self.stored("python", title="Snake", path="/opt/py", priority=-1, args=["-u"])
        changed = {**usual, "title": "Snake", "path": "/opt/py", "priority": -1}
        self.assertEqual(self.admin.get(path).json, {**changed, "args": ["-u"]})
        self.stored("python", title=None, args=None)
        shown = self.admin.get(path).json
        self.assertEqual((shown["title"], shown["args"]), (usual["title"], None))
        self.assertEqual(shown["path"], "/opt/py")
        self.assertEqual(self.admin.delete(path).status, 204)
        self.assertEqual(self.admin.get(path).json, usual)
        self.assertEqual(self.events()[-1][0], "App python reset")
        self.assertEqual(self.conn.raw.execute("SELECT * FROM app").fetchall(), [])

    def test_missing_fields(self) -> None:
        """A field that is not sent keeps its value."""
        self.stored("perl", **PERL)
        self.stored("perl", priority=51)
        self.assertEqual(
            self.admin.get("/api/apps/perl").json, {**PERL, "priority": 51}
        )

    def test_active(self) -> None:
        """An app is switched off and on; the second time changes nothing."""
        for active, ids in ((False, WITHOUT_BASH), (True, None)):
            for _ in range(2):
                answer = self.admin.post("/api/apps/bash/active", {"active": active})
                self.assertEqual((answer.status, answer.body), (204, b""))
            if ids:
                self.assertEqual(self.ids(self.client), ids)
        self.assertEqual(len(self.events()), 2)
        self.assertEqual(self.conn.raw.execute("SELECT * FROM app").fetchall(), [])
        answer = self.admin.post("/api/apps/nothing/active", {"active": True})
        self.assertEqual(answer.status, 404)
        answer = self.admin.post("/api/apps/bash/active", {})
        self.refused(answer, "active")

    def test_rights(self) -> None:
        """Only administrators see and change apps and options one by one."""
        owner = self.client
        runner = make_user(self.conn, "runner")
        make_member(self.conn, self.project, runner, Role.TASK_RUNNER)
        for client in (owner, self.site.as_user(runner)):
            for answer in (
                client.get("/api/apps/bash"),
                client.post("/api/apps/perl", PERL),
                client.put("/api/apps/bash", PERL),
                client.post("/api/apps/bash/active", {"active": False}),
                client.delete("/api/apps/bash"),
                client.get("/api/admin/apps"),
                client.get("/api/options"),
                client.post("/api/options", {"key": "apps.bash.active", "value": ""}),
            ):
                self.assertEqual(answer.status, 403, answer.body)
        self.assertEqual(self.ids(owner), ACTIVE)
        self.assertEqual(self.events(), [])

    def test_refused(self) -> None:
        """A wrong value is named, and nothing is stored."""
        for name, body, field in (
            ("bash", {"path": "bin/bash"}, "path"),
            ("bash", {"color": "red; x: url(y)"}, "color"),
            ("bash", {"dark_color": "</style>"}, "dark_color"),
            ("bash", {"icon": "<svg>"}, "icon"),
            ("bash", {"title": "a\nb"}, "title"),
            ("bash", {"title": "x" * 256}, "title"),
            ("bash", {"priority": "high"}, "priority"),
            ("bash", {"args": "-x"}, "args"),
            ("bash", {"args": ["x" * 4097]}, "args"),
            ("bash", {"active": "yes"}, "active"),
            ("ansible", {"args": ["-v"]}, "args"),
            ("a.b", {}, "id"),
            ("%3Cb%3E", {}, "id"),
        ):
            answer = self.admin.post(f"/api/apps/{name}", body)
            self.refused(answer, field)
            self.assertEqual(answer.json["field"].partition("[")[0], field, answer.json)
        self.assertEqual(self.conn.raw.execute("SELECT * FROM app").fetchall(), [])

    def test_other_case(self) -> None:
        """An id differs from those of other apps by more than the case of letters."""
        self.stored("perl", path="/usr/bin/perl")
        for name, other in (("Ansible", "ansible"), ("PERL", "perl"), ("ToFu", "tofu")):
            answer = self.admin.post(f"/api/apps/{name}", PERL)
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json["field"], "id")
            self.assertIn(f'"{other}"', answer.json["error"])
        self.assertEqual(set(self.ids(self.admin)) - set(APPS), {"perl"})
        self.stored("perl", title="Perl")

    def test_markup_is_text(self) -> None:
        """A title is any line of text; it comes back as JSON, never as markup."""
        self.stored("perl", title="<img src=x onerror=alert(1)>")
        answer = self.admin.get("/api/apps/perl")
        self.assertEqual(answer.json["title"], "<img src=x onerror=alert(1)>")
        self.assertEqual(answer.header("content-type"), "application/json")

    def test_number(self) -> None:
        """The number of apps with settings is limited."""
        rows = [(f"a{number}",) for number in range(limits.APPS)]
        self.conn.raw.executemany("INSERT INTO app (id) VALUES (?)", rows)
        answer = self.admin.post("/api/apps/more", {})
        self.refused(answer, f"{limits.APPS} apps")
        self.stored("a1", title="Still changed")

    def test_used(self) -> None:
        """A custom app that templates run cannot be deleted; their number is named."""
        self.stored("perl", **PERL)
        for name in ("One", "Two"):
            self.made("templates", **self.template(name=name, app="perl"))
        answer = self.admin.delete("/api/apps/perl")
        self.refused(answer, '2 templates run the app "perl"')
        self.assertTrue(answer.json["inUse"])
        self.assertIn("perl", self.ids(self.client))
        for each in self.listed("templates"):
            self.client.delete(f"{self.base}/templates/{each['id']}")
        self.assertEqual(self.admin.delete("/api/apps/perl").status, 204)

    def test_reset_while_used(self) -> None:
        """An app that the server knows is reset even if templates run it."""
        self.made("templates", **self.template())
        self.stored("bash", title="Shell")
        self.assertEqual(self.admin.delete("/api/apps/bash").status, 204)


class UseTests(AppCase):
    """Templates and tasks use the settings that hold."""

    def test_template(self) -> None:
        """A template and a task of a custom app; the rules are those of scripts."""
        self.refused(
            self.client.post(f"{self.base}/templates", self.template(app="perl")),
            "Invalid app id: perl",
        )
        self.stored("perl", **PERL)
        number = self.made("templates", **self.template(app="perl"))["id"]
        self.assertEqual(self.shown("templates", number)["app"], "perl")
        self.made("tasks", template_id=number)
        answer = self.client.post(
            f"{self.base}/tasks", {"template_id": number, "dry_run": True}
        )
        self.refused(answer, "dry run is not supported for perl")

    def test_off(self) -> None:
        """An app that is off is refused for new templates and runs, with a reason."""
        number = self.made("templates", **self.template())["id"]
        other = self.made("templates", **self.template(name="O", app="python"))["id"]
        self.stored("bash", active=False)
        words = ('The app "bash" is switched off', "administration, under Applications")
        answer = self.client.post(f"{self.base}/templates", self.template(name="B"))
        self.refused(answer, *words)
        self.assertEqual(answer.json["field"], "app")
        answer = self.client.post(f"{self.base}/tasks", {"template_id": number})
        self.refused(answer, *words)
        path = f"{self.base}/templates/{other}"
        self.refused(self.client.put(path, {**self.template(), "id": other}), *words)
        # what has the app already can be edited
        body = {**self.shown("templates", number), "name": "Renamed"}
        path = f"{self.base}/templates/{number}"
        self.assertEqual(self.client.put(path, body).status, 204)
        self.stored("bash", active=None)
        self.made("tasks", template_id=number)

    def test_backup(self) -> None:
        """A backup with an app that is off is restored, and runs once it is on."""
        self.stored("perl", **PERL)
        self.made("templates", **self.template(app="perl"))
        backup = self.client.get(f"{self.base}/backup").json
        self.stored("perl", active=False)
        backup["meta"]["name"] = "Again"
        answer = self.admin.post("/api/projects/restore", backup)
        self.assertEqual(answer.status, 200, answer.body)
        base = f"/api/project/{answer.json['id']}"
        (found,) = self.admin.get(f"{base}/templates").json
        self.assertEqual(found["app"], "perl")
        answer = self.admin.post(f"{base}/tasks", {"template_id": found["id"]})
        self.refused(answer, "is switched off")


class DetailTests(AppCase):
    """The details of each app in the administration."""

    def detail(self, name: str, client: ApiClient | None = None) -> Any:
        """Return the details of an app."""
        shown = (client or self.admin).get("/api/admin/apps").json
        return next(each for each in shown if each["id"] == name)

    def test_programs(self) -> None:
        """The place of a program is shown, or how to install it."""
        options = WebOptions(
            place_of_program=lambda name: "/usr/bin/perl" if name == "perl" else ""
        )
        admin = api_client(database=self.site.database, options=options)
        admin.login()
        self.stored("perl")
        found = self.detail("perl", admin)
        self.assertEqual((found["found"], found["install"]), ("/usr/bin/perl", ""))
        found = self.detail("ansible", admin)
        self.assertEqual(
            (found["found"], found["install"]), ("", "pip install ansible-core")
        )
        apps = {each["id"]: each for each in admin.get("/api/apps").json}
        self.assertTrue(apps["perl"]["installed"])
        self.assertFalse(apps["ansible"]["installed"])
        found = self.detail("terraform", admin)
        self.assertEqual(
            (found["install"], found["package"]),
            ("the package terraform", "terraform"),
        )

    def test_use(self) -> None:
        """The number of templates, and what was changed, are shown."""
        self.made("templates", **self.template())
        self.stored("bash", title="Shell", active=True)
        self.stored("perl", **PERL)
        bash, perl, python = map(self.detail, ("bash", "perl", "python"))
        self.assertEqual((bash["custom"], bash["templates"]), (False, 1))
        self.assertEqual(bash["changed"], ["active", "title"])
        self.assertEqual((perl["custom"], perl["templates"]), (True, 0))
        self.assertEqual(python["changed"], [])
        self.assertTrue(python["takes_arguments"])
        self.assertFalse(self.detail("ansible")["takes_arguments"])


class OptionTests(AppCase):
    """The same settings as options, as in Semaphore."""

    def set(self, key: str, value: str) -> Answer:
        """Set an option."""
        return self.admin.post("/api/options", {"key": key, "value": value})

    def test_life(self) -> None:
        """Options are set, shown as a flat object, and given back."""
        self.assertEqual(self.admin.get("/api/options").json, {})
        for key, value in (
            ("apps.bash.active", "false"),
            ("apps.bash.priority", "7"),
            ("apps.bash.title", "Shell"),
            ("apps.bash.args", '["-e"]'),
        ):
            answer = self.set(key, value)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(answer.json, {"key": key, "value": value})
        self.assertEqual(
            self.admin.get("/api/options").json,
            {
                "apps.bash.active": "false",
                "apps.bash.priority": "7",
                "apps.bash.title": "Shell",
                "apps.bash.args": '["-e"]',
            },
        )
        shown = self.admin.get("/api/apps/bash").json
        self.assertEqual((shown["title"], shown["args"]), ("Shell", ["-e"]))
        self.assertEqual(self.ids(self.client), WITHOUT_BASH)
        for field in ("active", "priority", "title", "args"):
            self.assertEqual(self.set(f"apps.bash.{field}", "").status, 200)
        self.assertEqual(self.admin.get("/api/options").json, {})

    def test_secrets_of_the_installation(self) -> None:
        """Nothing else that the database keeps is an option."""
        self.conn.raw.execute("INSERT INTO option VALUES ('canary', 'x')")
        self.assertEqual(self.admin.get("/api/options").json, {})

    def test_unknown(self) -> None:
        """An unknown key is refused with its name, and nothing is stored."""
        for key in (
            "",
            "apps",
            "apps.bash",
            "apps.bash.colour",
            "apps.bash.active.x",
            "web_host",
            "canary",
            "x" * 255,
        ):
            answer = self.set(key, "true")
            self.refused(answer, "key: unknown option", "apps.ID.FIELD")
            self.assertIn(key[:90], answer.json["error"])
            self.assertEqual(answer.json["field"], "key")
        answer = self.set("apps.perl.active", "true")
        self.refused(answer, 'there is no app "perl"', "POST /api/apps/perl")
        self.assertEqual(self.admin.get("/api/options").json, {})

    def test_values(self) -> None:
        """A wrong value is refused as on the route of the app."""
        for field, value in (
            ("active", "yes"),
            ("priority", "1.5"),
            ("priority", "9999999"),
            ("args", "-e"),
            ("args", "[1]"),
            ("path", "a b"),
            ("color", "a;b"),
            ("title", "a\tb"),
        ):
            answer = self.set(f"apps.bash.{field}", value)
            self.assertEqual(answer.status, 400, (field, value))
            self.assertEqual(answer.json["field"], "value", answer.json)
        self.assertEqual(self.admin.get("/api/options").json, {})
