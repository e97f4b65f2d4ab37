"""Checks of inventories and repositories with the real programs."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from semaphore_twisted.jobs.checks import specification
from semaphore_twisted.jobs.job_inputs import (
    CheckOrder,
    InventorySource,
    RepositorySource,
)
from semaphore_twisted.model.checks import (
    CheckedGroup,
    CheckKind,
    InventoryCheck,
    RepositoryCheck,
)
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.keys import SshKey
from semaphore_twisted.tasks.check_report import CheckReport
from tests.integration.test_ansible import PYTHON, AnsibleCase
from tests.support.ansible_versions import folder_of
from tests.support.cases import SharedProductTestCase
from tests.support.execution import run
from tests.support.gitserver import Repository, git
from tests.support.orders import static
from tests.support.sshd import Sshd

TOKEN = "check-token"
SECRET = "Zx9-marker"


class CheckCase(AnsibleCase):
    """Runs checks under the real supervisor."""

    def check(self, kind: CheckKind, **fields: Any) -> Any:
        """Run a check with *fields* of its order; return its report."""
        order = CheckOrder(job_name="check", **fields)
        made = specification(order, self.options, token=TOKEN)
        self.ran = ran = run(replace(made, masks=()))
        report = CheckReport(kind, TOKEN, datetime(2026, 1, 2, tzinfo=UTC))
        report.commit = ran.facts.get("commit_hash")
        report.begin(ran.step)
        for line in ran.lines:
            report.add(line)
        status: Any = ran.status
        return report.report(
            JobResult(
                status=status, reason=ran.reason, step=ran.step, started=1, ended=2
            )
        )

    def inventory(self, checked: InventorySource, **fields: Any) -> InventoryCheck:
        """Check an inventory; no secret variable is in the output or the report."""
        found: InventoryCheck = self.check(
            CheckKind.INVENTORY, inventory=checked, **fields
        )
        self.assertNotIn(SECRET, self.ran.log)
        self.assertNotIn(SECRET, msgspec.json.encode(found).decode())
        return found

    def source(self, where: Repository | str, branch: str = "main") -> RepositorySource:
        """Return a repository without a key."""
        url = where if isinstance(where, str) else str(where.folder)
        return RepositorySource(repository_id=5, url=url, branch=branch)


class InventoryTests(CheckCase):
    """The hosts of an inventory, and whether they answer."""

    def test_hosts(self) -> None:
        """Hosts and groups are listed by their names, and each host is pinged."""
        self.reach()

    def test_oldest(self) -> None:
        """So they are with the oldest release of ansible-core that is supported."""
        path = f"{folder_of('2.17')}:{os.environ['PATH']}"
        self.options = replace(self.options, search_path=path)
        self.reach()
        found = self.inventory(static(f"[web]\nweb1 x=1 {SECRET} more\n"))
        self.assertIn("line 2: Expected key=value", found.reason)

    def reach(self) -> None:
        """Check a host that answers and one that does not."""
        server = self.enter(Sshd())
        text = (
            f"good ansible_host=127.0.0.1 ansible_port={server.port} {PYTHON} "
            f"password={SECRET}\n"
            f"closed ansible_host=127.0.0.1 ansible_port=9 token={SECRET}\n"
            "[web]\ngood\n[prod:children]\nweb\n"
            f"[prod:vars]\nsecret={SECRET}\n"
        )
        key = SshKey(login=server.user, private_key=server.new_key("ed25519"))
        found = self.inventory(static(text, key=key))
        self.assertEqual((found.status, found.reason), ("success", ""), self.ran.log)
        self.assertEqual(
            {each.name: each.hosts for each in found.groups}, {"web": 1, "prod": 1}
        )
        hosts = {each.name: each for each in found.hosts}
        self.assertEqual(hosts["good"].state, "ok")
        self.assertEqual(hosts["good"].groups, ("prod", "web"))
        self.assertGreater(hosts["good"].seconds or 0, 0)
        self.assertEqual(hosts["closed"].state, "unreachable")
        self.assertIn("Connection refused", hosts["closed"].reason)

    def test_unreadable(self) -> None:
        """A file that does not parse is told with its line, and without its content."""
        found = self.inventory(static(f"[web]\nweb1 x=1 {SECRET} more\n"))
        self.assertEqual((found.status, found.hosts), ("error", ()))
        self.assertIn("Ansible cannot read the inventory", found.reason)
        self.assertIn("Expected key=value", found.reason)

    def test_none(self) -> None:
        """An inventory without hosts is no error."""
        found = self.inventory(static("# nothing yet\n"))
        self.assertEqual((found.status, found.hosts), ("success", ()), self.ran.log)

    def test_file(self) -> None:
        """A file of a repository is checked where ``ansible.cfg`` is."""
        self.upstream.commit(
            {
                "hosts/all.yml": json.dumps(
                    {
                        "all": {
                            "hosts": {
                                "here": {
                                    "ansible_connection": "local",
                                    "ansible_python_interpreter": "/usr/bin/python3",
                                    "password": SECRET,
                                }
                            }
                        }
                    }
                ),
                "ansible.cfg": "[defaults]\nstdout_callback = tree\n",
            }
        )
        source = self.source(self.upstream)
        file = InventorySource(
            type=InventoryType.FILE, inventory="hosts/all.yml", source=source
        )
        for made, other in ((file, None), (replace(file, source=None), source)):
            found = self.inventory(made, source=other)
            self.assertEqual(found.status, "success", self.ran.log)
            self.assertEqual(
                [(each.name, each.state) for each in found.hosts], [("here", "ok")]
            )

    def test_missing_file(self) -> None:
        """A file that is not in the repository is named."""
        self.upstream.commit({"a": "b"})
        found = self.inventory(
            InventorySource(
                type=InventoryType.FILE,
                inventory="nowhere.ini",
                source=self.source(self.upstream),
            )
        )
        self.assertEqual(found.status, "error")
        self.assertIn("nowhere.ini is not in the repository", found.reason)

    def test_program(self) -> None:
        """An inventory that is a program cannot smuggle variables into the names."""
        script = (
            "#!/bin/sh\n"
            f"echo 'stray {SECRET}' | cut -c1-5 >&2\n"
            'echo \'{"web": {"hosts": ["<img src=x>", "b"]}, "_meta": {"hostvars": '
            f'{{"b": {{"password": "{SECRET}"}}}}}}}}\'\n'
        )
        self.upstream.commit({"hosts.sh": script})
        (self.upstream.folder / "hosts.sh").chmod(0o755)
        self.upstream.commit({})
        found = self.inventory(
            InventorySource(
                type=InventoryType.FILE,
                inventory="hosts.sh",
                source=self.source(self.upstream),
            )
        )
        self.assertEqual(found.groups, (CheckedGroup(name="web", hosts=2),))
        self.assertEqual({each.name for each in found.hosts}, {"<img src=x>", "b"})
        self.assertEqual({each.state for each in found.hosts}, {"unreachable"})


class RepositoryTests(CheckCase):
    """The branches and playbooks of a repository."""

    FILES: ClassVar[dict[str, str]] = {
        "site.yml": "---\n- hosts: all\n  tasks: []\n",
        "deploy/web.yaml": "- name: Web\n  hosts: web\n",
        "all.yml": "- import_playbook: site.yml\n",
        "roles/x/tasks/main.yml": "- name: no play\n  debug:\n",
        "group_vars/all.yml": "hosts: 3\n",
        "vars.yml": "- name: list\n",
        "site.txt": "- hosts: all\n",
    }

    def found(self, source: RepositorySource) -> RepositoryCheck:
        """Check a repository."""
        found: RepositoryCheck = self.check(CheckKind.REPOSITORY, source=source)
        return found

    def test_lists(self) -> None:
        """Branches and playbooks are listed, and the commit is told."""
        commit = self.upstream.commit(self.FILES)
        git("branch", "feature/ü", cwd=self.upstream.folder)
        for url in (str(self.upstream.folder), self.upstream.folder.as_uri()):
            found = self.found(self.source(url))
            self.assertEqual(
                (found.status, found.reason), ("success", ""), self.ran.log
            )
            self.assertEqual(found.commit, commit)
            self.assertEqual(set(found.branches), {"main", "feature/ü"})
            self.assertEqual(
                set(found.playbooks), {"all.yml", "site.yml", "deploy/web.yaml"}
            )

    def test_failures(self) -> None:
        """The reason is the job's sentence with what git says."""
        self.upstream.commit(self.FILES)
        found = self.found(self.source(f"{self.folder}/nowhere"))
        self.assertEqual(found.status, "error")
        self.assertIn("cannot be fetched", found.reason)
        self.assertIn("does not exist", found.reason)
        found = self.found(self.source(self.upstream, "other"))
        self.assertIn('"other" was not found', found.reason)
        found = self.found(self.source("http://127.0.0.1:9/x.git"))
        self.assertIn("cannot be reached", found.reason)
        self.assertIn("Failed to connect", found.reason)


