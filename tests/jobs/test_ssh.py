"""The programs that a job has as ssh."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.ssh import (
    SshPrograms,
    environ,
    files,
    of_layout,
    tell,
)
from semaphore_twisted.jobs.workspace import layout
from tests.support.orders import options


class ProgramTests(SynchronousTestCase):
    """The options passed on to the real ssh, which is another program here."""

    def setUp(self) -> None:
        """Have a folder of programs, and one that shows what it is called with."""
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "real").mkdir(parents=True)
        for name in ("ssh", "sftp"):
            shown = self.folder / "real" / name
            shown.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
            shown.chmod(0o755)

    def programs(self, folder: str = "ssh", **fields: Any) -> SshPrograms:
        """Make the programs in *folder*."""
        place = self.folder / folder
        place.mkdir()
        made = SshPrograms(
            folder=str(place),
            options=options("/s", **fields),
            known_hosts="/s/known hosts",
        )
        for name, content in (("ssh", made.ssh), ("sftp", made.other("sftp"))):
            (place / name).write_bytes(content)
            (place / name).chmod(0o700)
        return made

    def call(self, made: SshPrograms, *words: str, name: str = "ssh") -> list[str]:
        """Call a program with *words*, and return what the real one is called with."""
        return subprocess.run(
            [f"{made.folder}/{name}", *words],
            env={"PATH": f"{self.folder}/real:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()

    def ignored(self, made: SshPrograms) -> list[str]:
        """Return what was ignored."""
        path = Path(made.folder) / "ignored"
        return path.read_text().splitlines() if path.exists() else []

    def test_own_options(self) -> None:
        """A project has its options, after the operator's; those of host keys go."""
        made = self.programs()
        words = (
            *("-C", "-o", "ControlMaster=auto", "-F", "my.cfg", "-J", "a,b"),
            *("-o", "StrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"),
            *("-o", "ProxyCommand=ssh -W %h:%p x", "-tt", "host"),
            *("/bin/sh -c 'x'", "-o", "StrictHostKeyChecking=no"),
        )
        self.call(made, *words)
        found = self.call(made, *words)
        self.assertIn("StrictHostKeyChecking=accept-new", found)
        self.assertIn('UserKnownHostsFile="/s/known hosts"', found)
        kept = list(words[:7])
        kept += ["-o", "ProxyCommand=ssh -W %h:%p x", *words[12:]]
        self.assertEqual(found[-len(kept) :], kept)
        self.assertEqual(
            self.ignored(made),
            ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"],
        )

    def test_no_own_options(self) -> None:
        """With the operator's option, only Ansible's own options are passed on."""
        made = self.programs(project_ssh_options=False)
        found = self.call(
            made,
            *("-C", "-o", "ControlPath=/x", "-o", "User=me", "-oPort=22", "-F", "a"),
            *("-J", "b", "-o", "ProxyCommand=c", "-oLocalCommand=d", "-Fe", "-tt"),
            *("host", "-J", "f"),
        )
        rest = ["-C", "-o", "ControlPath=/x", "-o", "User=me", "-oPort=22", "-tt"]
        self.assertEqual(found[-10:], [*rest, "host", "-J", "f"])
        self.assertEqual(
            self.ignored(made),
            ["-F a", "-J b", "-o ProxyCommand=c", "-o LocalCommand=d", "-F e"],
        )

    def test_no_checking(self) -> None:
        """Where keys are not checked, nothing needs to be ignored."""
        made = self.programs(strict_host_key_checking="no")
        self.call(made, "-o", "StrictHostKeyChecking=no", "host")
        self.assertEqual(self.ignored(made), [])

    def test_sftp(self) -> None:
        """Sftp and scp use the same ssh program."""
        made = self.programs("odd 'folder")
        found = self.call(made, "-b", "-", "host", name="sftp")
        self.assertEqual(found, ["-S", f"{made.folder}/ssh", "-b", "-", "host"])
        self.assertIn("host", self.call(made, "host"))

    def test_settings_of_the_operator(self) -> None:
        """The configured ssh_config is read, by git too, with the agent's key."""
        for config, first in (("/etc/our ssh", "/etc/our ssh"), (None, "/dev/null")):
            chosen = options("/s", ssh_config=config)
            made = SshPrograms(
                folder="/w/ssh", options=chosen, known_hosts="/k", agent="/a"
            )
            words = [*shlex.split(made.ssh.decode().splitlines()[-1])]
            words += shlex.split(made.git)
            self.assertEqual(words[words.index("-F") + 1], first)
            self.assertIn('IdentityFile="/a.pub"', words)
            self.assertIn('IdentityAgent="/a"', words)
            self.assertIn("BatchMode=yes", words)

    def test_no_key(self) -> None:
        """Without a key ssh has none for git, unless the operator names one."""
        made = SshPrograms(folder="/w/ssh", options=options("/s"), known_hosts="/k")
        self.assertIn("IdentityFile=none", made.git)
        self.assertIn("IdentityAgent=none", made.git)

    def test_no_programs(self) -> None:
        """Where a workspace cannot have programs, the options are the operator's."""
        chosen = options("/s", runs_programs=False)
        made = of_layout(chosen, layout(chosen, "task_7"))
        found = environ(made)
        self.assertIn("StrictHostKeyChecking=accept-new", found["ANSIBLE_SSH_ARGS"])
        self.assertEqual(shlex.split(made.git)[0], "ssh")

    def told(self) -> str:
        """Return what the last step of a job writes into the log."""
        step = tell(options("/s"))
        done = subprocess.run(
            [each.replace("{workspace}", str(self.folder)) for each in step.argv],
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_told(self) -> None:
        """The log has the ignored options, and the messages of a jump host."""
        self.assertEqual(self.told(), "")
        for name, text in (
            ("ssh/ignored", "StrictHostKeyChecking=no\n"),
            ("ssh/jumps", "b\nb\n"),
            ("repository/ansible.cfg", "[ssh_connection]\nssh_executable = x\n"),
        ):
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        said = self.told()
        self.assertIn("Ignored the ssh option of the project: StrictHost", said)
        self.assertEqual(said.count("From a jump host: b"), 1)
        self.assertIn("Ignored in ansible.cfg: ssh_executable = x", said)

    def test_told_follows_no_link(self) -> None:
        """A job cannot have a file of the server's in its log by a link."""
        secret = self.folder / "secret"
        secret.write_text("ssh_executable = the key of the server\n")
        paths = ("ssh/ignored", "ssh/jumps", "repository/ansible.cfg")
        for name in paths:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).symlink_to(secret)
        self.assertEqual(self.told(), "")
        outside = self.folder / "outside"
        outside.mkdir()
        for name in paths:
            (self.folder / name).unlink()
            (outside / Path(name).name).write_text(secret.read_text())
        for name in ("ssh", "repository"):
            (self.folder / name).rmdir()
            (self.folder / name).symlink_to(outside)
        self.assertEqual(self.told(), "")

    def test_files(self) -> None:
        """The programs are in the workspace."""
        chosen = options("/s", uid=1, gid=1)
        made = of_layout(chosen, layout(chosen, "task_7"))
        self.assertEqual(
            [(file.path, file.executable) for file in files(made)],
            [("ssh/ssh", True), ("ssh/sftp", True), ("ssh/scp", True)],
        )
        self.assertIn(b"/s/workspaces/task_7/known_hosts", made.ssh)
        found = environ(made)
        self.assertEqual(
            found["ANSIBLE_SSH_EXECUTABLE"], "/s/workspaces/task_7/ssh/ssh"
        )
