"""Ansible for real: against OpenSSH's server, with keys, passwords and vaults."""

import contextlib
import json
import os
import pwd
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any
from unittest import SkipTest, skipUnless

from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOrder,
    RepositorySource,
    VaultPassword,
)
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.keys import LoginPassword, OpenedSecret, SshKey, Text
from tests.support.ansible_versions import folder_of
from tests.support.execution import JobCase, Ran
from tests.support.gitserver import Repository
from tests.support.orders import order, static, task, template
from tests.support.pace import in_time
from tests.support.programs import needs
from tests.support.sshd import Sshd, secret_line

#: Where ``ansible-playbook`` of the tests' own environment is.
BIN = str(Path(sys.executable).parent)
SITE = sysconfig.get_path("purelib")
#: An interpreter that works: discovery may pick a shim that does not.
PYTHON = "ansible_python_interpreter=/usr/bin/python3"
LOCAL = f"localhost ansible_connection=local {PYTHON}\n"
NASTY = "a{{ b }} $x 'q' \"d\" \\ \n é 😀 %e"
SHOW = """\
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "%s"}
"""


def _interpreter_for_nobody() -> str | None:
    """Return a Python with which any user of this machine can run Ansible."""
    if os.geteuid() != 0:
        return None
    for program in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            ran = subprocess.run(
                [program, "-c", "import ansible, yaml, cryptography.fernet"],
                user=65534,
                group=65534,
                extra_groups=[],
                env={"PYTHONPATH": SITE},
                capture_output=True,
                cwd="/",
                check=False,
            )
            if ran.returncode == 0:
                return program
    return None


class AnsibleCase(JobCase):
    """A test with a repository of playbooks."""

    upstream: Repository

    @override
    def setUp(self) -> None:
        """Make the repository, and let jobs find Ansible."""
        super().setUp()
        self.upstream = self.repository()
        self.options = replace(self.options, search_path=f"{BIN}:{os.environ['PATH']}")

    def play(self, files: dict[str, str], **fields: Any) -> Ran:
        """Commit *files* and run the order with *fields*, without masks."""
        self.upstream.commit(files)
        return self.run_job(self.playbook(**fields), masked=False)

    def playbook(self, **fields: Any) -> JobOrder:
        """Return the order that runs ``site.yml``."""
        made = order(str(self.upstream.folder))
        usual: dict[str, Any] = {
            "template": template(app="ansible", playbook="site.yml"),
            "inventory": static(LOCAL),
        }
        return replace(made, **{**usual, **fields})

    def encrypt(self, name: str, password: str, text: str) -> str:
        """Return *text* encrypted for the vault *name*."""
        secret, plain = self.folder / "password", self.folder / "plain"
        secret.write_text(password)
        plain.write_text(text)
        program = [f"{BIN}/ansible-vault", "encrypt"]
        subprocess.run(
            [*program, "--vault-id", f"{name}@{secret}", str(plain)],
            check=True,
            capture_output=True,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )
        secret.unlink()
        found = plain.read_text()
        plain.unlink()
        return found


