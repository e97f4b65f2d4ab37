"""SSH keys for real: git and hosts behind OpenSSH's own server."""

import os
import socket
import sys
from pathlib import Path
from unittest import skipUnless

from msgspec.structs import replace

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.keys import LoginPassword, SshKey
from tests.support.execution import JobCase, Ran
from tests.support.gitserver import Repository, git
from tests.support.orders import options, order, static, template
from tests.support.pace import in_time
from tests.support.product import free_port
from tests.support.sshd import Sshd, make_key, secret_line


class GitOverSshTests(JobCase):
    """A repository by ssh needs a key, and a host whose key is known or new."""

    def serve(self) -> tuple[Sshd, Repository]:
        """Start a server with a repository."""
        upstream = self.repository()
        upstream.commit({"run.sh": "echo there"})
        return self.enter(Sshd()), upstream

    def url(self, server: Sshd, path: Path) -> str:
        """Return the address of the repository at *path*."""
        return f"ssh://{server.user}@127.0.0.1:{server.port}{path}"

    def fetch(self, server: Sshd, upstream: Repository, key: str) -> Ran:
        """Run the job of *upstream*, without masks."""
        return self.run_job(
            order(
                self.url(server, upstream.folder),
                key=SshKey(login="", private_key=key),
            ),
            masked=False,
        )

    def test_each_type(self) -> None:
        """Keys of each type fetch a repository, and are nowhere to be found."""
        server, upstream = self.serve()
        upstream.commit({"run.sh": self.photograph})
        for kind in ("ed25519", "rsa", "ecdsa"):
            key = server.new_key(kind)
            ran = self.fetch(server, upstream, key)
            self.assertEqual(ran.status, "success", ran.log)
            self.assertIn("taken", ran.lines)
            self.assert_nowhere(ran, secret_line(key))

    def test_line_ends(self) -> None:
        """A key without a final newline, with many, or with CRLF works."""
        server, upstream = self.serve()
        key = server.new_key("ed25519")
        for form in (key.strip(), f"\n{key}\n\n", key.replace("\n", "\r\n")):
            ran = self.fetch(server, upstream, form)
            self.assertIn("there", ran.lines, ran.log)

    def test_protected_key(self) -> None:
        """A key that still has a passphrase ends the task soon, with the reason."""
        server, upstream = self.serve()
        key = make_key(self.folder / "locked", "ed25519", passphrase="open sesame")
        ran = self.fetch(server, upstream, key)
        self.assertEqual(ran.status, "error")
        self.assertIn("The SSH key of the repository cannot be loaded", ran.log)
        in_time(ran.seconds, 15)

    def test_refused_key(self) -> None:
        """A key that the server does not know ends the task soon."""
        server, upstream = self.serve()
        ran = self.fetch(server, upstream, make_key(self.folder / "other", "ed25519"))
        self.assertEqual(ran.status, "error")
        self.assertIn("Permission denied", ran.log)
        in_time(ran.seconds, 15)

    def test_password_for_git(self) -> None:
        """A login with password for an ssh repository is refused before the start."""
        with self.assertRaises(Invalid) as raised:
            self.run_job(order("ssh://x/y", key=LoginPassword(login="a", password="b")))
        self.assertIn("must be an SSH key", raised.exception.message)

    def test_unknown_host(self) -> None:
        """An unknown host is remembered, and its fingerprint logged, once."""
        server, upstream = self.serve()
        key = server.new_key("ed25519")
        first = self.fetch(server, upstream, key)
        self.assertIn(f"Host key of {server.host}: ssh-ed25519 SHA256:", first.log)
        self.assertIn("[127.0.0.1]", (self.folder / "known_hosts").read_text())
        self.assertNotIn("Host key", self.fetch(server, upstream, key).log)

    def test_changed_host(self) -> None:
        """A changed host key ends the task, naming host and both fingerprints."""
        server, upstream = self.serve()
        key = server.new_key("ed25519")
        self.fetch(server, upstream, key)
        (known,) = [
            line
            for line in (self.folder / "known_hosts").read_text().splitlines()
            if "ed25519" in line
        ]
        server.__exit__()
        again = Sshd()
        again.port = server.port
        self.enter(again)
        shown = again.fingerprint
        ran = self.fetch(again, upstream, key)
        self.assertEqual(ran.status, "error")
        self.assertIn(f"Host key of {again.host}: ssh-ed25519 {shown}", ran.log)
        self.assertIn(f"Known until now: {again.host} ED25519 SHA256:", ran.log)
        in_time(ran.seconds, 15)
        self.assertIn(known, (self.folder / "known_hosts").read_text())

    def test_strict(self) -> None:
        """With ``yes`` an unknown host ends the task, and is not remembered."""
        self.options = replace(self.options, strict_host_key_checking="yes")
        server, upstream = self.serve()
        ran = self.fetch(server, upstream, server.new_key("ed25519"))
        self.assertEqual(ran.status, "error")
        self.assertIn("Host key verification failed", ran.log)
        self.assertFalse((self.folder / "known_hosts").exists())

    def test_no_checking(self) -> None:
        """With ``no`` any host is taken, and none is remembered."""
        self.options = replace(self.options, strict_host_key_checking="no")
        server, upstream = self.serve()
        ran = self.fetch(server, upstream, server.new_key("ed25519"))
        self.assertIn("there", ran.lines, ran.log)
        self.assertFalse((self.folder / "known_hosts").exists())

    def test_nobody_there(self) -> None:
        """A port without a listener ends the task soon, with the reason."""
        ran = self.run_job(order(f"ssh://git@127.0.0.1:{free_port()}/x"))
        self.assertIn("Connection refused", ran.log)
        in_time(ran.seconds, 15)

    def test_silent_host(self) -> None:
        """A server that does not answer ends the task soon."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            ran = self.run_job(order(f"ssh://127.0.0.1:{silent.getsockname()[1]}/x"))
        self.assertEqual(ran.status, "error")
        in_time(ran.seconds, 15)

    def test_submodules(self) -> None:
        """Submodules of the same server are fetched with the same key."""
        server, upstream = self.serve()
        inner = self.repository("inner")
        inner.commit({"word": "inner\n"})
        git("submodule", "--quiet", "add", "../inner", "in", cwd=upstream.folder)
        upstream.commit({"run.sh": "cat in/word"})
        ran = self.fetch(server, upstream, server.new_key("ed25519"))
        self.assertIn("inner", ran.lines, ran.log)

    def test_private_requirement(self) -> None:
        """The repository's key serves a role that is private, too, until the play."""
        server, upstream = self.serve()
        role = self.repository("role")
        role.commit(
            {
                "tasks/main.yml": "- debug: {msg: of the role}\n",
                "meta/main.yml": "galaxy_info: {author: x, description: x}\n",
            }
        )
        where = self.url(server, role.folder)
        upstream.commit(
            {
                "roles/requirements.yml": f"- {{name: mine, src: 'git+{where}'}}\n",
                "site.yml": "- hosts: all\n  gather_facts: false\n"
                "  roles: [mine]\n  tasks:\n"
                "    - shell: |\n"
                "        for s in ../agent/*; do SSH_AUTH_SOCK=$s ssh-add -l; done\n"
                "      args: {chdir: '{{ playbook_dir }}'}\n"
                "      register: left\n      failed_when: false\n"
                "    - debug: {msg: '{{ left.stdout }}'}\n",
            }
        )
        key = server.new_key("ed25519")
        python = "ansible_python_interpreter=/usr/bin/python3"
        made = replace(
            order(
                self.url(server, upstream.folder),
                key=SshKey(login="", private_key=key),
            ),
            template=template(app="ansible", playbook="site.yml"),
            inventory=static(f"localhost ansible_connection=local {python}\n"),
        )
        programs = Path(sys.executable).parent
        ran = self.run_job(made, search_path=f"{programs}:{os.environ['PATH']}")
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("of the role", ran.log)
        self.assertIn("The agent has no identities.", ran.log)
        self.assertNotIn("SHA256:", ran.log.partition("PLAY [all]")[2])

    def test_git_key_is_taken_away(self) -> None:
        """The job's own steps find an agent with git's key nowhere."""
        server, upstream = self.serve()
        upstream.commit(
            {
                "run.sh": f"for s in {self.folder}/jobs/task_7/*.sock; do\n"
                "  echo trying $s; SSH_AUTH_SOCK=$s ssh-add -L\ndone; true\n"
            }
        )
        ran = self.fetch(server, upstream, server.new_key("ed25519"))
        self.assertIn("trying", ran.log)
        self.assertIn("The agent has no identities.", ran.log)
        self.assertNotIn("ssh-ed25519 AAAA", ran.log)

    def test_inventory_key(self) -> None:
        """The job's own steps have the inventory's key in their agent."""
        upstream = self.repository()
        upstream.commit({"run.sh": f"ssh-add -L\n{self.photograph}"})
        key = make_key(self.folder / "key", "ed25519")
        public = (self.folder / "key.pub").read_text().split()[1]
        (self.folder / "key").unlink()
        made = replace(
            order(str(upstream.folder)),
            inventory=static("", key=SshKey(login="x", private_key=key)),
        )
        ran = self.run_job(made, masked=False)
        self.assertIn(public, ran.log)
        self.assertIn("taken", ran.lines)
        self.assert_nowhere(ran, secret_line(key))

    @skipUnless(os.geteuid() == 0, "switching users needs root")
    def test_other_user(self) -> None:
        """A job's user has the inventory's key, and cannot reach git's agent."""
        for folder in (self.folder, self.folder / "workspaces"):
            folder.chmod(0o711)
        server, upstream = self.serve()
        upstream.commit(
            {
                "run.sh": "ssh-add -l; id -u\n"
                f"SSH_AUTH_SOCK={self.folder}/jobs/task_7/repository-git.sock"
                " ssh-add -l\ntrue\n"
            }
        )
        key = server.new_key("ed25519")
        made = replace(
            order(
                self.url(server, upstream.folder),
                key=SshKey(login="", private_key=key),
            ),
            inventory=static(
                "", key=SshKey(login="", private_key=make_key(self.folder / "k", "rsa"))
            ),
        )
        ran = self.run_job(made, uid=65534, gid=65534)
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("(RSA)", ran.log)
        self.assertIn("Permission denied", ran.log)
        self.assertIn("65534", ran.lines)

    def test_odd_state_directory(self) -> None:
        """The state directory's path may have spaces, quotes and percent signs."""
        odd = self.folder / "a 'b\" é %h $x"
        for name in ("workspaces", "jobs", "repositories"):
            (odd / name).mkdir(parents=True, mode=0o700)
        self.options = options(odd)
        server, upstream = self.serve()
        key = server.new_key("ed25519")
        for _ in range(2):
            ran = self.fetch(server, upstream, key)
            self.assertIn("there", ran.lines, ran.log)
        self.assertTrue((odd / "known_hosts").exists())

    def test_nothing_is_left(self) -> None:
        """After a job that failed no key, socket or folder of it is left."""
        server, upstream = self.serve()
        upstream.commit({"run.sh": "exit 3"})
        key = server.new_key("ed25519")
        ran = self.fetch(server, upstream, key)
        self.assertEqual((ran.status, ran.step), ("error", "script"))
        self.assertEqual(list((self.folder / "workspaces").iterdir()), [])
        self.assertEqual(list((self.folder / "jobs").iterdir()), [])
        self.assert_nowhere(ran, secret_line(key))
