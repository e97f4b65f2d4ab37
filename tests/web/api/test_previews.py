"""Previews of runs: what the program of a task would receive."""

from typing import Any

import msgspec
from sqlalchemy import select

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.values import ansible_environment
from semaphore_twisted.model.previews import MASK
from semaphore_twisted.model.users import Role
from semaphore_twisted.persistence.schema import access_key
from semaphore_twisted.tasks.preparation import order
from tests.support.dumps import dump
from tests.support.http import Answer, ApiClient, memory_keyring
from tests.support.memory import make_member, make_user
from tests.support.orders import options
from tests.support.resources import ResourceTestCase

#: Stored or sent as a secret; in no preview.
SECRET = "Zx9-marker"


class PreviewTestCase(ResourceTestCase):
    """A template of Ansible that uses a secret in each place."""

    def setUp(self) -> None:
        """Create keys, a group, an inventory and the template."""
        super().setUp()
        login = {"login": "deploy", "password": SECRET}
        key = self.key(login_password=login)
        self.group = self.made(
            "environment",
            name="Group",
            json='{"color": "blue", "size": 3}',
            env='{"REGION": "eu"}',
            secrets=[
                {
                    "operation": "create",
                    "type": kind,
                    "name": name,
                    "secret": f"{SECRET} {kind}",
                }
                for kind, name in (("env", "TOKEN"), ("var", "word"))
            ],
        )["id"]
        self.number = self.made(
            "templates",
            **self.template(
                name="Play",
                app="ansible",
                playbook="site.yml",
                repository_id=self.repository(ssh_key_id=key),
                inventory_id=self.inventory(
                    inventory="[web]\nweb1\nweb2\n", ssh_key_id=key, become_key_id=key
                ),
                environment_id=self.group,
                vaults=[{"vault_key_id": key, "name": "prod"}],
                arguments='["--forks", "3", "{workspace}"]',
                task_params={"allow_override_limit": True},
                survey_vars=[
                    {"name": "target", "title": "T", "required": True},
                    {"name": "pin", "title": "P", "type": "secret"},
                ],
            ),
        )["id"]
        self.body = {
            "template_id": self.number,
            "environment": '{"target": "{{ x }} {workspace}"}',
            "secret": msgspec.json.encode({"pin": SECRET}).decode(),
            "limit": "web1",
            "message": "<img src=x onerror=alert(1)>",
        }

    def ask(self, client: ApiClient | None = None, **fields: Any) -> Answer:
        """Ask for the preview of a task with *fields*."""
        path = f"{self.base}/templates/{self.number}/preview"
        answer = (client or self.client).post(path, {**self.body, **fields})
        self.assertNotIn(SECRET.encode(), answer.body)
        return answer

    def runner(self) -> ApiClient:
        """Return the client of a user who may only run tasks."""
        user = make_user(self.conn, "runner")
        make_member(self.conn, self.project, user, Role.TASK_RUNNER)
        return self.site.as_user(user)


