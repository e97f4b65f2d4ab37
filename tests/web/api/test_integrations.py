"""Tests of the routes of integrations, their parts and their aliases."""

import re
from typing import Any

from semaphore_twisted.model import limits
from semaphore_twisted.model.users import Role
from tests.support.http import ApiClient
from tests.support.memory import make_member, make_project, make_user
from tests.support.resources import ResourceTestCase

_ALIAS = re.compile(r"https://semaphore\.example/api/integrations/[a-z0-9]{16}")


class IntegrationTestCase(ResourceTestCase):
    """A project with a template whose survey asks for two variables."""

    def setUp(self) -> None:
        """Create the template."""
        super().setUp()
        survey = [{"name": "branch"}, {"name": "count", "type": "int"}]
        self.template_id = self.made("templates", **self.template(survey_vars=survey))[
            "id"
        ]

    def integration(self, **body: Any) -> int:
        """Create an integration; return its id."""
        sent = {"name": "Push", "template_id": self.template_id, **body}
        number: int = self.made("integrations", **sent)["id"]
        return number

    def member(self, role: Role) -> ApiClient:
        """Return the client of a new member with *role*."""
        user = make_user(self.conn, f"a-{role}")
        make_member(self.conn, self.project, user, role)
        return self.site.as_user(user)


MATCHER = {
    "name": "Main",
    "match_type": "body",
    "method": "equals",
    "body_data_type": "json",
    "key": "ref",
    "value": "refs/heads/main",
}

VALUE = {
    "name": "Branch",
    "value_source": "body",
    "body_data_type": "json",
    "key": "commits.[0].id",
    "variable": "branch",
}