class HostTests(AnsibleCase):
    """Hosts behind a real sshd."""

    def hosts(self, server: Sshd, *more: str) -> str:
        """Return an inventory with *server* as ``target``."""
        where = f"ansible_host=127.0.0.1 ansible_port={server.port}"
        return f"target {where} {PYTHON} {' '.join(more)}\n"

    def test_keys(self) -> None:
        """Hosts are reached with a key that is nowhere to be found."""
        server = self.enter(Sshd())
        files = {
            "site.yml": (
                "- hosts: all\n"
                "  gather_facts: false\n"
                "  tasks:\n"
                "    - command: echo reached {{ inventory_hostname }}\n"
                "      register: said\n"
                "    - debug: {msg: '{{ said.stdout }}'}\n"
                "    - command: sh photograph.sh\n"
                "      delegate_to: localhost\n"
                "      args: {chdir: '{{ playbook_dir }}'}\n"
                "      vars: {ansible_connection: local,"
                " ansible_python_interpreter: /usr/bin/python3}\n"
            ),
            "photograph.sh": self.photograph,
        }
        for kind in ("ed25519", "rsa", "ecdsa"):
            key = server.new_key(kind)
            ran = self.play(
                files,
                inventory=static(
                    self.hosts(server), key=SshKey(login=server.user, private_key=key)
                ),
            )
            self.assertEqual(ran.status, "success", ran.log)
            self.assertIn("reached target", ran.log)
            self.assertTrue((self.photo / "processes").exists())
            self.assert_nowhere(ran, secret_line(key))

    def test_answers(self) -> None:
        """Account, host and port may be answers: exact texts work as a connection's."""
        self.reach_by_answers(BIN)

    def test_answers_of_former_release(self) -> None:
        """The same with the oldest release of ansible-core that is tested."""
        self.reach_by_answers(str(folder_of("2.17")))

    def reach_by_answers(self, folder: str) -> None:
        """Run the programs of *folder* on a host whose connection is in answers."""
        server = self.enter(Sshd())
        key = server.new_key("ed25519")
        hosts = static(f"target {PYTHON}\n", key=SshKey(login="", private_key=key))
        files = {
            "site.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n"
            "    - command: echo reached\n      register: said\n"
            "    - debug: {msg: '{{ said.stdout }} {{ ansible_user }}'}\n"
        }
        self.options = replace(
            self.options, search_path=f"{folder}:{os.environ['PATH']}"
        )
        ran = self.play(
            files,
            inventory=hosts,
            answers={
                "ansible_user": server.user,
                "ansible_host": "127.0.0.1",
                "ansible_port": server.port,
            },
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn(f"reached {server.user}", ran.log)

    def test_changed_host(self) -> None:
        """The connection to a host with a changed key fails, without a prompt."""
        key_server = self.enter(Sshd())
        key = SshKey(login=key_server.user, private_key=key_server.new_key("ed25519"))
        shown = {"site.yml": "- {hosts: all, gather_facts: false, tasks: [ping: ]}\n"}
        hosts = static(self.hosts(key_server), key=key)
        ran = self.play(shown, inventory=hosts)
        self.assertEqual(ran.status, "success", ran.log)
        known = self.folder / "known_hosts"
        self.assertIn("ssh-ed25519", known.read_text())
        other = self.enter(Sshd())
        public = (other.folder / "host_key.pub").read_text().split()
        known.write_text(f"{key_server.host} {public[0]} {public[1]}\n")
        ran = self.play(shown, inventory=hosts)
        self.assertEqual(ran.status, "error")
        self.assertIn("REMOTE HOST IDENTIFICATION HAS CHANGED", ran.log)
        in_time(ran.seconds, 15)

    def test_wrong_key(self) -> None:
        """A key that a host does not know ends the task soon, with the reason."""
        server = self.enter(Sshd())
        key = server.new_key("ed25519")
        server.authorize(())
        ran = self.play(
            {"site.yml": SHOW % "x" + "    - ping:\n"},
            inventory=static(
                self.hosts(server), key=SshKey(login=server.user, private_key=key)
            ),
        )
        self.assertEqual(ran.status, "error")
        self.assertIn("Permission denied", ran.log)
        in_time(ran.seconds, 15)

    @needs("useradd", "chpasswd")
    @skipUnless(os.geteuid() == 0, "a login with a password of its own needs root")
    def test_passwords(self) -> None:
        """Login and become with passwords, which are nowhere to be found."""
        people = {"semtest-login": "log in ' $x {{ a }}", "semtest-become": "be;come é"}
        for name, password in people.items():
            self.addCleanup(
                subprocess.run,
                ["userdel", "-r", name],
                capture_output=True,
                check=False,
            )
            # A run that was killed may have left it.
            subprocess.run(["userdel", "-r", name], capture_output=True, check=False)
            subprocess.run(["useradd", "-m", "-s", "/bin/sh", name], check=True)
            subprocess.run(
                ["chpasswd"], input=f"{name}:{password}".encode(), check=True
            )
        login, become = people
        server = self.enter(Sshd(passwords=True))
        ran = self.play(
            {
                "site.yml": (
                    "- hosts: all\n"
                    "  gather_facts: false\n"
                    "  tasks:\n"
                    "    - command: id -un\n"
                    "      register: one\n"
                    "    - command: id -un\n"
                    "      become: true\n"
                    "      register: two\n"
                    "    - debug: {msg: '{{ one.stdout }} then {{ two.stdout }}'}\n"
                    "    - command: sh photograph.sh\n"
                    "      delegate_to: localhost\n"
                    "      args: {chdir: '{{ playbook_dir }}'}\n"
                    "      vars: {ansible_connection: local,"
                    " ansible_python_interpreter: /usr/bin/python3}\n"
                ),
                "photograph.sh": self.photograph,
            },
            inventory=static(
                self.hosts(
                    server,
                    "ansible_become_method=su",
                    "ansible_shell_allow_world_readable_temp=true",
                ),
                key=LoginPassword(login=login, password=people[login]),
                become=LoginPassword(login=become, password=people[become]),
            ),
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn(f"{login} then {become}", ran.log)
        self.assert_nowhere(ran, *people.values())
        self.assertTrue(pwd.getpwnam(login))


class ParsingTests(AnsibleCase):
    """Inventories that Ansible does not understand, and empty ones."""

    def test_not_understood(self) -> None:
        """A text or a file that is no inventory ends the job as an error."""
        files = {"site.yml": SHOW % "there", "hosts": "[my group]\nweb\n"}
        for inventory in (
            static("[my group]\nweb\n"),
            InventorySource(
                type=InventoryType.STATIC_YAML, inventory="all:\n\t- web\n"
            ),
            InventorySource(type=InventoryType.FILE, inventory="hosts"),
        ):
            ran = self.play(files, inventory=inventory)
            self.assertEqual(ran.status, "error", ran.log)
            self.assertIn("parse", ran.log)

    def test_empty(self) -> None:
        """A play without hosts succeeds, and the log says so in a line of its own."""
        said = "A play matched no host of the inventory, so it did nothing"
        files = {"site.yml": SHOW % "there", "empty": ""}
        for inventory in (
            static(""),
            InventorySource(type=InventoryType.STATIC_YAML, inventory="---\n"),
            InventorySource(type=InventoryType.FILE, inventory="empty"),
        ):
            ran = self.play(files, inventory=inventory)
            self.assertEqual(ran.status, "success", ran.log)
            self.assertIn(said, ran.log.splitlines())
        self.assertNotIn(said, self.play(files, inventory=static(LOCAL)).log)

    def test_byte_order_mark(self) -> None:
        """A text with a byte order mark is read as one without."""
        ran = self.play(
            {"site.yml": SHOW % "there"}, inventory=static("\ufeff" + LOCAL)
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("localhost", ran.log)

    def test_collection_playbook(self) -> None:
        """A playbook of a collection runs by its full name."""
        ran = self.play(
            {
                "requirements.yml": "collections: [{name: coll, type: dir}]\n",
                "coll/galaxy.yml": (
                    "{namespace: ns, name: coll, version: 1.0.0,"
                    " readme: README.md, authors: [us]}\n"
                ),
                "coll/README.md": "A playbook.\n",
                "coll/playbooks/site.yml": SHOW % "from the collection",
            },
            template=template(app="ansible", playbook="ns.coll.site"),
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("from the collection", ran.log)


class SecretTests(AnsibleCase):
    """Secrets reach playbooks unchanged, and no other process."""

    def test_vaults(self) -> None:
        """Two vaults are opened, late in a run too, by passwords from pipes."""
        files = {
            "one.yml": self.encrypt("prod", "first password", "one: 11-from-prod\n"),
            "two.yml": self.encrypt("default", "second", "two: 22-from-default\n"),
            "site.yml": (
                "- hosts: all\n"
                "  gather_facts: false\n"
                "  tasks:\n"
                "    - command: sh {{ playbook_dir }}/photograph.sh\n"
                "    - include_vars: one.yml\n"
                "    - include_vars: two.yml\n"
                "    - debug: {msg: '{{ one }} {{ two }}'}\n"
            ),
            "photograph.sh": self.photograph,
        }
        ran = self.play(
            files,
            vaults=(
                VaultPassword(name="prod", password=Text(text="first password")),
                VaultPassword(
                    name="", password=LoginPassword(login="", password="second")
                ),
            ),
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("11-from-prod 22-from-default", ran.log)
        self.assert_nowhere(ran, "first password")

    def test_vault_script(self) -> None:
        """A script of the repository prints the password of a vault."""
        files = {
            "one.yml": self.encrypt("prod", "from script", "one: 11-from-prod\n"),
            "site.yml": (
                "- hosts: all\n"
                "  gather_facts: false\n"
                "  vars_files: one.yml\n"
                "  tasks:\n"
                "    - debug: {msg: '{{ one }}'}\n"
            ),
            "vault/password": "from script\n",
        }
        vault = VaultPassword(name="prod", script="vault/password")
        ran = self.play(files, vaults=(vault,))
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("11-from-prod", ran.log)

    def test_missing_vault_script(self) -> None:
        """A script that is not in the repository ends the task before Ansible."""
        vault = VaultPassword(name="prod", script="absent.sh")
        ran = self.play({"site.yml": "- {hosts: all}\n"}, vaults=(vault,))
        self.assertEqual(ran.status, "error")
        self.assertIn("absent.sh", ran.log)

    def test_wrong_vault_password(self) -> None:
        """A wrong vault password ends the task soon, with the reason."""
        sealed = self.encrypt("prod", "right", "one: 1\n")
        ran = self.play(
            {"one.yml": sealed, "site.yml": "- {hosts: all, vars_files: one.yml}\n"},
            vaults=(VaultPassword(name="prod", password=Text(text="wrong")),),
        )
        self.assertEqual(ran.status, "error")
        self.assertIn("Decryption failed", ran.log)
        in_time(ran.seconds, 15)

    def test_exact_bytes(self) -> None:
        """A secret variable arrives exactly, and is in no argument."""
        copy = (
            "    - copy: {dest: '%s', content: '{{ nasty }}'}\n"
            "    - command: sh {{ playbook_dir }}/photograph.sh\n"
        )
        target = self.folder / "result"
        ran = self.play(
            {
                "site.yml": SHOW % "there" + copy % target,
                "photograph.sh": self.photograph,
            },
            secret_variables={"nasty": NASTY, "second": "quite-secret"},
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertEqual(target.read_text(), NASTY)
        for path in (self.photo / "processes").iterdir():
            self.assertNotIn(b"quite-secret", path.read_bytes(), path.name)
        kept = list(self.photo.rglob("exact.json"))
        self.assertEqual([oct(path.stat().st_mode)[-3:] for path in kept], ["600"])

    def test_masks(self) -> None:
        """Secrets that a playbook prints are masked in the log."""
        self.upstream.commit({"site.yml": SHOW % "{{ word }} {{ word | b64encode }}"})
        ran = self.run_job(self.playbook(secret_variables={"word": "tell-nobody"}))
        self.assertEqual(ran.status, "success", ran.log)
        self.assertNotIn("tell-nobody", ran.log)
        self.assertNotIn("dGVsbC1ub2JvZHk", ran.log)
        self.assertIn("***", ran.log)

    def test_masks_of_escapes(self) -> None:
        """YAML, JSON and Python forms of a secret are masked in a playbook's log."""
        word = "ké\"e\\p 'qu'iet\u2028\U0001f600"
        lines = "first: one-line\n  second: two\n"
        shown = (
            "word",
            "word | to_json",
            "word | to_yaml",
            "[word] | string",
            "word | to_json | to_json",
            "word | b64encode",
            "lines",
            "lines | to_nice_json",
            "{'a': lines} | string",
            "lines | to_nice_yaml",
        )
        tasks = "".join(
            f"    - debug: {{msg: {json.dumps('{{ ' + each + ' }}')}}}\n"
            for each in shown
        )
        failing = (
            "    - {ansible.builtin.fail: {msg: '{{ [word, lines] }}'},"
            " ignore_errors: true}\n"
        )
        self.upstream.commit(
            {
                "site.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n"
                + tasks
                + failing
            }
        )
        ran = self.run_job(
            self.playbook(
                secret_variables={"word": word, "lines": lines, "a": "=", "b": "<<"},
                template=template(
                    app="ansible", playbook="site.yml", task_params={"debug": True}
                ),
            )
        )
        self.assertEqual(ran.status, "success", ran.log)
        for piece in ("qu'iet", "iet", "one-line", "second", "two", "first"):
            self.assertNotIn(piece, ran.log)
        self.assertIn("***", ran.log)

    def test_variables(self) -> None:
        """Variables, the task's details and the environment reach a playbook."""
        ran = self.play(
            {
                "site.yml": SHOW
                % "{{ number + 1 }} {{ list | join }} {{ lookup('env', 'PLAIN') }}"
                " {{ lookup('env', 'HIDDEN') }}"
                " {{ semaphore_vars.task_details.username }}"
            },
            variables={"number": 0, "list": ["a", "b"]},
            environment={"PLAIN": "in the open"},
            secret_environment={"HIDDEN": "not shown"},
        )
        self.assertIn("1 ab in the open not shown ann", ran.log)

    def test_answers(self) -> None:
        """Answers, messages and user names are never evaluated."""
        code = "{{ lookup('pipe', 'echo evaluated') }}"
        details = "semaphore_vars.task_details"
        ran = self.play(
            {
                "site.yml": SHOW % "{{ who }}"
                f"    - debug: {{var: {details}}}\n"
                f"    - debug: {{msg: '{{{{ {details}.message }}}} as text'}}\n"
            },
            answers={"who": code},
            secret_answers={"word": code},
            task=task(message=code),
            username=code,
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn(code, ran.log)
        self.assertIn(f"{code} as text", ran.log)
        self.assertNotIn("evaluated as", ran.log)
        self.assertNotIn('"evaluated', ran.log)

    def test_no_server_secrets(self) -> None:
        """Of the server's own environment nothing reaches a job."""
        os.environ["SEMAPHORE_ACCESS_KEY_ENCRYPTION"] = "c2VydmVyLXNlY3JldA=="
        self.addCleanup(os.environ.pop, "SEMAPHORE_ACCESS_KEY_ENCRYPTION")
        ran = self.play(
            {"site.yml": SHOW % "{{ lookup('pipe', 'env') }}"},
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertNotIn("SEMAPHORE_", ran.log)
        self.assertNotIn("c2VydmVy", ran.log)


class InventoryTests(AnsibleCase):
    """Inventories of each kind."""

    def names(self, inventory: InventorySource, **files: str) -> Ran:
        """Run a play that prints each host's name."""
        shown = {"site.yml": SHOW % "host {{ inventory_hostname }}"}
        ran = self.play({**shown, **files}, inventory=inventory)
        self.assertEqual(ran.status, "success", ran.log)
        return ran

    def test_static_yaml(self) -> None:
        """A static inventory may be YAML."""
        text = "all: {hosts: {red: {ansible_connection: local}}}\n"
        found = InventorySource(type=InventoryType.STATIC_YAML, inventory=text)
        self.assertIn("host red", self.names(found).log)

    def test_file(self) -> None:
        """An inventory may be a file of the repository."""
        self.upstream.commit({"hosts/all": f"green ansible_connection=local {PYTHON}"})
        found = InventorySource(type=InventoryType.FILE, inventory="hosts/all")
        self.assertIn("host green", self.names(found).log)

    def test_own_repository(self) -> None:
        """An inventory may be a file of a repository of its own."""
        other = self.repository("other")
        other.commit({"hosts": f"blue ansible_connection=local {PYTHON}\n"})
        found = InventorySource(
            type=InventoryType.FILE,
            inventory="hosts",
            source=RepositorySource(
                repository_id=6, url=str(other.folder), branch="main"
            ),
        )
        self.assertIn("host blue", self.names(found).log)

    def test_missing_file(self) -> None:
        """A file that is not in the repository ends in an error that names it."""
        found = InventorySource(type=InventoryType.FILE, inventory="hosts/nowhere")
        ran = self.play({"site.yml": SHOW % "x"}, inventory=found)
        self.assertIn("The inventory hosts/nowhere is not in the repository", ran.log)


class ParameterTests(AnsibleCase):
    """Parameters, arguments and requirements."""

    def test_parameters(self) -> None:
        """Limit, tags, dry run and diff arrive as Ansible knows them."""
        ran = self.play(
            {
                "site.yml": "- hosts: all\n"
                "  gather_facts: false\n"
                "  tasks:\n"
                "    - debug: {msg: 'tagged {{ ansible_check_mode }}'}\n"
                "      tags: [chosen]\n"
                "    - {debug: {msg: untagged}}\n"
            },
            inventory=static(LOCAL + LOCAL.replace("localhost", "other")),
            template=template(
                app="ansible",
                playbook="site.yml",
                task_params={
                    "allow_override_limit": True,
                    "allow_override_tags": True,
                },
            ),
            task=task(
                limit="other",
                params={"tags": ["chosen"], "dry_run": True, "diff": True},
            ),
        )
        self.assertIn("tagged True", ran.log)
        self.assertNotIn("untagged", ran.log)
        self.assertNotIn("localhost", ran.log)

    def test_requirements(self) -> None:
        """Roles of requirements.yml are installed before the play."""
        role = Repository(self.folder / "role")
        role.commit(
            {
                "tasks/main.yml": "- debug: {msg: the role ran}\n",
                "meta/main.yml": "{}\n",
            }
        )
        ran = self.play(
            {
                "roles/requirements.yml": f"- src: git+file://{role.folder}\n"
                "  name: shown\n",
                "site.yml": "- {hosts: all, gather_facts: false, roles: [shown]}\n",
            }
        )
        self.assertIn("the role ran", ran.log)
        self.assertIn(
            "No collections/requirements.yml file found. Skip galaxy install process.",
            ran.lines,
        )

    def test_empty_requirements(self) -> None:
        """Requirements that name nothing are passed over; the play runs."""
        ran = self.play(
            {
                "requirements.yml": "# nothing yet\n",
                "roles/requirements.yml": "",
                "collections/requirements.yml": "---\n# later\n[]\n",
                "site.yml": SHOW % "played",
            }
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("played", ran.log)
        for place in ("", "roles/", "collections/"):
            self.assertIn(
                f"{place}requirements.yml names nothing. Skip galaxy install process.",
                ran.lines,
            )

    def test_other_ending(self) -> None:
        """Files whose names end in yaml are read as well."""
        role = Repository(self.folder / "role")
        role.commit(
            {
                "tasks/main.yml": "- debug: {msg: the role ran}\n",
                "meta/main.yml": "{}\n",
            }
        )
        ran = self.play(
            {
                "roles/requirements.yaml": f"- src: git+file://{role.folder}\n"
                "  name: shown\n",
                "site.yml": "- {hosts: all, gather_facts: false, roles: [shown]}\n",
            }
        )
        self.assertIn("the role ran", ran.log)

    def test_broken_requirements(self) -> None:
        """Requirements that cannot be installed end the task before the play."""
        ran = self.play(
            {
                "requirements.yml": "- src: git+file:///nowhere/at/all\n",
                "site.yml": SHOW % "played",
            }
        )
        self.assertEqual((ran.status, ran.step), ("error", "requirements"))
        self.assertNotIn("played", ran.log)

    def test_broken_playbook(self) -> None:
        """A playbook that is no YAML ends the task, with Ansible's own words."""
        ran = self.play({"site.yml": "- hosts: [\n"})
        self.assertEqual((ran.status, ran.step), ("error", "playbook"))
        self.assertIn("YAML", ran.log)

    def test_other_user(self) -> None:
        """Ansible runs as the job's user, with passwords from pipes."""
        python = _interpreter_for_nobody()
        if python is None:
            raise SkipTest("needs root, and an Ansible that any user can read")
        program = self.folder / "bin" / "ansible-playbook"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={SITE} exec {python} -m ansible.cli.playbook "$@"\n'
        )
        program.chmod(0o755)
        self.options = replace(
            self.options, search_path=f"{program.parent}:/usr/bin:/bin"
        )
        for folder in (self.folder, self.folder / "workspaces"):
            folder.chmod(0o711)
        key: OpenedSecret = Text(text="first password")
        self.upstream.commit(
            {
                "one.yml": self.encrypt("prod", "first password", "one: opened\n"),
                "site.yml": SHOW % "{{ one }} {{ lookup('pipe', 'id -u') }}"
                + "  vars_files: [one.yml]\n",
            }
        )
        made = self.playbook(
            vaults=(VaultPassword(name="prod", password=key),),
            inventory=static(
                LOCAL, become=LoginPassword(login="", password="unused-password")
            ),
        )
        ran = self.run_job(made, uid=65534, gid=65534)
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("opened 65534", ran.log)
