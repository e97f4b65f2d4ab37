"""Tests of the receiving route of webhooks, and of the log of deliveries."""

import hmac
from base64 import b64encode
from datetime import timedelta
from typing import Any

import msgspec
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from semaphore_twisted.config.options import Config
from semaphore_twisted.model import limits
from semaphore_twisted.model.ids import DeliveryId
from semaphore_twisted.model.integrations import Delivery
from semaphore_twisted.model.users import Role
from semaphore_twisted.operations.webhooks import deliveries
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.integration_tables import integration
from semaphore_twisted.persistence.statements.webhooks import (
    deliveries as statements,
)
from semaphore_twisted.web.http.hook_limit import BURST, HASHED
from semaphore_twisted.web.http.options import WebOptions
from tests.support.dumps import dump
from tests.support.http import Answer, ApiClient, api_client, at_once
from tests.support.memory import make_member, make_project, make_user
from tests.web.api.test_integrations import (
    MATCHER,
    VALUE,
    IntegrationTestCase,
)

SECRET = "It's a Secret to Everybody"


class WebhookTestCase(IntegrationTestCase):
    """A project with an integration that has an alias of its own."""

    def setUp(self) -> None:
        """Make a client without credentials."""
        super().setUp()
        self.sender = self.site.anonymous()

    def alias(self, number: int | None = None) -> str:
        """Make an alias of an integration or of the project; return its path."""
        below = "aliases" if number is None else f"{number}/aliases"
        answer = self.client.post(f"{self.base}/integrations/{below}")
        url: str = answer.json["url"]
        return url.removeprefix("https://semaphore.example")

    def secret(self, **body: Any) -> int:
        """Make an access key with the secret."""
        sent = {"name": "Hook", "type": "string", "string": SECRET, **body}
        number: int = self.made("keys", **sent)["id"]
        return number

    def deliver(
        self, path: str, body: Any = b"{}", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a delivery, and check that the answer says nothing."""
        answer = self.sender.post(path, body, headers=headers)
        self.assertEqual((answer.status, answer.body), (204, b""))
        return answer

    def tasks(self) -> Any:
        """Return the tasks of the project, newest first."""
        return self.listed("tasks")

    def log(self, query: str = "") -> Any:
        """Return the log of deliveries."""
        return self.listed("integrations/deliveries", query)

    def result(self) -> tuple[str, str]:
        """Return outcome and reason of the newest delivery."""
        (found,) = self.log()[0]["results"]
        return found["outcome"], found["reason"]


class ReceivingTests(WebhookTestCase):
    """What a delivery starts."""

    def test_started(self) -> None:
        """A delivery to an alias of an integration starts a task of its template."""
        number = self.integration()
        self.deliver(self.alias(number))
        (task,) = self.tasks()
        self.assertEqual(
            (task["integration_id"], task["user_id"], task["status"]),
            (number, None, "waiting"),
        )
        self.assertEqual(task["message"], 'Integration "Push" from 192.0.2.7')
        self.assertEqual(self.site.tasks.changes[0].id, task["id"])
        (entry,) = self.log()
        self.assertEqual(entry["results"][0]["task_id"], task["id"])
        self.assertEqual(self.result(), ("started", "No matchers"))

    def test_methods(self) -> None:
        """GET starts tasks as POST does; HEAD and OPTIONS start none."""
        path = self.alias(self.integration())
        self.assertEqual(self.sender.get(path).status, 204)
        self.assertEqual(len(self.tasks()), 1)
        self.assertEqual(self.sender.head(path).status, 204)
        self.assertEqual(self.sender.request("OPTIONS", path).status, 204)
        self.assertEqual(self.client.put(path, {}).status, 405)
        self.assertEqual(len(self.tasks()), 1)

    def test_unknown_alias(self) -> None:
        """An unknown alias is answered as a known one, and leaves nothing behind."""
        self.deliver("/api/integrations/aaaaaaaaaaaaaaaa")
        self.assertEqual(self.log(), [])

    def test_foreign_page(self) -> None:
        """Cookies and the page's origin say nothing about the sender of a delivery."""
        path = self.alias(self.integration())
        self.deliver(path, headers={"Origin": "https://other.example"})
        self.assertEqual(len(self.tasks()), 1)

    def test_bearer(self) -> None:
        """A token in Authorization is the integration's, and not an account's."""
        number = self.integration(
            auth_method="token",
            auth_secret_id=self.secret(),
            auth_header="Authorization",
            auth_prefix="Bearer ",
        )
        path = self.alias(number)
        self.deliver(path, headers={"Authorization": f"Bearer {SECRET}"})
        self.assertEqual(self.result()[0], "started")
        self.deliver(path, headers={"Authorization": SECRET})
        self.assertEqual(self.result()[0], "unauthenticated")

    def test_project_alias(self) -> None:
        """An alias of the project leads to its searchable integrations."""
        self.integration(name="A", searchable=True, matchers=[MATCHER])
        self.integration(name="B", searchable=True)
        self.integration(name="C", matchers=[MATCHER])
        path = self.alias()
        self.deliver(path, {"ref": "refs/heads/main"})
        self.assertEqual(len(self.tasks()), 1)
        found = [
            (each["integration_name"], each["outcome"])
            for each in self.log()[0]["results"]
        ]
        self.assertEqual(found, [("A", "started"), ("B", "unmatched")])
        self.assertIn("has no matchers", self.log()[0]["results"][1]["reason"])

    def test_two_at_once(self) -> None:
        """Each of several integrations reads the whole body."""
        for name in ("A", "B"):
            self.integration(name=name, searchable=True, matchers=[MATCHER])
        self.deliver(self.alias(), {"ref": "refs/heads/main"})
        self.assertEqual(len(self.tasks()), 2)

    def test_matchers_of_own_alias(self) -> None:
        """Matchers apply to an alias of the integration too."""
        path = self.alias(self.integration(matchers=[MATCHER]))
        self.deliver(path, {"ref": "refs/heads/other"})
        self.assertEqual(self.tasks(), [])
        outcome, reason = self.result()
        self.assertEqual(outcome, "unmatched")
        self.assertIn('ref is "refs/heads/other"; expected equals "refs/h', reason)

    def test_global_alias(self) -> None:
        """The alias of the installation leads to all searchable integrations."""
        alias = "everywhere"
        config = Config(global_integration_alias=alias)
        site = api_client(
            database=self.site.database, options=WebOptions(config=config)
        )
        self.integration(searchable=True, matchers=[MATCHER])
        user = make_user(self.conn, "bob")
        other = make_project(self.conn, user, name="Theirs")
        answer = site.anonymous().post(
            f"/api/integrations/{alias}", {"ref": "refs/heads/main"}
        )
        self.assertEqual(answer.status, 204)
        self.assertEqual(len(self.tasks()), 1)
        bobs = site.as_user(user).get(
            f"/api/project/{other.id}/integrations/deliveries"
        )
        self.assertEqual(bobs.json, [])
        self.assertEqual(self.sender.post(f"/api/integrations/{alias}", {}).status, 204)
        self.assertEqual(len(self.log()), 1)

    def test_changed_meanwhile(self) -> None:
        """Integrations that change between check and start are checked again."""
        number = self.integration()
        path = self.alias(number)
        changes = iter(["UPDATE project__integration SET auth_method = 'gitlab'"])

        def compute(function: Any, *args: Any, **more: Any) -> Any:
            verdicts = function(*args, **more)
            for statement in changes:
                self.conn.raw.execute(statement)
            return at_once(lambda: verdicts)

        site = api_client(database=self.site.database, compute=compute)
        self.assertEqual(site.anonymous().post(path, {}).status, 204)
        self.assertEqual(self.result()[0], "unauthenticated")
        self.assertEqual(self.tasks(), [])

    def test_values(self) -> None:
        """Extracted values answer the survey; numbers are converted as for a user."""
        count = {**VALUE, "name": "Count", "key": "total", "variable": "count"}
        path = self.alias(self.integration(extract_values=[VALUE, count]))
        self.deliver(path, {"commits": [{"id": "ab12"}], "total": 3.0})
        (task,) = self.tasks()
        self.assertEqual(
            msgspec.json.decode(task["environment"]), {"branch": "ab12", "count": 3}
        )

    def test_as_by_a_user(self) -> None:
        """The same values by a delivery and by a user make the same task."""
        count = {**VALUE, "name": "Count", "key": "total", "variable": "count"}
        path = self.alias(self.integration(extract_values=[VALUE, count]))
        for branch, total in (("ab12", "3"), ("", "0")):
            body = {"commits": [{"id": branch}], "total": total}
            self.deliver(path, body)
            environment = msgspec.json.encode({"branch": branch, "count": total})
            user = self.client.post(
                f"{self.base}/tasks",
                {"template_id": self.template_id, "environment": environment.decode()},
            )
            by_user, by_delivery = self.tasks()[:2]
            self.assertEqual(user.json["id"], by_user["id"])
            self.assertEqual(by_user["environment"], by_delivery["environment"])

    def test_missing_value(self) -> None:
        """A value that is not there is absent: the survey decides what that means."""
        path = self.alias(self.integration(extract_values=[VALUE]))
        bodies: tuple[object, ...] = ({}, {"commits": []}, {"commits": [{"id": None}]})
        for body in bodies:
            self.deliver(path, body)
        self.assertEqual({each["environment"] for each in self.tasks()}, {""})
        survey = [{"name": "branch", "required": True}]
        template = self.client.get(f"{self.base}/templates/{self.template_id}").json
        answer = self.client.put(
            f"{self.base}/templates/{self.template_id}",
            {**template, "survey_vars": survey},
        )
        self.assertEqual(answer.status, 204, answer.body)
        self.deliver(path, {})
        self.assertEqual(
            self.result(), ("refused", 'The variable "branch" is required')
        )

    def test_hostile_values(self) -> None:
        """Values follow the rules of a task that a user starts, and stay data."""
        undeclared = {**VALUE, "name": "X", "key": "x", "variable": "other"}
        path = self.alias(self.integration(extract_values=[undeclared]))
        self.deliver(path, {"x": "1"})
        self.assertEqual(
            self.result(), ("refused", 'The template does not ask for "other"')
        )
        count = {**VALUE, "name": "Count", "key": "x", "variable": "count"}
        path = self.alias(self.integration(extract_values=[count]))
        for value in ("{{ 7 * 7 }}", "1; reboot", [1], {"a": 1}, True):
            self.deliver(path, {"x": value})
            self.assertEqual(self.result()[0], "refused", value)
        branch = {**VALUE, "key": "x"}
        path = self.alias(self.integration(extract_values=[branch]))
        self.deliver(path, {"x": "{{ lookup('pipe', 'id') }}\u202e$(id)"})
        self.assertEqual(
            msgspec.json.decode(self.tasks()[0]["environment"]),
            {"branch": "{{ lookup('pipe', 'id') }}\u202e$(id)"},
        )
        self.deliver(path, {"x": "a\0b"})
        self.assertEqual(self.result()[0], "refused")
        self.deliver(path, {"x": "a" * (limits.TASK_JSON + 1)})
        self.assertEqual(self.result()[0], "refused")
        self.assertIn("expected at most", self.result()[1])

    def test_settings(self) -> None:
        """Settings come from the integration, and from values that may set them."""
        values = [
            {**VALUE, "variable_type": "task", "variable": name, "key": name}
            for name in ("message", "git_branch", "dry_run")
        ]
        path = self.alias(
            self.integration(
                extract_values=values,
                task_params={"message": "Stored", "environment": '{"branch": "x"}'},
            )
        )
        self.deliver(path, {})
        self.assertEqual(self.tasks()[0]["message"], "Stored")
        self.assertEqual(
            msgspec.json.decode(self.tasks()[0]["environment"]), {"branch": "x"}
        )
        self.deliver(path, {"message": "From outside"})
        self.assertEqual(self.tasks()[0]["message"], "From outside")
        self.deliver(path, {"git_branch": "evil"})
        outcome, reason = self.result()
        self.assertEqual(outcome, "refused")
        self.assertIn("does not let a task set git_branch", reason)
        self.deliver(path, {"dry_run": "maybe"})
        self.assertIn("expected true or false", self.result()[1])

    def test_long_message(self) -> None:
        """The message of a commit stops no task: it is cut."""
        value = {**VALUE, "variable_type": "task", "variable": "message", "key": "m"}
        path = self.alias(self.integration(extract_values=[value]))
        for sent, kept in (
            ("a" * limits.MESSAGE, "a" * limits.MESSAGE),
            ("é" * 5000, "é" * (limits.MESSAGE - 1) + "…"),
        ):
            self.deliver(path, {"m": sent})
            self.assertEqual(self.result()[0], "started")
            self.assertEqual(self.tasks()[0]["message"], kept)

    def test_waiting(self) -> None:
        """A limited number of tasks of an integration waits."""
        number = self.integration()
        path, other = self.alias(number), self.alias(self.integration())
        self.deliver(path)
        columns = [
            f'"{each.name}"'
            for each in schema.task.columns
            if each.name not in {"id", "uuid"}
        ]
        names = ", ".join(columns)
        self.conn.raw.executemany(
            f"INSERT INTO task (uuid, {names}) SELECT ?, {names} FROM task LIMIT 1",
            [(f"copy {n}",) for n in range(limits.HOOK_WAITING - 2)],
        )
        self.deliver(path)
        self.assertEqual(self.result()[0], "started")
        self.deliver(path)
        outcome, reason = self.result()
        self.assertEqual(outcome, "refused")
        self.assertIn("1000 tasks of the integration wait", reason)
        self.deliver(other)
        self.assertEqual(self.result()[0], "started")
        self.conn.raw.execute("UPDATE task SET status = 'success'")
        self.deliver(path)
        self.assertEqual(self.result()[0], "started")

    def test_settings_outside_of_params(self) -> None:
        """A setting may be outside of the params; a value found takes precedence."""
        body = self.template(
            name="Play",
            app="ansible",
            playbook="site.yml",
            inventory_id=self.inventory(),
            allow_override_branch_in_task=True,
            task_params={"allow_override_limit": True, "allow_debug": True},
        )
        given = {
            "limit": "web",
            "debug": True,
            "dry_run": True,
            "diff": True,
            "commit_hash": "a" * 40,
        }
        values = [
            {**VALUE, "variable_type": "task", "variable": name, "key": name}
            for name in ("limit", "dry_run")
        ]
        number = self.integration(
            template_id=self.made("templates", **body)["id"],
            task_params=given,
            extract_values=values,
        )
        self.assertEqual(self.shown("integrations", number)["task_params"], given)
        path = self.alias(number)
        self.deliver(path, {})
        (task,) = self.tasks()
        self.assertEqual({name: task[name] for name in given}, given)
        self.deliver(path, {"limit": "db", "dry_run": "no"})
        task = self.tasks()[0]
        self.assertEqual(
            {name: task[name] for name in given},
            {**given, "limit": "db", "dry_run": False},
        )
        for nothing in ("", " "):
            self.deliver(path, {"limit": nothing})
            outcome, reason = self.result()
            self.assertEqual(outcome, "refused")
            self.assertIn("limit: invalid value", reason)
        self.assertEqual(len(self.tasks()), 2)

    def test_secret_variable(self) -> None:
        """A value for a secret variable is kept as one."""
        survey = [{"name": "branch", "type": "secret"}]
        template = self.made(
            "templates", **self.template(name="Quiet", survey_vars=survey)
        )["id"]
        path = self.alias(
            self.integration(template_id=template, extract_values=[VALUE])
        )
        self.deliver(path, {"commits": [{"id": "Zx9-marker"}]})
        self.assertEqual(self.result()[0], "started")
        self.assertNotIn("Zx9-marker", "\n".join(dump(self.conn.raw)))


class ManyTests(WebhookTestCase):
    """More searchable integrations than a delivery may concern, in an old database."""

    def add(self, many: int) -> None:
        """Store searchable integrations without matchers."""
        for index in range(many):
            self.conn.insert(
                integration,
                project_id=self.project.id,
                template_id=self.template_id,
                name=f"Copy {index}",
                searchable=True,
            )

    def logged(self) -> list[str]:
        """Return the lines about what is left out, in the server's log from now on."""
        lines: list[str] = []

        @implementer(ILogObserver)
        def keep(event: LogEvent) -> None:
            if "left out" in (line := formatEvent(event)):
                lines.append(line)

        globalLogPublisher.addObserver(keep)
        self.addCleanup(globalLogPublisher.removeObserver, keep)
        return lines

    def test_project(self) -> None:
        """Those that are left out are named in the server's log."""
        self.integration(searchable=True, matchers=[MATCHER])
        self.add(limits.HOOK_SEARCHABLE - 1)
        path, lines = self.alias(), self.logged()
        self.deliver(path)
        self.assertEqual(lines, [])
        self.add(2)
        self.deliver(path)
        self.assertEqual(len(self.log()[0]["results"]), limits.HOOK_SEARCHABLE)
        (line,) = lines
        self.assertIn("2 searchable integrations are left out", line)
        self.assertNotIn(path.rpartition("/")[2], line)

    def test_everywhere(self) -> None:
        """No project leaves out another one."""
        self.integration(searchable=True, matchers=[MATCHER])
        self.add(limits.HOOK_INTEGRATIONS)
        first_base = self.base
        make_member(self.conn, self.other, self.user, Role.OWNER)
        self.enter(self.other)
        self.template_id = self.made("templates", **self.template())["id"]
        self.integration(searchable=True, matchers=[MATCHER])
        config = Config(global_integration_alias="everywhere")
        site = api_client(
            database=self.site.database, options=WebOptions(config=config)
        )
        lines = self.logged()
        site.anonymous().post(
            "/api/integrations/everywhere", {"ref": "refs/heads/main"}
        )
        self.assertEqual(self.result()[0], "started")
        (entry,) = self.client.get(f"{first_base}/integrations/deliveries").json
        self.assertEqual(len(entry["results"]), limits.HOOK_SEARCHABLE)
        self.assertEqual(entry["results"][0]["outcome"], "started")
        left = limits.HOOK_INTEGRATIONS + 1 - limits.HOOK_SEARCHABLE
        self.assertIn(f"{left} searchable integrations are left out", lines[0])


class AuthenticationTests(WebhookTestCase):
    """Who may start a task."""

    def check(
        self, method: str, headers: dict[str, str], body: bytes, **more: Any
    ) -> None:
        """Check that *headers* are accepted with *body*, and with nothing changed."""
        fields = {"auth_secret_id": self.secret(), **more}
        path = self.alias(self.integration(auth_method=method, **fields))
        for name, value in headers.items():
            for wrong in (value[:-1], f"{value}0", value[::-1], "", None):
                sent = {} if wrong is None else {name: wrong}
                self.deliver(path, body, headers=sent)
                self.assertEqual(self.result()[0], "unauthenticated", wrong)
        self.deliver(path, body, headers=headers)
        self.assertEqual(self.result()[0], "started")

    def test_github(self) -> None:
        """GitHub's documented example is accepted, whatever the case of the digits."""
        digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        body = b"Hello, World!"
        for text in (digest, digest.upper()):
            self.check("github", {"X-Hub-Signature-256": f"sha256={text}"}, body)

    def test_bitbucket(self) -> None:
        """Bitbucket's documented example is accepted."""
        digest = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
        self.check(
            "bitbucket", {"X-Hub-Signature": f"sha256={digest}"}, b"Hello World!"
        )

    def test_gitlab(self) -> None:
        """GitLab sends the secret itself."""
        self.check("gitlab", {"X-Gitlab-Token": SECRET}, b'{"object_kind": "push"}')

    def test_token(self) -> None:
        """A token is sent in a header that the integration names."""
        self.check("token", {"X-Hook": SECRET}, b"{}", auth_header="x-hook")

    def test_basic(self) -> None:
        """Name and password are those of the access key."""
        login = {"login": "hook", "password": SECRET}
        key = self.secret(type="login_password", login_password=login)
        value = f"Basic {b64encode(f'hook:{SECRET}'.encode()).decode()}"
        path = self.alias(self.integration(auth_method="basic", auth_secret_id=key))
        self.deliver(path, headers={"Authorization": value})
        self.assertEqual(self.result()[0], "started")
        for user, password in (("hook", "x"), ("", SECRET), ("root", SECRET)):
            wrong = b64encode(f"{user}:{password}".encode()).decode()
            self.deliver(path, headers={"Authorization": f"Basic {wrong}"})
            self.assertEqual(self.result()[0], "unauthenticated")
        for wrong in ("Basic", "Basic !", f"Digest {value[6:]}", "Basic /w=="):
            self.deliver(path, headers={"Authorization": wrong})
            self.assertEqual(self.result()[0], "unauthenticated")

    def test_hmac(self) -> None:
        """The hash function, the header and the prefix of a signature are chosen."""
        body = b'{"a":1}'
        for algorithm in ("sha256", "sha512"):
            digest = hmac.new(SECRET.encode(), body, algorithm).hexdigest()
            for prefix, sent in (
                ("", digest),
                ("", f"{algorithm}={digest}"),
                ("v1=", f"v1={digest}"),
            ):
                self.check(
                    "hmac",
                    {"X-Sign": sent},
                    body,
                    auth_header="X-Sign",
                    auth_algorithm=algorithm,
                    auth_prefix=prefix,
                )

    def test_other_algorithm(self) -> None:
        """A signature of another hash function is refused."""
        number = self.integration(
            auth_method="hmac", auth_secret_id=self.secret(), auth_header="X-Sign"
        )
        digest = hmac.new(SECRET.encode(), b"{}", "sha512").hexdigest()
        path = self.alias(number)
        self.deliver(path, headers={"X-Sign": f"sha512={digest}"})
        self.assertEqual(self.result()[0], "unauthenticated")

    def test_changed_body(self) -> None:
        """One changed byte of the body makes a signature invalid."""
        number = self.integration(auth_method="github", auth_secret_id=self.secret())
        digest = hmac.new(SECRET.encode(), b'{"a":1}', "sha256").hexdigest()
        path = self.alias(number)
        header = {"X-Hub-Signature-256": f"sha256={digest}"}
        self.deliver(path, b'{"a":2}', headers=header)
        self.assertEqual(
            self.result(),
            (
                "unauthenticated",
                "The signature in the header x-hub-signature-256 is wrong",
            ),
        )
        self.deliver(path, b'{"a":1}', headers=header)
        self.assertEqual(self.result()[0], "started")

    def test_lost_key(self) -> None:
        """Without its access key an integration accepts nobody."""
        key = self.secret()
        path = self.alias(self.integration(auth_method="github", auth_secret_id=key))
        self.conn.raw.execute(
            "UPDATE access_key SET secret = NULL WHERE id = ?", (key,)
        )
        empty = hmac.new(b"", b"{}", "sha256").hexdigest()
        self.deliver(path, headers={"X-Hub-Signature-256": f"sha256={empty}"})
        self.assertIn("has no secret", self.result()[1])
        self.conn.raw.execute("DELETE FROM access_key WHERE id = ?", (key,))
        self.deliver(path, headers={"X-Hub-Signature-256": f"sha256={empty}"})
        self.assertIn("has no access key", self.result()[1])
        self.assertEqual(self.tasks(), [])


class DamageTests(WebhookTestCase):
    """Rows that cannot be read, after a fault of the disk or a change by hand."""

    def damage(self, table: str, column: str, number: int) -> None:
        """Make a column of a row unreadable."""
        self.conn.raw.execute(
            f"UPDATE project__{table} SET {column} = x'ff' WHERE id = ?", (number,)
        )

    def test_integration(self) -> None:
        """A damaged integration accepts nobody, not even with the right secret."""
        for column in ("auth_method", "auth_header", "task_params", "searchable"):
            number = self.integration(
                auth_method="gitlab", auth_secret_id=self.secret(), keep_bodies=True
            )
            path = self.alias(number)
            self.damage("integration", column, number)
            for headers in ({}, {"X-Gitlab-Token": SECRET}):
                self.deliver(path, headers=headers)
                outcome, reason = self.result()
                self.assertEqual(outcome, "unauthenticated")
                self.assertIn(f"damaged: {column}", reason)
            self.assertFalse(self.log()[0]["resendable"])
            answer = self.client.post(
                f"{self.base}/integrations/{number}/test", {"body": "{}"}
            )
            self.assertEqual(answer.json["outcome"], "refused")
            self.assertIn(f"damaged: {column}", answer.json["reason"])
        self.assertEqual(self.tasks(), [])

    def test_part(self) -> None:
        """A damaged matcher or value stops its own integration only."""
        matcher = self.integration(name="A", searchable=True, matchers=[MATCHER])
        value = self.integration(
            name="B", searchable=True, matchers=[MATCHER], extract_values=[VALUE]
        )
        self.integration(name="C", searchable=True, matchers=[MATCHER])
        paths = {}
        for number, what, table, column in (
            (matcher, "matchers", "integration_matcher", "method"),
            (value, "values", "integration_extract_value", "variable_type"),
        ):
            paths[what] = f"{self.base}/integrations/{number}/{what}"
            (part,) = self.client.get(paths[what]).json
            self.conn.raw.execute(
                f"UPDATE project__{table} SET {column} = 'regex' WHERE id = ?",
                (part["id"],),
            )
            (part,) = self.client.get(paths[what]).json
            self.assertIn(column, part["fault"])
            paths[what] += f"/{part['id']}"
        self.deliver(self.alias(), {"ref": "refs/heads/main"})
        found = self.log()[0]["results"]
        self.assertEqual(
            [each["outcome"] for each in found], ["refused", "refused", "started"]
        )
        self.assertIn('matcher "Main" is damaged: method', found[0]["reason"])
        self.assertIn('value "Branch" is damaged: variable', found[1]["reason"])
        # nothing that was made up is stored or exported
        self.refused(self.client.put(paths["values"], {"name": "Branch"}), "Source")
        self.assertEqual(self.client.get(f"{self.base}/backup").status, 409)
        self.assertEqual(self.client.put(paths["matchers"], MATCHER).status, 204)
        self.assertEqual(self.client.put(paths["values"], VALUE).status, 204)
        self.assertEqual(self.client.get(f"{self.base}/backup").status, 200)
        self.deliver(self.alias(), {"ref": "refs/heads/main"})
        self.assertEqual(
            {each["outcome"] for each in self.log()[0]["results"]}, {"started"}
        )


class ThrottleTests(WebhookTestCase):
    """Wrong secrets."""

    def sent_from(self, peer: str) -> ApiClient:
        """Return a client at another address."""
        client = self.site.anonymous()
        client.peer = peer
        return client

    def test_guesses(self) -> None:
        """After some wrong secrets even the right one is not checked for a time."""
        number = self.integration(auth_method="gitlab", auth_secret_id=self.secret())
        path = self.alias(number)
        for _ in range(BURST + 5):
            self.deliver(path, headers={"X-Gitlab-Token": "guess"})
        self.assertEqual(len(self.log()), BURST, "a flood is not logged")
        self.deliver(path, headers={"X-Gitlab-Token": SECRET})
        self.assertEqual(self.tasks(), [])
        other = self.sent_from("198.51.100.9")
        other.post(path, b"{}", headers={"X-Gitlab-Token": SECRET})
        self.assertEqual(len(self.tasks()), 1, "a stranger locks out nobody else")
        self.site.clock.advance(60)
        self.deliver(path, headers={"X-Gitlab-Token": SECRET})
        self.assertEqual(len(self.tasks()), 2)

    def test_signatures(self) -> None:
        """A right signature of a small body is accepted after many wrong ones."""
        number = self.integration(auth_method="github", auth_secret_id=self.secret())
        path = self.alias(number)
        for _ in range(BURST + 5):
            self.deliver(path, headers={"X-Hub-Signature-256": "sha256=00"})
        self.assertEqual(len(self.log()), BURST)
        digest = hmac.new(SECRET.encode(), b"{}", "sha256").hexdigest()
        self.deliver(path, headers={"X-Hub-Signature-256": f"sha256={digest}"})
        self.assertEqual(len(self.tasks()), 1)

    def test_cost_of_signatures(self) -> None:
        """Wrong signatures of large bodies, for many integrations, are limited."""
        key, many = self.secret(), 50
        for _ in range(many):
            self.integration(auth_method="github", auth_secret_id=key, searchable=True)
        path = self.alias()
        body = b" " * limits.HOOK_BODY
        for _ in range(HASHED // (many * len(body)) + 1):
            self.deliver(path, body, headers={"X-Hub-Signature-256": "sha256=00"})
            self.assertIn("is wrong", self.log()[0]["results"][-1]["reason"])
        digest = hmac.new(SECRET.encode(), b"{}", "sha256").hexdigest()
        right = {"X-Hub-Signature-256": f"sha256={digest}"}
        self.deliver(path, headers=right)
        self.assertEqual(
            self.log()[0]["results"][0]["reason"],
            "Not checked: too many wrong signatures from 192.0.2.7",
        )
        other = self.sent_from("198.51.100.9")
        for sender, seconds in ((other, 0), (self.sender, 60)):
            self.site.clock.advance(seconds)
            sender.post(path, b"{}", headers=right)
            outcomes = {each["outcome"] for each in self.log()[0]["results"]}
            self.assertEqual(outcomes, {"unmatched"})

    def test_thread(self) -> None:
        """The integrations are read in the reader thread, not in the reactor's."""
        self.deliver(self.alias(self.integration()))
        self.assertIn("addressed", self.site.database.asked_long)

    def test_several(self) -> None:
        """A delivery for one of several integrations is no guess at the others."""
        key, other = self.secret(), self.secret(name="Other", string="other")
        self.integration(
            auth_method="gitlab", auth_secret_id=key, searchable=True, name="A"
        )
        self.integration(
            auth_method="gitlab", auth_secret_id=other, searchable=True, name="B"
        )
        path = self.alias()
        for _ in range(BURST + 5):
            self.deliver(path, headers={"X-Gitlab-Token": SECRET})
        outcomes = {each["results"][0]["outcome"] for each in self.log()}
        self.assertEqual(outcomes, {"unmatched"})


class ReplayTests(WebhookTestCase):
    """Deliveries that arrive again."""

    def test_ids(self) -> None:
        """A delivery with an id starts one task, also for another integration."""
        first, second = self.alias(self.integration()), self.alias(self.integration())
        for name in (
            "X-GitHub-Delivery",
            "Idempotency-Key",
            "X-Gitlab-Event-UUID",
            "X-Request-UUID",
            "Webhook-Id",
        ):
            before = len(self.tasks())
            for path in (first, first, second):
                self.deliver(path, headers={name: "72d3162e-cc78-11e3"})
            self.assertEqual(len(self.tasks()), before + 2, name)
            self.deliver(first, headers={name: "72d3162e-cc78-11e3"})
            outcome, reason = self.result()
            self.assertEqual(outcome, "replayed")
            self.assertIn("has started a task before, at 20", reason)

    def test_not_started(self) -> None:
        """A delivery that started nothing may be sent again with its id."""
        path = self.alias(self.integration(matchers=[MATCHER]))
        header = {"X-GitHub-Delivery": "1"}
        self.deliver(path, {"ref": "other"}, headers=header)
        self.deliver(path, {"ref": "refs/heads/main"}, headers=header)
        self.assertEqual(len(self.tasks()), 1)

    def test_strangers(self) -> None:
        """An id from a sender who is not authenticated is not remembered."""
        number = self.integration(auth_method="gitlab", auth_secret_id=self.secret())
        path = self.alias(number)
        header = {"X-Gitlab-Event-UUID": "1"}
        self.deliver(path, headers=header)
        self.deliver(path, headers={**header, "X-Gitlab-Token": SECRET})
        self.assertEqual(len(self.tasks()), 1)

    def test_time(self) -> None:
        """A delivery that says when it was sent must be recent."""
        path = self.alias(self.integration())
        now = int(self.conn.now.timestamp())
        for sent, outcome in (
            (str(now), "started"),
            (str(now - 290), "started"),
            (str(now - 310), "replayed"),
            (str(now + 120), "replayed"),
            ("yesterday", "replayed"),
        ):
            self.deliver(path, headers={"Webhook-Timestamp": sent})
            self.assertEqual(self.result()[0], outcome, sent)

    def test_memory(self) -> None:
        """The memory is limited in age and number."""
        number = self.integration()
        path = self.alias(number)
        self.deliver(path, headers={"X-GitHub-Delivery": "1"})
        old = self.conn.now - timedelta(days=limits.HOOK_SEEN_DAYS + 1)
        self.conn.raw.execute(
            "UPDATE project__integration_seen SET seen = ?", (old.isoformat(),)
        )
        deliveries.forget(self.conn)
        count = "SELECT count(*) FROM project__integration_seen"
        self.assertEqual(self.conn.raw.execute(count).fetchone(), (0,))
        self.conn.raw.executemany(
            "INSERT INTO project__integration_seen VALUES (?, ?, ?)",
            [(number, str(each), old.isoformat()) for each in range(limits.HOOK_SEEN)],
        )
        self.deliver(path, headers={"X-GitHub-Delivery": "1"})
        (kept,) = self.conn.raw.execute(count).fetchone()
        self.assertLessEqual(kept, limits.HOOK_SEEN)
        self.deliver(path, headers={"X-GitHub-Delivery": "1"})
        self.assertEqual(self.result()[0], "replayed")


class BodyTests(WebhookTestCase):
    """Bodies of any kind."""

    def test_bad_bodies(self) -> None:
        """A body that cannot be read starts nothing, and the log says why."""
        path = self.alias(self.integration(matchers=[MATCHER]))
        for body, word in (
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"payload=%7B%7D", "choose application/json"),
            (b"\xff\xfe", "not JSON"),
            (b"[" * 5000 + b"]" * 5000, "levels"),
            (b'{"a":' * 200 + b"1" + b"}" * 200, "levels"),
            (b"[" + b"1," * limits.BODY_VALUES + b"1]", "more than"),
            (b"[]", "is"),
            (b"null", "is"),
            (b'"text"', "is"),
        ):
            self.deliver(path, body)
            outcome, reason = self.result()
            self.assertIn(outcome, {"refused", "unmatched"}, body[:20])
            self.assertIn(word, reason)
        self.assertEqual(self.tasks(), [])

    def test_size(self) -> None:
        """A body has up to 1 MiB without a login; a longer one is refused."""
        path = self.alias(self.integration())
        self.deliver(path, b" " * limits.HOOK_BODY)
        self.assertEqual(len(self.tasks()), 1)
        answer = self.sender.post(path, b" " * (limits.HOOK_BODY + 1))
        self.assertEqual(answer.status, 413)
        self.assertIn(str(limits.HOOK_BODY), answer.json["error"])
        unknown = "/api/integrations/aaaaaaaaaaaaaaaa"
        self.deliver(unknown, b" " * limits.HOOK_BODY)
        self.assertEqual(
            self.sender.post(unknown, b" " * (limits.HOOK_BODY + 1)).status, 413
        )

    def test_all_together(self) -> None:
        """Bodies that arrive at once have a limit, of a source and of all."""
        path = self.alias(self.integration())
        one = b" " * (limits.HOOK_BODY - 10)
        head = "\r\n".join(
            [
                *self.sender.head_of("POST", path, {}),
                f"Content-Length: {limits.HOOK_BODY}",
            ]
        )
        data = f"{head}\r\n\r\n".encode() + one
        most = limits.HOOK_BODIES_OF_SOURCE // limits.HOOK_BODY
        open_ones = [self.sender.send(data) for _ in range(most)]
        refused = self.sender.send(data)
        self.assertIn(b" 503 ", refused.value())
        for index in range((limits.HOOK_BODIES - limits.HOOK_BODIES_OF_SOURCE) >> 20):
            self.sender.peer = f"198.51.{index}.1"
            open_ones.append(self.sender.send(data))
            self.assertEqual(open_ones[-1].value(), b"")
        self.sender.peer = "203.0.113.5"
        self.assertIn(b" 503 ", self.sender.send(data).value())
        for each in open_ones:
            self.sender.hang_up(each)
        self.deliver(path, b" " * limits.HOOK_BODY)


class LogTests(WebhookTestCase):
    """The log of deliveries."""

    def test_masked(self) -> None:
        """Headers with secrets are masked, also the one that the integration names."""
        number = self.integration(
            auth_method="token",
            auth_secret_id=self.secret(),
            auth_header="X-Plain",
            keep_bodies=True,
        )
        marker = "Zx9-marker"
        self.deliver(
            self.alias(number),
            {"a": 1},
            headers={
                "X-Plain": SECRET,
                "Authorization": f"Bearer {marker}",
                "Cookie": marker,
                "X-Gitlab-Token": marker,
                "X-Hub-Signature": marker,
                "X-Api-Key": marker,
                "X-Functions-Key": marker,
                "X-Amzn-Oidc-Data": marker,
                "X-GitHub-Event": "push",
            },
        )
        (entry,) = self.log()
        whole = self.shown("integrations/deliveries", entry["id"])
        headers = {each["name"]: each["value"] for each in whole["headers"]}
        self.assertEqual(headers["x-github-event"], "push")
        self.assertEqual(headers["x-plain"], "***")
        self.assertEqual(whole["body"], '{"a":1}')
        stored = "\n".join(dump(self.conn.raw))
        self.assertNotIn(marker, stored)
        self.assertNotIn(SECRET, stored)
        self.assertIn("event push", self.tasks()[0]["message"])

    def test_addresses(self) -> None:
        """An address with a query or a password is masked, and quoted nowhere."""
        marker = "Zx9-marker"
        matcher = {"name": "m", "match_type": "header", "method": "equals"}
        number = self.integration(
            matchers=[{**matcher, "key": "X-Original-URI", "value": "/x"}]
        )
        sent = {
            "Referer": f"https://ci.example/job?token={marker}",
            "X-Original-URI": f"/api/integrations/a?access_token={marker}",
            "X-Forwarded-Uri": f"/hook?{marker}",
            "X-Source": f"https://bot:{marker}@ci.example/",
        }
        shown = {
            "X-Link": "https://ci.example/job/5",
            "User-Agent": "Hook/1.0 (why?)",
            "X-Question": "who?",
        }
        query = f"?token={marker}"
        self.deliver(self.alias(number) + query, {}, headers={**sent, **shown})
        (entry,) = self.log()
        self.assertEqual(self.result()[0], "unmatched")
        whole = self.shown("integrations/deliveries", entry["id"])
        headers = {each["name"]: each["value"] for each in whole["headers"]}
        for name in sent:
            self.assertEqual(headers[name.lower()], "***", name)
        for name, value in shown.items():
            self.assertEqual(headers[name.lower()], value, name)
        self.assertNotIn(marker, "\n".join(dump(self.conn.raw)))

    def test_repr(self) -> None:
        """A delivery in a traceback shows neither its headers nor its body."""
        self.deliver(
            self.alias(self.integration(keep_bodies=True)),
            {"a": "Zx9-marker"},
            headers={"X-Plain": "Zx9-marker"},
        )
        number = DeliveryId(self.log()[0]["id"])
        stored = self.conn.one(
            statements.by_id,
            deliveries.StoredDelivery,
            id=number,
            project_id=self.project.id,
        )
        self.assertEqual(repr(stored), f"StoredDelivery(id={number})")
        shown = msgspec.convert(self.shown("integrations/deliveries", number), Delivery)
        self.assertEqual(repr(shown), f"Delivery(id={number})")
        self.assertNotIn("Zx9", repr(shown.headers))

    def test_secret_of_another_project(self) -> None:
        """A project does not see the secret that a delivery has for another one."""
        self.integration(
            auth_method="token",
            auth_secret_id=self.secret(),
            auth_header="X-Plain",
            searchable=True,
        )
        make_member(self.conn, self.other, self.user, Role.OWNER)
        self.enter(self.other)
        self.template_id = self.made("templates", **self.template())["id"]
        self.integration(searchable=True)
        config = Config(global_integration_alias="everywhere")
        site = api_client(
            database=self.site.database, options=WebOptions(config=config)
        )
        site.anonymous().post(
            "/api/integrations/everywhere", b"{}", headers={"X-Plain": SECRET}
        )
        whole = self.shown("integrations/deliveries", self.log()[0]["id"])
        headers = {each["name"]: each["value"] for each in whole["headers"]}
        self.assertEqual(headers["x-plain"], "***")

    def test_body_is_kept_if_wanted(self) -> None:
        """A body is kept only if the integration says so, and if it is not long."""
        quiet = self.alias(self.integration())
        keeping = self.alias(self.integration(keep_bodies=True))
        for path, body, kept in (
            (quiet, b"{}", False),
            (keeping, b"{}", True),
            (keeping, b" " * (limits.HOOK_KEPT_BODY + 1), False),
        ):
            self.deliver(path, body)
            entry = self.log()[0]
            self.assertEqual(entry["resendable"], kept)
            self.assertEqual(entry["size"], len(body))

    def test_strangers_keep_nothing(self) -> None:
        """The body of a sender who is not authenticated is never kept."""
        number = self.integration(
            auth_method="gitlab", auth_secret_id=self.secret(), keep_bodies=True
        )
        self.deliver(self.alias(number), {"a": "Zx9-marker"})
        self.assertNotIn("Zx9-marker", "\n".join(dump(self.conn.raw)))

    def test_number(self) -> None:
        """The log is limited, and strangers displace only each other."""
        number = self.integration(auth_method="gitlab", auth_secret_id=self.secret())
        path = self.alias(number)
        self.deliver(path, headers={"X-Gitlab-Token": SECRET})
        for _ in range(limits.HOOK_DELIVERIES_UNKNOWN + 10):
            self.site.clock.advance(60)
            self.deliver(path)
        count = "SELECT authenticated, count(*) FROM project__integration_delivery"
        rows = self.conn.raw.execute(f"{count} GROUP BY 1 ORDER BY 1").fetchall()
        self.assertEqual(rows, [(0, limits.HOOK_DELIVERIES_UNKNOWN), (1, 1)])

    def test_age(self) -> None:
        """Bodies are forgotten before the deliveries, and these in time too."""
        self.deliver(self.alias(self.integration(keep_bodies=True)))
        for days, left, body in (
            (limits.HOOK_BODY_DAYS - 1, 1, True),
            (limits.HOOK_BODY_DAYS + 1, 1, False),
            (limits.HOOK_DAYS + 1, 0, False),
        ):
            old = self.conn.now - timedelta(days=days)
            self.conn.raw.execute(
                "UPDATE project__integration_delivery SET received = ?",
                (f"{old.replace(tzinfo=None).isoformat(timespec='microseconds')}Z",),
            )
            deliveries.forget(self.conn)
            found = self.log()
            self.assertEqual(len(found), left)
            self.assertEqual([each["resendable"] for each in found], [body] * left)

    def test_pages(self) -> None:
        """The log is read newest first, in parts, and of one integration."""
        first, second = self.integration(), self.integration()
        for number in (first, second, first):
            self.deliver(self.alias(number))
        ids = [each["id"] for each in self.log()]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual(
            [each["id"] for each in self.log(f"?limit=1&before={ids[0]}")], [ids[1]]
        )
        self.assertEqual(
            [each["id"] for each in self.log(f"?integration_id={second}")], [ids[1]]
        )
        path = f"{self.base}/integrations/deliveries"
        self.refused(self.client.get(f"{path}?limit=1000"), "limit")

    def test_roles(self) -> None:
        """Who may run tasks reads the log and sends again; guests do not."""
        self.deliver(self.alias(self.integration(keep_bodies=True)))
        one = f"{self.base}/integrations/deliveries/{self.log()[0]['id']}"
        guest, runner = self.member(Role.GUEST), self.member(Role.TASK_RUNNER)
        self.assertEqual(guest.get(one).status, 403)
        self.assertEqual(guest.post(f"{one}/send").status, 403)
        self.assertEqual(runner.get(one).status, 200)
        self.assertEqual(runner.post(f"{one}/send").status, 201)

    def test_deleted(self) -> None:
        """The log survives the integration, with its name."""
        number = self.integration()
        self.deliver(self.alias(number))
        self.client.delete(f"{self.base}/integrations/{number}")
        (found,) = self.log()[0]["results"]
        self.assertEqual(
            (found["integration_id"], found["integration_name"]), (None, "Push")
        )


class ReasonTests(WebhookTestCase):
    """Reasons say what did not fit, and no secret."""

    def test_secret_header(self) -> None:
        """The value of a secret header is not in a reason, nor what is expected."""
        for name, named in (("Authorization", False), ("X-Plain", True)):
            matcher = {
                "name": "Sign",
                "match_type": "header",
                "method": "equals",
                "key": name,
                "value": "Zx9-wanted",
            }
            fields: dict[str, Any] = {"matchers": [matcher]}
            if named:
                fields |= {"auth_method": "token", "auth_header": name}
                fields["auth_secret_id"] = self.secret()
            number = self.integration(**fields)
            self.deliver(self.alias(number), headers={name: SECRET})
            self.assertEqual(
                self.result(),
                (
                    "unmatched",
                    f'The header {name} has another value (matcher "Sign")',
                ),
            )
            answer = self.client.post(
                f"{self.base}/integrations/{number}/test",
                {"headers": {name: SECRET}, "body": "{}"},
            )
            self.assertNotIn(SECRET, answer.body.decode())

    def test_value_of_secret_header(self) -> None:
        """The header with the integration's own secret is not extracted."""
        value = {**VALUE, "value_source": "header", "key": "X-Plain"}
        number = self.integration(
            auth_method="token",
            auth_secret_id=self.secret(),
            auth_header="X-Plain",
            extract_values=[value],
        )
        self.deliver(self.alias(number), headers={"X-Plain": SECRET})
        self.assertEqual(self.result()[0], "refused")
        self.assertIn("may hold a secret", self.result()[1])
        self.assertNotIn(SECRET, "\n".join(dump(self.conn.raw)))


class LongReasonTests(WebhookTestCase):
    """Reasons that quote what the sender or the integration wrote."""

    def test_cut(self) -> None:
        """A reason is cut to the length of a message."""
        key = "k" * limits.MESSAGE
        path = self.alias(self.integration(matchers=[{**MATCHER, "key": key}]))
        self.deliver(path)
        outcome, reason = self.result()
        self.assertEqual((outcome, len(reason)), ("unmatched", limits.MESSAGE))


class SendAgainTests(WebhookTestCase):
    """A stored delivery that a user sends again."""

    def setUp(self) -> None:
        """Receive a delivery that does not match."""
        super().setUp()
        self.number = self.integration(
            auth_method="gitlab",
            auth_secret_id=self.secret(),
            keep_bodies=True,
            matchers=[{**MATCHER, "value": "refs/heads/other"}],
        )
        self.path = self.alias(self.number)
        self.deliver(
            self.path,
            {"ref": "refs/heads/main"},
            headers={"X-Gitlab-Token": SECRET, "X-Gitlab-Event-UUID": "1"},
        )
        self.one = f"{self.base}/integrations/deliveries/{self.log()[0]['id']}"

    def test_again(self) -> None:
        """It is evaluated as the integration is now, in the name of the user."""
        answer = self.client.post(f"{self.one}/send")
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.json["results"][0]["outcome"], "unmatched")
        self.client.put(
            f"{self.base}/integrations/{self.number}",
            {
                "name": "Push",
                "template_id": self.template_id,
                "auth_method": "gitlab",
                "auth_secret_id": self.secret(),
                "keep_bodies": True,
                "matchers": [MATCHER],
            },
        )
        for _ in range(2):  # a user may start it as often as wanted
            answer = self.client.post(f"{self.one}/send")
            self.assertEqual(answer.json["results"][0]["outcome"], "started")
        self.assertEqual(answer.json["username"], "alice")
        self.assertEqual(answer.json["resent_of"], int(self.one.rpartition("/")[2]))
        self.assertEqual(len(self.tasks()), 2)
        self.assertEqual(
            (self.tasks()[0]["user_id"], self.tasks()[0]["integration_id"]),
            (self.user.id, self.number),
        )
        self.assertEqual(len(self.site.tasks.changes), 2)

    def test_refused(self) -> None:
        """Without its body, or its integration, it cannot be sent again."""
        self.client.delete(f"{self.base}/integrations/{self.number}")
        answer = self.client.post(f"{self.one}/send")
        self.assertEqual(answer.status, 409)
        self.assertIn("None of the integrations", answer.json["error"])
        self.deliver(self.alias(self.integration()))
        one = f"{self.base}/integrations/deliveries/{self.log()[0]['id']}"
        answer = self.client.post(f"{one}/send")
        self.assertEqual(answer.status, 409)
        self.assertIn("is not stored", answer.json["error"])

    def test_not_authenticated(self) -> None:
        """A sender who was not authenticated then is not now."""
        self.deliver(self.path, {"ref": "refs/heads/main"})
        one = f"{self.base}/integrations/deliveries/{self.log()[0]['id']}"
        self.assertEqual(self.client.post(f"{one}/send").status, 409)

    def test_foreign(self) -> None:
        """A delivery of another project is not there."""
        make_member(self.conn, self.other, self.user, Role.OWNER)
        other = self.one.replace(f"/{self.project.id}/", f"/{self.other.id}/", 1)
        self.assertEqual(self.client.get(other).status, 404)
        self.assertEqual(self.client.post(f"{other}/send").status, 404)

    def resent(self) -> dict[str, str]:
        """Send the newest delivery again; return the outcomes by integration."""
        one = f"{self.base}/integrations/deliveries/{self.log()[0]['id']}"
        answer = self.client.post(f"{one}/send")
        self.assertEqual(answer.status, 201)
        return {
            each["integration_name"]: each["outcome"] for each in answer.json["results"]
        }

    def test_alias_of_project(self) -> None:
        """An integration that the alias of the project cannot start stays unstarted."""
        self.integration(
            name="A", searchable=True, matchers=[MATCHER], keep_bodies=True
        )
        only = self.integration(name="B", searchable=True, keep_bodies=True)
        self.deliver(self.alias(), {"ref": "refs/heads/main"})
        self.assertEqual(self.resent(), {"A": "started", "B": "unmatched"})
        self.deliver(self.alias(only))
        self.assertEqual(self.resent(), {"B": "started"})

    def test_deleted_alias(self) -> None:
        """An alias that is gone starts no integration without matchers."""
        number = self.integration(keep_bodies=True)
        self.deliver(self.alias(number))
        aliases = f"{self.base}/integrations/{number}/aliases"
        (alias,) = self.client.get(aliases).json
        self.assertEqual(self.client.delete(f"{aliases}/{alias['id']}").status, 204)
        self.assertEqual(self.resent(), {"Push": "unmatched"})

    def test_secret_header(self) -> None:
        """A value is taken from a masked header no more than when it arrived."""
        value = {**VALUE, "value_source": "header", "key": "X-Plain"}
        fields: dict[str, Any] = {
            "auth_method": "token",
            "auth_secret_id": self.secret(),
            "auth_header": "X-Plain",
            "keep_bodies": True,
            "extract_values": [value],
        }
        number = self.integration(**fields)
        self.deliver(self.alias(number), headers={"X-Plain": SECRET})
        self.assertEqual(self.result()[0], "refused")
        self.assertEqual(self.resent(), {"Push": "refused"})
        changed = {"name": "Push", "template_id": self.template_id, "keep_bodies": True}
        path = f"{self.base}/integrations/{number}"
        self.assertEqual(self.client.put(path, changed).status, 204)
        self.assertEqual(self.resent(), {"Push": "refused"})
        self.assertEqual(self.tasks(), [])

    def test_matcher_of_masked_header(self) -> None:
        """A matcher that cannot see its header any more does not match."""
        matcher = {
            "name": "Live",
            "match_type": "header",
            "method": "unequals",
            "key": "X-Site-Key",
            "value": "test",
        }
        number = self.integration(keep_bodies=True, matchers=[matcher])
        self.deliver(self.alias(number), headers={"X-Site-Key": "test"})
        self.assertEqual(self.result()[0], "unmatched")
        self.assertEqual(self.resent(), {"Push": "refused"})
        self.assertIn("X-Site-Key is masked in the log", self.result()[1])


