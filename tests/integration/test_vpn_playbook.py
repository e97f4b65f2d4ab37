"""A playbook reaches hosts behind NAT, by an inventory of the VPN's peers."""

import os
import shutil

from tests.support import lab_site
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import SERVER, Machine
from tests.support.lab_site import Site
from tests.support.product import TIMEOUT
from tests.support.programs import program
from tests.support.repository import repository
from tests.support.sshd import make_key

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  vars: {ansible_python_interpreter: /usr/bin/python3}
  tasks:
    - command: cat /etc/hosts
      register: hosts
    - debug: {msg: "reached {{ inventory_hostname }} {{ hosts.stdout_lines[2] }}"}
"""


class PlaybookTests(LabTestCase):
    """Two hosts of a project; one of them has the tag that is asked for."""

    def setUp(self) -> None:
        """Join both hosts."""
        super().setUp()
        self.lab.outside_names()
        site = self.site = Site(self.lab)
        site.set_up()
        site.start()
        self.project = site.api("POST", "/projects", {"name": "Web"})["id"]
        for client, tag in ((self.lab.client1, "web"), (self.lab.client2, "db")):
            link = site.invite("--project", "Web", "--kind", "host", "--tag", tag)
            lab_site.join(site, client, link, "--name", client.name)

    def sshd(self, machine: Machine) -> str:
        """Start OpenSSH's server on *machine*; return a private key that it knows."""
        server = program("sshd")
        folder = machine.folder / "ssh"
        folder.mkdir(mode=0o700)
        make_key(folder / "host_key", "ed25519")
        private = make_key(folder / "client", "ed25519")
        shutil.copy(folder / "client.pub", folder / "authorized_keys")
        (machine.folder / "run" / "sshd").mkdir(mode=0o755)
        settings = (
            f"HostKey {folder}/host_key",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            f"PidFile {folder}/pid",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
        )
        (folder / "config").write_text("\n".join(settings) + "\n")
        machine.start(server, "-D", "-e", "-f", str(folder / "config"), log="sshd")
        until(lambda: "listening" in machine.log("sshd"), "sshd listens")
        return private

    def create(self, kind: str, **fields: object) -> int:
        """Make an object of the project and return its number."""
        made = self.site.api(
            "POST",
            f"/project/{self.project}/{kind}",
            {"project_id": self.project, **fields},
        )
        number: int = made["id"]
        return number

    def test_playbook(self) -> None:
        """Only hosts with the tag are reached, at their tunnel addresses."""
        site = self.site
        private = self.sshd(self.lab.client2)
        folder = repository(site.machine.folder / "files", {"site.yml": PLAYBOOK})
        for path in (folder, *folder.rglob("*")):
            os.chown(path, SERVER.number, SERVER.number)
        key = self.create(
            "keys",
            name="Key",
            type="ssh",
            ssh={"login": "root", "passphrase": "", "private_key": private},
        )
        (none,) = (
            each["id"]
            for each in site.api("GET", f"/project/{self.project}/keys")
            if each["type"] == "none"
        )
        files = self.create(
            "repositories",
            name="Files",
            git_url=f"file://{folder}",
            git_branch="main",
            ssh_key_id=none,
        )
        inventory = self.create(
            "inventory", name="VPN", type="vpn", inventory="tags: db", ssh_key_id=key
        )
        environment = self.create("environment", name="None", json="{}", env="{}")
        template = self.create(
            "templates",
            name="Reach",
            app="ansible",
            playbook="site.yml",
            repository_id=files,
            inventory_id=inventory,
            environment_id=environment,
        )
        status, log = self.run_task(template)
        self.assertEqual(status, "success", log)
        self.assertIn("reached client2 127.0.1.1 client2", log)
        self.assertNotIn("client1", log)

    def run_task(self, template: int) -> tuple[str, str]:
        """Run a template; return how it ended, and its log."""
        base = f"/project/{self.project}/tasks"
        task = self.site.api("POST", base, {"template_id": template})["id"]

        def status() -> str:
            found: str = self.site.api("GET", f"{base}/{task}")["status"]
            return found

        ends = {"success", "error", "stopped"}
        until(lambda: status() in ends, "the task ends", TIMEOUT, 0.2)
        lines = self.site.api("GET", f"{base}/{task}/output")
        return status(), "\n".join(each["output"] for each in lines)