class ServerTests(SharedProductTestCase):
    """Checks by the API of a running server."""

    def done(self, path: str) -> Any:
        """Wait for the end of a check, and return it."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = self.product.api("GET", path)
            if found["status"] != "running":
                return found
            time.sleep(0.1)
        raise AssertionError("the check does not end")

    def test_checks(self) -> None:
        """Both checks run as jobs that are no tasks, and their results stay."""
        project, repo = self.project({"site.yml": "- hosts: all\n", "x": "y"})
        base = f"/project/{project}"
        api = self.product.api
        inventory = self.product.create(
            project,
            "inventory",
            name="Hosts",
            type="static",
            inventory=f"here ansible_connection=local {PYTHON} password={SECRET}\n",
        )
        path = f"{base}/inventory/{inventory}/check"
        self.assertEqual(api("GET", path)["status"], "never")
        begun = api("POST", path, {})
        self.assertEqual(begun["status"], "running")
        again = self.product.call("POST", f"/api{path}", {})
        self.assertEqual(again.status, 409)
        found = self.done(path)
        self.assertEqual(found["status"], "success", found)
        (host,) = found["hosts"]
        self.assertEqual((host["name"], host["state"]), ("here", "ok"))
        self.assertNotIn(SECRET, json.dumps(found))
        usage = api("GET", f"{base}/repositories/{repo}/branches")
        self.assertEqual(usage, ["main"])
        self.assertEqual(
            api("GET", f"{base}/repositories/{repo}/playbooks"), ["site.yml"]
        )
        shown = api("GET", f"{base}/repositories/{repo}/check")
        self.assertEqual((shown["status"], shown["branches"]), ("success", ["main"]))
        self.assertEqual(api("GET", f"{base}/tasks"), [])
        spools = Path(self.folder) / "state" / "jobs"
        until = time.monotonic() + 10
        while list(spools.glob("job_*")) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(list(spools.glob("job_*")), [])

    def test_stop(self) -> None:
        """A check is stopped on request."""
        project, _ = self.project({"x": "y"})
        hosts = "".join(f"h{n} ansible_host=192.0.2.{n}\n" for n in range(1, 9))
        inventory = self.product.create(
            project, "inventory", name="Far", type="static", inventory=hosts
        )
        path = f"/project/{project}/inventory/{inventory}/check"
        self.product.api("POST", path, {})
        self.product.api("DELETE", path)
        self.assertEqual(self.done(path)["status"], "stopped")
