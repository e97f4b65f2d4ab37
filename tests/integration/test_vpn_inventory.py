"""Ansible reads inventories of hosts whose names it uses for something else."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.operations.vpn.inventory import content
from semaphore_twisted.persistence.schema import vpn_peer
from tests.support.memory import make_project, make_user, memory_connection
from tests.support.product import clean_environment

BIN = Path(sys.executable).parent

#: Names that rows of former versions may have.
NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "[::1]",
    "Localhost",
    "all",
    "!all",
    "ungrouped",
    "tag_db",
    "_meta",
    "vars",
    "hosts",
    "children",
    "db[1:2]",
    "db",
    "db.yml",
)

PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - command: echo play-on-localhost
- hosts: 127.0.0.1
  gather_facts: false
  tasks:
    - command: echo play-on-loopback
- hosts: db
  gather_facts: false
  tasks:
    - command: echo delegated-to-{{ item }}
      delegate_to: "{{ item }}"
      loop: [localhost, 127.0.0.1, "::1"]
    - debug: {msg: "secret is {{ secret }}"}
"""


class ReservedNameTests(SynchronousTestCase):
    """Hosts of former versions whose names mean something to Ansible."""

    def setUp(self) -> None:
        """Write the inventory."""
        conn = memory_connection()
        project = make_project(conn, make_user(conn))
        for number, name in enumerate(NAMES, 2):
            conn.insert(
                vpn_peer,
                uuid=str(number),
                name=name,
                kind="host",
                state="active",
                project_id=project.id,
                public_key=bytes([number]) * 32,
                ipv4=f"10.80.0.{number}",
                tags=("db",) if name.startswith("db") else (),
                created=conn.now,
            )
        self.folder = Path(tempfile.mkdtemp(prefix="inventory-"))
        self.addCleanup(rmtree, self.folder)
        (self.folder / "hosts.yml").write_text(content(conn, ProjectId(project.id), ""))
        variables = self.folder / "host_vars"
        variables.mkdir()
        (variables / "db.yml").write_text("secret: of-db\n")
        (self.folder / "site.yml").write_text(PLAYBOOK)

    def ansible(self, program: str, *arguments: str) -> str:
        """Run a program of Ansible, for which no host but this one is reachable."""
        environ = clean_environment(
            HOME=str(self.folder),
            ANSIBLE_SSH_COMMON_ARGS="-o ProxyCommand=false",
            ANSIBLE_LOCALHOST_WARNING="false",
            ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3",
        )
        environ["PATH"] = f"{BIN}:{os.environ['PATH']}"
        done = subprocess.run(
            [BIN / program, "-i", "hosts.yml", *arguments],
            env=environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("WARNING", done.stderr)
        return done.stdout

    def listed(self, pattern: str) -> set[str]:
        """Return the hosts that *pattern* selects."""
        first, *hosts = self.ansible("ansible", pattern, "--list-hosts").splitlines()
        self.assertIn("hosts (", first)
        return {each.strip() for each in hosts}

    def test_patterns(self) -> None:
        """Patterns and groups keep their meaning, since no host has such a name."""
        every = self.listed("all")
        self.assertEqual(len(every), len(NAMES))
        self.assertEqual(self.listed("tag_db"), {"db", "db_1_2_", "peer_db.yml_"})
        self.assertEqual(len(self.listed("ungrouped")), len(NAMES) - 3)
        self.assertEqual(self.listed("db"), {"db"})

    def test_playbook(self) -> None:
        """Plays and tasks for this machine run on it, variables reach their host."""
        said = self.ansible("ansible-playbook", "-v", "site.yml")
        for words in (
            "play-on-localhost",
            "play-on-loopback",
            "delegated-to-localhost",
            "delegated-to-127.0.0.1",
            "delegated-to-::1",
            "secret is of-db",
        ):
            self.assertIn(words, said)
        shown = self.ansible("ansible-inventory", "--host", "peer_db.yml_")
        self.assertNotIn("of-db", shown)