class RunPreviewTests(PreviewTestCase):
    """The answer."""

    def files(self, answer: Answer) -> dict[str, str]:
        """Return the files of an answer."""
        return {each["path"]: each["content"] for each in answer.json["files"]}

    def test_ansible(self) -> None:
        """Arguments, environment and files are those of a run, secrets are masked."""
        answer = self.ask()
        self.assertEqual(answer.status, 200, answer.body)
        made = answer.json
        self.assertEqual(
            made["arguments"],
            [
                *("ansible-playbook", "-i", "{workspace}/inventory/hosts"),
                "--connection-password-file={workspace}/passwords/login",
                "--become-password-file={workspace}/passwords/become",
                f"--vault-id=prod@{MASK}",
                "--extra-vars=@{workspace}/variables/variables.json",
                "--extra-vars=@{workspace}/variables/exact.json",
                *("--forks", "3", "{workspace}", "--limit=web1", "site.yml"),
            ],
        )
        self.assertEqual(made["environment"], {"REGION": "eu", "TOKEN": MASK})
        self.assertEqual(made["folder"], "{workspace}/repository")
        self.assertEqual(made["branch"], "main")
        found = self.files(answer)
        self.assertEqual(found["inventory/hosts"], "[web]\nweb1\nweb2\n")
        self.assertEqual(
            msgspec.json.decode(found["variables/variables.json"]),
            {"color": "blue", "size": 3},
        )
        exact = msgspec.json.decode(found["variables/exact.json"])
        self.assertEqual(exact["word"], {"__ansible_unsafe": MASK})
        self.assertEqual(exact["pin"], {"__ansible_unsafe": MASK})
        self.assertEqual(exact["target"], {"__ansible_unsafe": "{{ x }} {workspace}"})

    def test_same_as_a_run(self) -> None:
        """A run of the same body has the same arguments, but for the login."""
        shown = self.ask().json
        task = self.client.post(f"{self.base}/tasks", self.body).json["id"]
        real = order(self.conn, memory_keyring(), task)
        program = specification(real, options("/srv/semaphore")).steps[-1]
        logins = {"--user=deploy", "--become-user=deploy"}
        words = [each for each in program.argv if each not in logins]
        self.assertEqual(len(words), len(program.argv) - 2)
        self.assertEqual(
            [
                each.replace("{pipe:vault0}", MASK).replace("{brace}", "{")
                for each in words
            ],
            shown["arguments"],
        )
        self.assertEqual(set(shown["environment"]), set(ansible_environment(real)))

    def test_nothing_opened(self) -> None:
        """Keys that cannot be opened are no obstacle; nothing is stored or used."""
        before = self.ask().json
        for number in self.conn.column(select(access_key.c.id)):
            self.conn.update(access_key, number, secret="s1.damaged")
        stored = dump(self.conn.raw)
        self.assertEqual(self.ask().json, before)
        self.assertEqual(dump(self.conn.raw), stored)

    def test_script(self) -> None:
        """A script has plain variables as arguments, secrets in its environment."""
        number = self.made(
            "templates", **self.template(name="S", environment_id=self.group)
        )["id"]
        path = f"{self.base}/templates/{number}/preview"
        made = self.client.post(path, {"template_id": number}).json
        self.assertEqual(made["arguments"][1:], ["say.sh", "color=blue", "size=3"])
        self.assertEqual(made["environment"]["word"], MASK)
        self.assertEqual(made["environment"]["SEMAPHORE_TASK_DETAILS_ID"], "0")
        self.assertEqual(made["files"], [])
        self.assertNotIn("PATH", made["environment"])

    def test_rights(self) -> None:
        """A task runner sees names of the group's variables, not their values."""
        self.assertEqual(self.ask(self.guest()).status, 403)
        answer = self.ask(self.runner())
        found = self.files(answer)
        self.assertEqual(
            msgspec.json.decode(found["variables/variables.json"]),
            {"color": MASK, "size": MASK},
        )
        self.assertEqual(answer.json["environment"], {"REGION": MASK, "TOKEN": MASK})
        self.assertIn("--limit=web1", answer.json["arguments"])

    def test_refused(self) -> None:
        """What no task may have is refused with the same sentence."""
        refused: tuple[dict[str, Any], ...] = (
            {"environment": "{}"},
            {"environment": '{"target": "x", "ansible_connection": "local"}'},
            {"limit": "@/etc/passwd"},
            {"playbook": "other.yml"},
            {"git_branch": "other"},
            {"secret": "{"},
        )
        for fields in refused:
            sent = {**self.body, **fields}
            real = self.client.post(f"{self.base}/tasks", sent)
            self.assertEqual(real.status, 400, fields)
            answer = self.ask(**fields)
            self.assertEqual((answer.status, answer.json), (400, real.json))
        self.refused(self.ask(template_id=987), "template_id: invalid value 987")
        path = f"{self.base}/templates/987/preview"
        answer = self.client.post(path, {**self.body, "template_id": 987})
        self.assertEqual(answer.status, 404)