class IntegrationTests(IntegrationTestCase):
    """Integrations."""

    def test_shape(self) -> None:
        """An integration is shown with Semaphore's fields, and no others."""
        key = self.key()
        made = self.made(
            "integrations",
            name="Push",
            project_id=self.project.id,
            template_id=self.template_id,
            auth_method="hmac",
            auth_secret_id=key,
            auth_header="X-Sign",
            searchable=True,
            task_params={"git_branch": None, "message": "From outside"},
        )
        self.assertEqual(
            made,
            {
                "id": made["id"],
                "name": "Push",
                "project_id": self.project.id,
                "template_id": self.template_id,
                "auth_method": "hmac",
                "auth_secret_id": key,
                "auth_header": "X-Sign",
                "searchable": True,
                "task_params": {"message": "From outside"},
            },
        )
        self.assertEqual(self.shown("integrations", made["id"]), made)
        self.assertEqual(self.listed("integrations"), [made])

    def test_additions(self) -> None:
        """What Semaphore does not have is shown if it is set."""
        number = self.integration(
            auth_method="hmac",
            auth_secret_id=self.key(),
            auth_header="X-Sign",
            auth_algorithm="sha512",
            auth_prefix="v1=",
            keep_bodies=True,
        )
        shown = self.shown("integrations", number)
        self.assertEqual(
            (shown["auth_algorithm"], shown["auth_prefix"], shown["keep_bodies"]),
            ("sha512", "v1=", True),
        )

    def test_ansible_collection(self) -> None:
        """The words of ebdruplab.semaphoreui for methods are those of the method."""
        for word, method in (
            ("github_webhooks", "github"),
            ("bitbucket_webhooks", "bitbucket"),
        ):
            sent = {"debug_level": 4, "diff": False, "dry_run": False}
            number = self.integration(
                auth_method=word, auth_secret_id=self.key(), task_params=sent
            )
            shown = self.shown("integrations", number)
            self.assertEqual(shown["auth_method"], method)
            self.assertIsNone(shown["task_params"])

    def test_change(self) -> None:
        """A PUT replaces the whole integration, and keeps its parts."""
        number = self.integration(
            auth_method="gitlab", auth_secret_id=self.key(), searchable=True
        )
        path = f"{self.base}/integrations/{number}"
        self.client.post(f"{path}/matchers", MATCHER)
        body = {"id": number, "name": "Other", "template_id": self.template_id}
        self.assertEqual(self.client.put(path, body).status, 204)
        shown = self.client.get(path).json
        self.assertEqual(
            (shown["name"], shown["auth_method"], shown["auth_secret_id"]),
            ("Other", "", None),
        )
        self.assertFalse(shown["searchable"])
        self.assertEqual(len(self.client.get(f"{path}/matchers").json), 1)
        self.assertEqual(self.client.put(path, {**body, "matchers": []}).status, 204)
        self.assertEqual(self.client.get(f"{path}/matchers").json, [])
        self.refused(
            self.client.put(path, {**body, "id": number + 1}), "Integration ID in body"
        )

    def test_kept(self) -> None:
        """A client that does not know a field does not erase it."""
        kept = {
            "auth_algorithm": "sha512",
            "auth_prefix": "v1=",
            "keep_bodies": True,
            "task_params": {"message": "From outside"},
        }
        number = self.integration(**kept)
        path = f"{self.base}/integrations/{number}"
        body = {"id": number, "name": "Other", "template_id": self.template_id}
        self.assertEqual(self.client.put(path, body).status, 204)
        shown = self.shown("integrations", number)
        self.assertEqual({name: shown[name] for name in kept}, kept)
        cleared = {
            "auth_algorithm": "",
            "auth_prefix": "",
            "keep_bodies": False,
            "task_params": None,
        }
        self.assertEqual(self.client.put(path, {**body, **cleared}).status, 204)
        shown = self.shown("integrations", number)
        self.assertEqual(set(kept) & set(shown), {"task_params"})
        self.assertIsNone(shown["task_params"])

    def test_settings_refused(self) -> None:
        """Settings with which each delivery would be refused are not stored."""
        number = self.integration()
        for words, field, params in (
            ("does not let a task set git_branch", "git_branch", {"git_branch": "x"}),
            ("task set inventory_id", "inventory_id", {"inventory_id": 999}),
            ("does not ask", "environment", {"environment": '{"odd": 1}'}),
            ("an integer", "environment.count", {"environment": '{"count": "x"}'}),
        ):
            sent = {"name": "Push", "template_id": self.template_id}
            sent["task_params"] = params
            for answer in (
                self.client.post(f"{self.base}/integrations", sent),
                self.client.put(f"{self.base}/integrations/{number}", sent),
            ):
                self.refused(answer, words)
                self.assertEqual(answer.json["field"], f"task_params.{field}")
        self.assertIsNone(self.shown("integrations", number)["task_params"])

    def test_required_variable(self) -> None:
        """A delivery may state a variable that the survey requires."""
        survey = [{"name": "branch", "required": True}]
        body = self.template(name="Asks", survey_vars=survey)
        number = self.integration(template_id=self.made("templates", **body)["id"])
        self.assertGreater(number, 0)

    def test_parts_at_once(self) -> None:
        """Matchers and values can be made with the integration, all or none."""
        number = self.integration(matchers=[MATCHER], extract_values=[VALUE])
        path = f"{self.base}/integrations/{number}"
        self.assertEqual(self.client.get(f"{path}/matchers").json[0]["name"], "Main")
        self.assertEqual(
            self.client.get(f"{path}/refs").json,
            {
                "matchers": [{"id": 1, "name": "Main"}],
                "values": [{"id": 1, "name": "Branch"}],
            },
        )
        wrong = {**MATCHER, "method": "looks like"}
        answer = self.client.post(
            f"{self.base}/integrations",
            {
                "name": "Second",
                "template_id": self.template_id,
                "matchers": [MATCHER, wrong],
            },
        )
        self.refused(answer, "matchers[1]: method: invalid value")
        self.assertEqual(answer.json["field"], "matchers[1].method")
        self.assertEqual(self.names("integrations"), ["Push"])

    def test_refused(self) -> None:
        """What cannot work is refused when it is stored."""
        ssh = self.made("keys", name="Ssh", type="none")["id"]
        text = self.made("keys", name="Text", type="string", string="hidden")["id"]
        for body, word in (
            ({"name": ""}, "No Name set for integration"),
            ({"template_id": 999}, "template_id: there is no 999"),
            ({"auth_method": "magic"}, "auth_method: invalid value"),
            ({"auth_method": "github"}, "auth_secret_id: missing for github"),
            ({"auth_secret_id": 999}, "auth_secret_id: there is no 999"),
            ({"auth_method": "gitlab", "auth_secret_id": ssh}, "has the type none"),
            ({"auth_method": "basic", "auth_secret_id": text}, "has the type string"),
            ({"auth_method": "hmac", "auth_secret_id": text}, "auth_header: invalid"),
            ({"auth_method": "token", "auth_secret_id": text}, "auth_header: invalid"),
            ({"auth_header": "X Y"}, "auth_header: invalid"),
            ({"auth_algorithm": "md5"}, "expected sha256 or sha512"),
            ({"task_params": {"environment": "{"}}, "must be valid JSON"),
            ({"task_params": {"playbook": "x.yml"}}, "task_params.playbook"),
            ({"task_params": {"version": "1.0"}}, "task_params.version"),
            ({"task_params": {"secret": '{"x": "y"}'}}, "task_params.secret"),
            ({"task_params": {"params": {"plan": True}}}, "params.plan"),
            ({"project_id": self.other.id}, "Project ID in body"),
            ({"matchers": [{}] * (limits.HOOK_PARTS + 1)}, ""),
        ):
            answer = self.client.post(
                f"{self.base}/integrations",
                {"name": "Push", "template_id": self.template_id, **body},
            )
            self.assertIn(answer.status, {400, 409}, body)
            self.assertIn(word, answer.json["error"])
        self.assertEqual(self.listed("integrations"), [])

    def test_key_in_use(self) -> None:
        """The key of an integration cannot be deleted, and the refusal says why."""
        key = self.key()
        number = self.integration(auth_method="gitlab", auth_secret_id=key)
        path = f"{self.base}/keys/{key}"
        self.refused(self.client.delete(path), "in use", 'integrations "Push"')
        self.assertEqual(
            self.client.get(f"{path}/refs").json["integrations"],
            [{"id": number, "name": "Push"}],
        )
        self.assertEqual(
            self.client.get(f"{path}/usage").json["integrations"],
            [{"id": number, "name": "Push"}],
        )
        overview = self.client.get(f"{self.base}/keys/overview").json
        counts = {each["id"]: each["integrations"] for each in overview}
        self.assertEqual((counts[key], counts[self.none_key]), (1, 0))
        self.client.delete(f"{self.base}/integrations/{number}")
        self.assertNotIn("integrations", self.client.get(f"{path}/refs").json)
        self.assertEqual(self.client.delete(path).status, 204)

    def test_template_deleted(self) -> None:
        """An integration is deleted with its template."""
        number = self.integration(matchers=[MATCHER], extract_values=[VALUE])
        self.client.post(f"{self.base}/integrations/{number}/aliases")
        answer = self.client.delete(f"{self.base}/templates/{self.template_id}")
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.listed("integrations"), [])

    def test_foreign(self) -> None:
        """An integration of another project cannot be seen or changed."""
        number = self.integration()
        path = f"/api/project/{self.other.id}/integrations/{number}"
        make_member(self.conn, self.other, self.user, Role.OWNER)
        for below in ("", "/refs", "/matchers", "/values", "/aliases", "/facts"):
            self.assertEqual(self.client.get(path + below).status, 404, below)
        body = {"name": "x", "template_id": self.template_id}
        self.assertEqual(self.client.put(path, body).status, 404)
        self.assertEqual(self.client.post(f"{path}/matchers", MATCHER).status, 404)
        self.assertEqual(self.client.post(f"{path}/values", VALUE).status, 404)
        self.assertEqual(self.client.post(f"{path}/aliases").status, 404)
        self.assertEqual(self.client.delete(path).status, 404)
        key = self.key()
        other = make_project(self.conn, self.user, name="Third")
        template = {"name": "x", "template_id": self.template_id}
        answer = self.client.post(f"/api/project/{other.id}/integrations", template)
        self.refused(answer, "template_id: there is no")
        self.assertGreater(key, 0)

    def test_tag(self) -> None:
        """The tag of an integration changes with its parts."""
        path = f"{self.base}/integrations/{self.integration()}"
        tag = self.client.get(path).header("etag") or ""
        self.client.post(f"{path}/matchers", MATCHER)
        self.assertNotEqual(self.client.get(path).header("etag"), tag)
        answer = self.client.delete(path, headers={"If-Match": tag})
        self.assertEqual(answer.status, 412)


