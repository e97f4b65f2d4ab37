"""Two hostile jobs of two projects at the same time, in each supported set-up.

One job stores secrets in all places where jobs may write, and waits. The other one
looks for them and tries to end it. Both run under a real server with the privileges of
the set-up.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from secrets import token_hex

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.lab import until
from tests.support.lab_machine import SERVER, Account
from tests.support.namespaces import refusal
from tests.support.product import TIMEOUT, Product
from tests.support.repository import repository
from tests.support.sshd import Sshd

UNIT = Path(__file__).parents[2] / "etc" / "systemd" / "semaphore.service"
#: Numbers that no account has.
RANGE = "1900000100-1900000103"

VICTIM = """\
set -e
for place in "$HOME" "$TMPDIR" /tmp /var/tmp /dev/shm .; do
    echo "$SECRET" >"$place/treasure"
done
eval "$(ssh-agent -a "$TMPDIR/treasure.sock")" >/dev/null
ipcmk --queue --mode 0666 >/dev/null
ipcmk --shmem 4096 --mode 0666 >/dev/null
(exec -a treasure sleep 1000) &
child=$!
echo "user $(id -u)"
echo "first $(cat /proc/1/comm)"
echo "in $PWD"
echo ready
until [ -e release ]; do sleep 0.05; done
kill -0 $child
grep -q treasure /proc/$child/cmdline
kill -0 "$SSH_AGENT_PID"
ls /tmp /var/tmp /dev/shm
echo "queues $(ipcs --queues | grep -c 0x)"
echo unharmed
"""

#: {word} finds the secret, and is not the secret itself.
ATTACKER = """\
echo "user $(id -u)"
for process in /proc/[0-9]*; do
    tr '\\0' ' ' <"$process/cmdline"
    tr '\\0' ' ' <"$process/environ"
    ls -l "$process/cwd" "$process/root" "$process/fd"
done 2>/dev/null
echo "queues $(ipcs --queues | grep -c 0x)"
echo "memory $(ipcs --shmems | grep -c 0x)"
for place in {places} /tmp /var/tmp /dev/shm /dev/pts /run/user; do
    echo planted >"$place/planted"
    find "$place"
    grep -rs "{word}" "$place"
done 2>/dev/null
for file in {files}; do
    cat "$file" && echo "read $file"
    echo x >"$file"
    rm -f "$file"
done 2>/dev/null
ssh -o BatchMode=yes -p 1 localhost
echo looked
kill -9 -1
true
"""


PLAYBOOK = """\
- hosts: localhost
  connection: local
  tasks:
    - debug:
        msg: "{{ ansible_service_mgr }} for {{ ansible_user_id }}"
- hosts: target
  gather_facts: false
  tasks:
    - raw: echo reached
      register: said
    - debug:
        msg: "target {{ said.stdout | trim }}"
