"""Values from a task runner stay plain text, from the API to a playbook's log."""

import hashlib
import json
import sys
from typing import Any

from tests.support.cases import ProductTestCase

#: A login name has no spaces and no capital letters.
CODE = "{{lookup('pipe','echo')~'evalu'~'ated'}}"
PLAYBOOK = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "debug": {
                    "msg": "{{ name }} {{ value | hash('sha256') }}"
                    " {{ value | type_debug }}"
                },
                "vars": {"name": "{{ item }}", "value": "{{ values[item] }}"},
                "loop": [
                    *("text", "choice", "number", "word", "preset"),
                    *("message", "username"),
                ],
            },
            {"debug": {"var": "semaphore_vars"}},
            {"debug": {"msg": "{{ text }} {{ choice }} {{ preset }}"}},
        ],
        "vars": {
            "values": {
                **{name: f"{{{{ {name} }}}}" for name in ("text", "choice", "number")},
                **{name: f"{{{{ {name} }}}}" for name in ("word", "preset")},
                "message": "{{ semaphore_vars.task_details.message }}",
                "username": "{{ semaphore_vars.task_details.username }}",
            }
        },
    }
]


def digest(text: str) -> str:
    """Return what the playbook calculates."""
    return hashlib.sha256(text.encode()).hexdigest()


class HostileValuesTests(ProductTestCase):
    """A playbook with a survey, on a running server."""

    def made(self, **more: Any) -> tuple[int, int]:
        """Make a project with a template for the playbook."""
        project, repo = self.project({"site.yml": json.dumps(PLAYBOOK)})
        inventory = self.product.create(
            project,
            "inventory",
            name="Local",
            type="static",
            inventory="localhost ansible_connection=local"
            f" ansible_python_interpreter={sys.executable}",
            ssh_key_id=self.none,
        )
        template = self.template(
            project, repo, "ansible", "site.yml", inventory_id=inventory, **more
        )
        return project, template

    def test_playbook(self) -> None:
        """Answers of each type, the message and one's own name are not evaluated."""
        project, template = self.made(
            survey_vars=[
                {"name": "text"},
                {"name": "choice", "type": "enum", "values": [{"value": CODE}]},
                {"name": "number", "type": "int"},
                {"name": "word", "type": "secret"},
                {"name": "preset", "default_value": CODE},
            ]
        )
        me = self.product.api("GET", "/user")
        renamed = {
            **{key: me[key] for key in ("id", "name", "email", "admin", "alert")},
            "username": CODE,
        }
        self.product.api("PUT", f"/users/{me['id']}", renamed)
        task = self.product.run(
            project,
            template,
            message=CODE,
            environment=json.dumps({"text": CODE, "choice": CODE, "number": 7}),
            secret=json.dumps({"word": "0123456"}),
        )
        status = self.product.wait(project, task)
        log = "\n".join(self.product.output(project, task))
        self.assertEqual(status, "success", log)
        for name, text in (
            *((name, CODE) for name in ("text", "choice", "preset", "message")),
            ("username", CODE),
            ("word", "0123456"),
        ):
            self.assertIn(f"{name} {digest(text)}", log)
        self.assertIn(f"number {digest('7')} int", log)
        self.assertIn(f"{CODE} {CODE} {CODE}", log)
        self.assertNotIn("evaluated", log)

    def test_refused(self) -> None:
        """A value that selects or runs more than a name is 400, and creates no task."""
        project, template = self.made(
            task_params={"allow_override_limit": True, "allow_override_tags": True},
            allow_override_args_in_task=True,
            survey_vars=[{"name": "text"}],
        )
        path = f"/api/project/{project}/tasks"
        for body in (
            {"limit": f"@{self.product.state}/config.json"},
            {"params": {"limit": ["all:@/etc/shadow"]}},
            {"params": {"limit": ["all,@/etc/shadow"]}},
            {"params": {"tags": ["@/etc/shadow"]}},
            {"arguments": '["--extra-vars=@/etc/shadow"]'},
            {"arguments": '["-e", "x={{ y }}"]'},
            {"arguments": '["--limit", "@/etc/shadow"]'},
            {"arguments": '["-i", "/bin/sh,"]'},
            {"environment": '{"ansible_connection": "local"}'},
            {"environment": '{"text": {"__ansible_unsafe": "x"}}'},
            {"environment": '{"text": "1", "text": "2"}'},
            {"environment": '{"text": ' + "[" * 3000 + "]" * 3000 + "}"},
            {"environment": '{"text": NaN}'},
            {"environment": '{"text": 1e400}'},
            {"environment": '{"text": "\\ud800"}'},
            {"secret": '{"text": "x"}'},
        ):
            answer = self.product.call("POST", path, {"template_id": template, **body})
            self.assertEqual(answer.status, 400, (body, answer.content))
            self.assertTrue(answer.json["error"], body)
        self.assertEqual(self.product.api("GET", f"/project/{project}/tasks"), [])