class NumberTests(IntegrationTestCase):
    """How many integrations a project has."""

    def copies(self, number: int, many: int) -> None:
        """Store copies of an integration, as an older database may have them."""
        self.conn.raw.execute(
            "INSERT INTO project__integration (project_id, template_id, name,"
            " searchable) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM"
            " n WHERE i < ?) SELECT project_id, template_id, 'Copy ' || i, searchable"
            " FROM project__integration, n WHERE id = ?",
            (many, number),
        )

    def test_all(self) -> None:
        """A project has a limited number of integrations."""
        self.copies(self.integration(), limits.HOOK_INTEGRATIONS_OF_PROJECT - 2)
        last = self.integration(name="Last")
        body = {"name": "More", "template_id": self.template_id}
        answer = self.client.post(f"{self.base}/integrations", body)
        self.assertEqual(answer.status, 409)
        self.assertIn("has 1000 integrations already", answer.json["error"])
        path = f"{self.base}/integrations/{last}"
        self.assertEqual(self.client.put(path, body).status, 204)
        self.assertEqual(self.client.delete(path).status, 204)
        self.integration(name="Another")

    def test_searchable(self) -> None:
        """So many of them are searchable; what was searchable already may stay."""
        first = self.integration(searchable=True)
        self.copies(first, limits.HOOK_SEARCHABLE)
        other = self.integration(name="Other")
        body = {"name": "More", "template_id": self.template_id, "searchable": True}
        path = f"{self.base}/integrations"
        for answer in (
            self.client.post(path, body),
            self.client.put(f"{path}/{other}", body),
        ):
            self.assertEqual((answer.status, answer.json["field"]), (409, "searchable"))
            self.assertIn("has 100 searchable integrations", answer.json["error"])
        self.assertFalse(self.shown("integrations", other)["searchable"])
        self.assertEqual(self.client.put(f"{path}/{first}", body).status, 204)


