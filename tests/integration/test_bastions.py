"""Hosts behind a jump host, and ssh options of a project, for real."""

from typing import Any

from msgspec.structs import replace

from semaphore_twisted.model.keys import SshKey
from tests.integration.test_ansible import PYTHON, AnsibleCase
from tests.support.execution import Ran
from tests.support.orders import static
from tests.support.pace import in_time
from tests.support.sshd import Sshd

PLAY = "- {hosts: all, gather_facts: false, tasks: [ping: ]}\n"


class BastionTests(AnsibleCase):
    """The host's name can be resolved on the bastion's side only."""

    def serve(self) -> tuple[Sshd, Sshd, SshKey]:
        """Start a bastion and a host that accept the same key."""
        bastion, host = self.enter(Sshd()), self.enter(Sshd())
        private = host.new_key("ed25519")
        public = (host.folder / "authorized_keys").read_text()
        bastion.authorize([public.strip()])
        return bastion, host, SshKey(login=host.user, private_key=private)

    def hosts(self, host: Sshd, more: str = "") -> str:
        """Return an inventory of the host."""
        return f"target {host.variables} {PYTHON} {more}\n"

    def jump(self, bastion: Sshd) -> str:
        """Return the option that names the bastion."""
        return f"-o ProxyJump={bastion.user}@127.0.0.1:{bastion.port}"

    def reach(
        self,
        host: Sshd,
        key: SshKey,
        more: str = "",
        environment: dict[str, str] | None = None,
        **files: str,
    ) -> Ran:
        """Run a playbook on the host; *files* are in the repository too."""
        return self.play(
            {"site.yml": PLAY, **{n.replace("_", "."): t for n, t in files.items()}},
            inventory=static(self.hosts(host, more), key=key),
            environment=environment or {},
        )

    def assert_through(self, ran: Ran, bastion: Sshd) -> None:
        """Fail unless the job reached its host through the bastion."""
        self.assertEqual(ran.status, "success", ran.log)
        known = (self.folder / "known_hosts").read_text()
        self.assertIn(f"{bastion.host} ssh-ed25519", known)
        (self.folder / "known_hosts").unlink()

    def test_each_way(self) -> None:
        """A bastion is named by the inventory, ansible.cfg, a file or the operator."""
        bastion, host, key = self.serve()
        jump = self.jump(bastion)
        file = f"Host 127.0.0.1\n  Port {host.port}\n"
        file += f'Match originalhost 127.0.0.1 exec "test %p = {host.port}"\n'
        file += f"  ProxyJump {bastion.user}@127.0.0.1:{bastion.port}\n"
        self.assert_through(
            self.reach(host, key, f"ansible_ssh_common_args='{jump}'"), bastion
        )
        section = "[ssh_connection]\nssh_args = "
        self.assert_through(
            self.reach(host, key, ansible_cfg=f"{section}{jump}\n"), bastion
        )
        self.assert_through(
            self.reach(host, key, ansible_cfg=f"{section}-F ssh.cfg\n", ssh_cfg=file),
            bastion,
        )
        ours = self.folder / "operator.cfg"
        ours.write_text(file)
        self.options = replace(self.options, ssh_config=str(ours))
        self.assert_through(self.reach(host, key, ansible_cfg=""), bastion)

    def test_transfers(self) -> None:
        """Files are copied by sftp and by scp through the bastion."""
        bastion, host, key = self.serve()
        for method in ("sftp", "scp"):
            ran = self.play(
                {
                    "site.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n"
                    f"    - copy: {{content: x, dest: {self.folder}/copied}}\n",
                },
                inventory=static(
                    self.hosts(
                        host,
                        f"ansible_ssh_common_args='{self.jump(bastion)}' "
                        f"ansible_ssh_transfer_method={method}",
                    ),
                    key=key,
                ),
            )
            self.assert_through(ran, bastion)

    def test_failing_bastion(self) -> None:
        """The log names the bastion that failed, and why."""
        bastion, host, key = self.serve()
        more = f"ansible_ssh_common_args='{self.jump(bastion)}'"
        bastion.authorize(())
        ran = self.reach(host, key, more)
        self.assertEqual(ran.status, "error")
        self.assertIn(f"{bastion.user}@127.0.0.1: Permission denied", ran.log)
        known = self.folder / "known_hosts"
        public = (host.folder / "host_key.pub").read_text().split()
        known.write_text(f"{bastion.host} {public[0]} {public[1]}\n")
        ran = self.reach(host, key, more)
        self.assertIn("REMOTE HOST IDENTIFICATION HAS CHANGED", ran.log)
        self.assertIn(f"Host key of {bastion.host}: ssh-ed25519", ran.log)
        bastion.__exit__()
        ran = self.reach(host, key, more)
        self.assertIn(
            f"connect to host 127.0.0.1 port {bastion.port}: Connection refused",
            ran.log,
        )
        in_time(ran.seconds, 20)

    def test_host_keys_are_the_operator_s(self) -> None:
        """A project cannot switch the check off, and the log reports the attempt."""
        bastion, host, key = self.serve()
        off = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        public = (bastion.folder / "host_key.pub").read_text().split()
        known = f"{host.host} {public[0]} {public[1]}\n"
        ways: list[dict[str, Any]] = [
            {"environment": {"ANSIBLE_HOST_KEY_CHECKING": "False"}},
            {"more": f"ansible_ssh_common_args='{off}'"},
            {"ansible_cfg": f"[ssh_connection]\nssh_args = {off}\n"},
            {"ansible_cfg": "[defaults]\nhost_key_checking = False\n"},
        ]
        for way in ways:
            (self.folder / "known_hosts").write_text(known)
            ran = self.reach(host, key, **way)
            self.assertEqual(ran.status, "error")
            self.assertIn("REMOTE HOST IDENTIFICATION HAS CHANGED", ran.log)
            self.assertIn(
                "Ignored the ssh option of the project: StrictHostKeyChecking=no",
                ran.log,
            )
        self.assertEqual((self.folder / "known_hosts").read_text(), known)

    def test_without_options_of_projects(self) -> None:
        """Where the operator does not want them, they are ignored and named."""
        bastion, host, key = self.serve()
        self.options = replace(self.options, project_ssh_options=False)
        ran = self.reach(host, key, f"ansible_ssh_common_args='{self.jump(bastion)}'")
        self.assertEqual(ran.status, "success", ran.log)
        self.assertIn("Ignored the ssh option of the project: -o ProxyJump=", ran.log)
        known = (self.folder / "known_hosts").read_text()
        self.assertNotIn(bastion.host, known)

    def test_identities_only(self) -> None:
        """With IdentitiesOnly the key is found, on the bastion too."""
        bastion, host, key = self.serve()
        only = "-o IdentitiesOnly=yes"
        for more in (only, f"{only} {self.jump(bastion)}"):
            ran = self.reach(host, key, f"ansible_ssh_common_args='{more}'")
            self.assertEqual(ran.status, "success", ran.log)
        ours = self.folder / "operator.cfg"
        ours.write_text("Host *\n  IdentitiesOnly yes\n")
        self.options = replace(self.options, ssh_config=str(ours))
        ran = self.reach(host, key)
        self.assertEqual(ran.status, "success", ran.log)


class GitBastionTests(AnsibleCase):
    """Repositories behind a jump host that the operator names."""

    def test_repository(self) -> None:
        """Git reaches its server by the bastion, whose host key is checked too."""
        bastion, host = self.enter(Sshd()), self.enter(Sshd())
        private = host.new_key("ed25519")
        bastion.authorize([(host.folder / "authorized_keys").read_text().strip()])
        ours = self.folder / "operator.cfg"
        ours.write_text(
            f"Host inner\n  HostName 127.0.0.1\n  Port {host.port}\n"
            f"  ProxyJump {bastion.user}@127.0.0.1:{bastion.port}\n"
            "  IdentitiesOnly yes\n"
        )
        self.options = replace(self.options, ssh_config=str(ours))
        self.upstream.commit({"site.yml": PLAY})
        made = self.playbook()
        source = replace(
            made.source,
            url=f"ssh://{host.user}@inner{self.upstream.folder}",
            key=SshKey(login="", private_key=private),
        )
        ran = self.run_job(replace(made, source=source))
        self.assertEqual(ran.status, "success", ran.log)
        known = (self.folder / "known_hosts").read_text()
        self.assertIn(f"{bastion.host} ssh-ed25519", known)