"""


class SeparationCase(SynchronousTestCase):
    """A server of one set-up; without an account it is the tester's own."""

    account: Account | None = None
    #: whether no program of the server's may gain rights
    tied = False
    settings: dict[str, str] = {}  # noqa: RUF012 - one value for the class

    def setUp(self) -> None:
        """Start it, on a state directory of its user's."""
        self.addCleanup(os.umask, os.umask(0o022))
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        self.home.mkdir(0o711)
        self.product = Product(self.home / "state")
        self.product.environ.update(
            SEMAPHORE_TMP_PATH=str(self.home / "w"), HOME=str(self.home)
        )
        self.product.environ["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self.product.environ.update(self.settings)
        if self.account is not None:
            self.become(self.account)
        self.secret = token_hex(12)
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    def become(self, account: Account) -> None:
        """Start the server as *account*."""
        if os.geteuid() != 0:
            raise SkipTest("only root can start a server as another user")
        os.chown(self.home, account.number, account.number)
        words = account.become()
        if not self.tied:
            words.remove("--no-new-privs")
        self.product.prefix = tuple(words)
        tried = [*self.product.prefix, sys.executable, __file__]
        if subprocess.run(tried, check=False, capture_output=True).returncode:
            raise SkipTest("another user cannot read this program; use tests/run")

    @property
    def workspaces(self) -> Path:
        """The folder of all workspaces."""
        own = self.product.state / "workspaces"
        return self.home / "w" if (self.home / "w").exists() else own

    def start(self, name: str, script: str) -> tuple[int, int]:
        """Start *script* in a project of its own; return the project and the task."""
        product = self.product
        project = product.api("POST", "/projects", {"name": name})["id"]
        none = product.api("GET", f"/project/{project}/keys")[0]["id"]
        git = repository(self.folder / name, {"script.sh": script})
        files = product.create(
            project,
            "repositories",
            name=name,
            git_url=f"file://{git}",
            git_branch="main",
            ssh_key_id=none,
        )
        secret = {
            "operation": "create",
            "type": "env",
            "name": "SECRET",
            "secret": self.secret if name == "victim" else "nothing",
        }
        environment = product.create(
            project, "environment", name=name, json="{}", env="{}", secrets=[secret]
        )
        template = product.create(
            project,
            "templates",
            name=name,
            app="bash",
            playbook="script.sh",
            repository_id=files,
            environment_id=environment,
        )
        task = product.run(project, template)
        self.addCleanup(
            product.call, "POST", f"/api/project/{project}/tasks/{task}/stop"
        )
        return project, task

    def wait_for(self, started: tuple[int, int], line: str) -> None:
        """Wait until *line* is in the log of a task."""
        product = self.product
        ended = {"success", "error", "stopped"}
        until(
            lambda: (
                line in product.output(*started) or product.status(*started) in ended
            ),
            line,
            TIMEOUT,
        )
        lines = product.output(*started)
        self.assertIn(line, lines, "\n".join([*lines, product.log.read_text()]))

    def play(self) -> str:
        """Run a playbook on this machine and over a real sshd; return its log."""
        product = self.product
        with Sshd() as sshd:
            project = product.api("POST", "/projects", {"name": "play"})["id"]
            none = product.api("GET", f"/project/{project}/keys")[0]["id"]
            git = repository(self.folder / "play", {"site.yml": PLAYBOOK})
            files = product.create(
                project,
                "repositories",
                name="play",
                git_url=f"file://{git}",
                git_branch="main",
                ssh_key_id=none,
            )
            key = product.create(
                project,
                "keys",
                name="target",
                type="ssh",
                ssh={"login": sshd.user, "private_key": sshd.new_key("ed25519")},
            )
            inventory = product.create(
                project,
                "inventory",
                name="target",
                type="static",
                inventory=f"target {sshd.variables}",
                ssh_key_id=key,
            )
            template = product.create(
                project,
                "templates",
                name="play",
                app="ansible",
                playbook="site.yml",
                repository_id=files,
                inventory_id=inventory,
            )
            task = product.run(project, template)
            status = product.wait(project, task)
        text = "\n".join(product.output(project, task))
        self.assertEqual(status, "success", text)
        hosts = product.api("GET", f"/project/{project}/tasks/{task}/ansible/hosts")
        counted = {each["host"]: (each["ok"], each["changed"]) for each in hosts}
        self.assertEqual(counted, {"localhost": (2, 0), "target": (2, 1)}, text)
        self.assertIn("target reached", text)
        self.assertNotRegex(text, r"\binit for")  # sysvinit is right, where it is
        return text

    def checkout(self, started: tuple[int, int]) -> Path:
        """Return the directory that a script printed as its own."""
        lines = self.product.output(*started)
        (line,) = (line for line in lines if line.startswith("in "))
        return Path(line.removeprefix("in "))

    def attacker(self) -> str:
        """Return the script that looks for everything of another job."""
        state = self.product.state
        files = [state / each for each in ("config.json", "semaphore.db")]
        return (
            ATTACKER.replace("{places}", f"{state} {self.workspaces}")
            .replace("{files}", " ".join(map(str, files)))
            .replace("{word}", f"{self.secret[:-1]}[{self.secret[-1]}]")
        )

    def attack(self) -> tuple[str, str]:
        """Run both; return the users that they ran as."""
        self.assertNotIn("not separated", self.product.log.read_text())
        config = self.product.state / "config.json"
        content = config.read_bytes()
        victim = self.start("victim", VICTIM)
        self.wait_for(victim, "ready")
        attacker = self.start("attacker", self.attacker())
        status = self.product.wait(*attacker)
        said = self.product.output(*attacker)
        text = "\n".join(said)
        self.assertEqual(status, "success", text)
        self.assertIn("looked", said, text)
        for word in (self.secret, "treasure", "access_key_encryption", "victim"):
            self.assertNotIn(word, text)
        self.assertNotIn(f"read {self.product.state}", text)
        self.assertEqual(config.read_bytes(), content)
        self.assertIn("queues 0", said, text)
        self.assertIn("memory 0", said, text)
        self.assertNotIn("No user exists", text)
        place = self.checkout(victim)
        self.assertNotIn(place.parent.name, text)

        (place / "release").touch()
        status = self.product.wait(*victim)
        lines = self.product.output(*victim)
        self.assertEqual(status, "success", "\n".join(lines))
        self.assertIn("unharmed", lines)
        self.assertIn("queues 1", lines)
        self.assertIn("first init", lines)
        self.assertNotIn("planted", lines)
        until(lambda: not any(self.workspaces.glob("job_*")), "all workspaces are gone")
        users = [
            line.split()[1]
            for lines in (lines, said)
            for line in lines
            if line.startswith("user ")
        ]
        return users[0], users[1]


class RootTests(SeparationCase):
    """Root's server, whose jobs have users of their own."""

    settings = {"SEMAPHORE_PROCESS_UID_RANGE": RANGE}  # noqa: RUF012 - as above

    def setUp(self) -> None:
        """Skip where this is not root's machine."""
        if os.geteuid() != 0:
            raise SkipTest("only root can switch to other users")
        super().setUp()

    def test_two_jobs(self) -> None:
        """Neither job finds, reads or ends anything of the other one."""
        users = self.attack()
        first, last = map(int, RANGE.split("-"))
        self.assertEqual(len(set(users)), 2)
        self.assertLessEqual(set(map(int, users)), set(range(first, last + 1)))

    def test_playbook(self) -> None:
        """Ansible and ssh work for a number that no account has."""
        self.assertRegex(self.play(), r"for job19000001\d\d")

    def test_restart(self) -> None:
        """After a kill of the server a job keeps its user to itself."""
        victim = self.start("victim", VICTIM)
        self.wait_for(victim, "ready")
        self.product.kill()
        self.product.start()
        other = self.start("other", 'echo "user $(id -u)"')
        self.assertEqual(self.product.wait(*other), "success")
        place = self.checkout(victim)
        self.assertNotIn(f"user {place.stat().st_uid}", self.product.output(*other))
        (place / "release").touch()
        self.assertEqual(self.product.wait(*victim), "success")
        self.assertIn("unharmed", self.product.output(*victim))


class OneUserTests(SeparationCase):
    """Root's server, whose jobs share one user."""

    settings = {"SEMAPHORE_PROCESS_USER": "daemon"}  # noqa: RUF012 - as above

    def setUp(self) -> None:
        """Skip where this is not root's machine."""
        if os.geteuid() != 0:
            raise SkipTest("only root can switch to other users")
        super().setUp()

    def test_two_jobs(self) -> None:
        """The same is true for jobs of one user."""
        one, other = self.attack()
        self.assertEqual(one, other)


class UnitTests(SeparationCase):
    """The shipped unit: its user, its capabilities and its environment."""

    def setUp(self) -> None:
        """Read the unit."""
        text = UNIT.read_text()
        (words,) = re.findall(r"^AmbientCapabilities=(.*)$", text, re.MULTILINE)
        (bound,) = re.findall(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE)
        self.assertEqual(words, bound)
        names = (word.removeprefix("CAP_").lower() for word in words.split())
        self.account = Account("server", 62773, tuple(names))
        self.settings = dict(
            re.findall(r"^Environment=(SEMAPHORE_\w+)=(.*)$", text, re.MULTILINE)
        )
        super().setUp()

    def test_two_jobs(self) -> None:
        """Neither job finds, reads or ends anything of the other one."""
        one, other = self.attack()
        self.assertNotEqual(one, other)
        self.assertNotIn("62773", (one, other))


class EarlierUnitTests(SeparationCase):
    """The unit of an earlier release, whose server may only switch users."""

    account = Account(
        "server",
        62774,
        ("setuid", "setgid", "chown", "kill", "dac_override", "fowner"),
    )
    settings = {"SEMAPHORE_PROCESS_USER": "daemon"}  # noqa: RUF012 - as above

    def test_goes_on(self) -> None:
        """Jobs run as before, and one warning names the missing separation."""
        task = self.start("job", 'echo "user $(id -un)"')
        self.assertEqual(self.product.wait(*task), "success")
        self.assertIn("user daemon", self.product.output(*task))
        (line,) = (
            line
            for line in self.product.log.read_text().splitlines()
            if "not separated" in line
        )
        self.assertIn("the server lacks CAP_SYS_CHROOT, CAP_SYS_ADMIN", line)

    def test_asked_for(self) -> None:
        """A start is refused if it requests a separation that is not possible."""
        self.product.stop()
        for name, value in (("APP_NS_PID", "true"), ("UID_RANGE", RANGE)):
            environ = {f"SEMAPHORE_PROCESS_{name}": value}
            before = self.product.environ
            self.product.environ = before | environ
            if name == "UID_RANGE":  # the user in the environment would go before it
                del self.product.environ["SEMAPHORE_PROCESS_USER"]
            self.product.launch()
            process = self.product.process
            assert process is not None
            self.assertEqual(process.wait(TIMEOUT), 78)
            self.product.process = None
            self.product.environ = before
            last = self.product.log.read_text().splitlines()[-1]
            self.assertIn("semaphore: process.", last)
            self.assertIn("the server lacks CAP_SYS_CHROOT, CAP_SYS_ADMIN", last)


class OwnUserCase(SeparationCase):
    """A server whose jobs run as its own user."""

    account = Account("someone", 62771)

    def setUp(self) -> None:
        """Skip where the kernel gives no user namespace to this user."""
        prefix = self.account.become() if os.geteuid() == 0 else []
        if reason := refusal(prefix):
            raise SkipTest(f"the kernel gives no user namespace: {reason}")
        if not prefix:
            self.account = None  # type: ignore[assignment]
        super().setUp()


class OwnUserTests(OwnUserCase):
    """A server without rights."""

    def test_playbook(self) -> None:
        """Ansible and ssh work in a user namespace."""
        self.play()

    def test_two_jobs(self) -> None:
        """Neither job finds, reads or ends anything of the other one or the server."""
        one, other = self.attack()
        self.assertEqual(one, other)


class WithVpnTests(OwnUserCase):
    """The separation of jobs on a server that root started with the companion."""

    account = Account("server", 62772, SERVER.capabilities)
    tied = True

    def test_two_jobs(self) -> None:
        """Neither job finds, reads or ends anything of the other one or the server."""
        one, other = self.attack()
        self.assertEqual(one, other)