class PartTests(IntegrationTestCase):
    """Matchers and extracted values."""

    def setUp(self) -> None:
        """Create an integration."""
        super().setUp()
        self.number = self.integration()
        self.path = f"{self.base}/integrations/{self.number}"

    def test_matcher(self) -> None:
        """A matcher is created with 200, shown, replaced and deleted."""
        answer = self.client.post(f"{self.path}/matchers", MATCHER)
        self.assertEqual(answer.status, 200)
        made = answer.json
        self.assertEqual(
            made, {"id": made["id"], "integration_id": self.number, **MATCHER}
        )
        one = f"{self.path}/matchers/{made['id']}"
        self.assertEqual(self.client.get(one).json, made)
        self.assertEqual(
            self.client.get(f"{one}/refs").json,
            {"integrations": [{"id": self.number, "name": "Push"}]},
        )
        changed = {**made, "method": "contains"}
        self.assertEqual(self.client.put(one, changed).status, 204)
        self.assertEqual(self.client.get(one).json, changed)
        self.assertEqual(self.client.delete(one).status, 204)
        self.assertEqual(self.client.delete(one).status, 404)

    def test_matcher_refused(self) -> None:
        """Each wrong field of a matcher is named, and nothing is stored."""
        for change, word in (
            ({"name": ""}, "No Name set"),
            ({"match_type": ""}, "No Match Type set"),
            ({"match_type": "cookie"}, "match_type: invalid"),
            ({"method": ""}, "method: invalid"),
            ({"key": ""}, "No key set"),
            ({"value": ""}, "No value set"),
            ({"body_data_type": "xml"}, "body_data_type: invalid"),
            ({"key": "a..b"}, "key: invalid path"),
            ({"key": "a[x]"}, "key: invalid path"),
            ({"key": "a" * 2000}, "key: 2000 characters"),
            ({"value": 3}, "value"),
            ({"integration_id": 999}, "Extractor ID"),
        ):
            body = {**MATCHER, **change}
            self.refused(self.client.post(f"{self.path}/matchers", body), word)
        self.assertEqual(self.client.get(f"{self.path}/matchers").json, [])

    def test_value(self) -> None:
        """A value is created with 201; a PUT keeps what it does not have."""
        answer = self.client.post(f"{self.path}/values", VALUE)
        self.assertEqual(answer.status, 201)
        made = answer.json
        self.assertEqual(made["variable_type"], "environment")
        one = f"{self.path}/values/{made['id']}"
        self.assertEqual(self.client.put(one, {"key": "ref"}).status, 204)
        self.assertEqual(self.client.get(one).json, {**made, "key": "ref"})
        self.assertEqual(self.client.get(f"{self.path}/values").json[0]["key"], "ref")
        self.assertEqual(
            self.client.get(f"{one}/refs").json["integrations"][0]["id"], self.number
        )
        self.assertEqual(self.client.delete(one).status, 204)
        self.assertEqual(self.client.get(one).status, 404)

    def test_value_refused(self) -> None:
        """Each wrong field of a value is named, and nothing is stored."""
        for change, word in (
            ({"name": ""}, "No Name set"),
            ({"value_source": ""}, "No Value Source defined"),
            ({"value_source": "moon"}, "value_source: invalid"),
            ({"body_data_type": ""}, "no body data type set"),
            ({"key": ""}, "No Key set for JSON Body Data extraction."),
            ({"value_source": "header", "key": ""}, "no Key set"),
            ({"value_source": "header", "key": "X-Gitlab-Token"}, "holds no secret"),
            ({"key": "commits[*].id"}, "[*] selects several values"),
            ({"variable": ""}, "cannot be the name of a variable"),
            ({"variable": "a b"}, "cannot be the name of a variable"),
            ({"variable": "LD_PRELOAD"}, "LD_PRELOAD"),
            ({"variable": "PATH"}, "PATH"),
            ({"variable_type": "secret"}, "variable_type: invalid"),
            ({"variable_type": "task", "variable": "playbook"}, "variable: invalid"),
            ({"variable_type": "task", "variable": "arguments"}, "variable: invalid"),
            ({"integration_id": 999}, "Extractor ID"),
        ):
            body = {**VALUE, **change}
            self.refused(self.client.post(f"{self.path}/values", body), word)
        self.assertEqual(self.client.get(f"{self.path}/values").json, [])

    def test_ansible_variables(self) -> None:
        """Variables that decide how Ansible connects are refused."""
        inventory = self.inventory()
        template = self.made(
            "templates",
            **self.template(
                name="Play", app="ansible", playbook="x.yml", inventory_id=inventory
            ),
        )["id"]
        path = f"{self.base}/integrations/{self.integration(template_id=template)}"
        for name in ("ansible_connection", "__ansible_unsafe", "hostvars"):
            body = {**VALUE, "variable": name}
            self.refused(self.client.post(f"{path}/values", body), name)

    def test_number(self) -> None:
        """An integration has a limited number of parts."""
        for _ in range(limits.HOOK_PARTS):
            self.client.post(f"{self.path}/matchers", MATCHER)
        answer = self.client.post(f"{self.path}/matchers", MATCHER)
        self.assertEqual(answer.status, 409)
        self.assertIn("at most 50", answer.json["error"])