class TryOutTests(WebhookTestCase):
    """The test of an integration."""

    def test_outcomes(self) -> None:
        """A test says what would happen, and does nothing."""
        number = self.integration(matchers=[MATCHER], extract_values=[VALUE])
        path = f"{self.base}/integrations/{number}/test"
        body = {"ref": "refs/heads/main", "commits": [{"id": "ab12"}]}
        for sent, outcome in (
            (body, "matched"),
            ({"ref": "x"}, "unmatched"),
            ("{", "refused"),
        ):
            text = sent if isinstance(sent, str) else msgspec.json.encode(sent).decode()
            answer = self.client.post(path, {"headers": {"X-A": "b"}, "body": text})
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json["outcome"], outcome)
        answer = self.client.post(
            path, {"body": msgspec.json.encode(body).decode(), "headers": {}}
        )
        self.assertEqual(answer.json["environment"], {"branch": "ab12"})
        self.assertEqual((self.tasks(), self.log()), ([], []))

    def test_refused(self) -> None:
        """What the template refuses is said before a delivery arrives."""
        other = {**VALUE, "variable": "other", "key": "ref"}
        number = self.integration(extract_values=[other])
        path = f"{self.base}/integrations/{number}/test"
        answer = self.client.post(path, {"body": '{"ref": "x"}'})
        self.assertEqual(answer.json["outcome"], "refused")
        self.assertIn("does not ask for", answer.json["reason"])
        self.assertEqual(self.member(Role.GUEST).post(path, {"body": "{}"}).status, 403)
        self.refused(self.client.post(path, {"body": 5}), "body")