class AliasTests(IntegrationTestCase):
    """Aliases."""

    def test_both_kinds(self) -> None:
        """A project and an integration have aliases of their own."""
        number = self.integration()
        of_project = f"{self.base}/integrations/aliases"
        of_one = f"{self.base}/integrations/{number}/aliases"
        for path in (of_project, of_one):
            answer = self.client.post(path)
            self.assertEqual(answer.status, 200)
            self.assertRegex(answer.json["url"], _ALIAS)
            self.assertEqual(self.client.get(path).json, [answer.json])
        one = self.client.get(of_one).json[0]["id"]
        self.assertEqual(self.client.delete(f"{of_project}/{one}").status, 404)
        self.assertEqual(self.client.delete(f"{of_one}/{one}").status, 204)
        self.assertEqual(self.client.get(of_one).json, [])
        self.assertEqual(len(self.client.get(of_project).json), 1)

    def test_roles(self) -> None:
        """Only who may run tasks sees a whole alias."""
        path = f"{self.base}/integrations/aliases"
        url = self.client.post(path).json["url"]
        runner, guest = (
            self.member(role).get(path).json[0]["url"]
            for role in (Role.TASK_RUNNER, Role.GUEST)
        )
        self.assertEqual(runner, url)
        self.assertEqual(guest, f"{url[:-12]}…")

    def test_number(self) -> None:
        """A project has a limited number of aliases."""
        path = f"{self.base}/integrations/aliases"
        for _ in range(limits.HOOK_ALIASES):
            self.client.post(path)
        self.assertEqual(self.client.post(path).status, 409)
