"""The command to paste and ``join.sh``, run by real shells with wg and curl."""

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.enroll.assets import JOIN_SH
from semaphore_twisted.web.enroll.commands import Commands, commands
from semaphore_twisted.wireguard import key_pairs, keys, profile
from tests.support.enroll_process import EnrollServer
from tests.support.product import clean_environment
from tests.support.programs import needs

WG_QUICK = """\
#!/bin/sh
echo "$@" >>"$LOG"
[ ! -e "$LOG.fail" ] || { echo 'no module' >&2; exit 1; }
"""

WG = """\
#!/bin/sh
echo "$@" >>"$LOG.wg"
case $1 in show) [ -e "$LOG.up" ] ;; *) exec /usr/bin/wg "$@" ;; esac
"""


@needs("wg", "curl")
class ScriptCase(SynchronousTestCase):
    """A server, a machine's directory, and fake programs that record their calls."""

    shell = "dash"

    def setUp(self) -> None:
        """Start the server."""
        self.server = EnrollServer()
        self.addCleanup(self.server.stop)
        self.folder = Path(tempfile.mkdtemp(prefix="join-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        self.log = self.folder / "log"
        self.program("wg-quick", WG_QUICK)
        self.program("wg", WG)
        self.machine = self.folder / "machine"
        self.machine.mkdir(mode=0o700)
        self.script = self.folder / "join.sh"
        self.script.write_bytes(JOIN_SH.content)

    def program(self, name: str, text: str = "#!/bin/sh\n") -> None:
        """Put a program on the path."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def environment(self) -> dict[str, str]:
        """Return an environment whose path is ours, and the usual one."""
        environ = clean_environment(LOG=str(self.log), TMPDIR=str(self.folder))
        environ["PATH"] = f"{self.programs}:/usr/bin:/bin"
        return environ

    def run_script(
        self, token: str, *options: str, base: str = "", ca: str = "root.pem"
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``join.sh`` for this machine."""
        trust = ("--ca", str(self.server.folder / ca)) if ca else ()
        return subprocess.run(
            [
                *(self.shell, str(self.script), *trust),
                *("--config-dir", str(self.machine), *options),
                base or self.server.base,
            ],
            input=f"{token}\n",
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def joined(self, done: "subprocess.CompletedProcess[str]") -> str:
        """Check that the script was content, and return the file that it wrote."""
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return (self.machine / "semaphore.conf").read_text()

    def refused(self, done: "subprocess.CompletedProcess[str]", said: str) -> None:
        """Check that it refused, and left no file of a tunnel."""
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stderr, said)
        self.assertEqual(list(self.machine.glob("*.conf")), [])


class JoinScriptTests(ScriptCase):
    """The effects of the script."""

    def setUp(self) -> None:
        """Let the script believe that it runs as root, which may bring a tunnel up."""
        super().setUp()
        self.program("id", "#!/bin/sh\necho 0\n")

    def test_join(self) -> None:
        """The key is made here, and the file is the server's with it; all 0600."""
        self.program("resolvconf")
        token = self.server.tokens[0]
        text = self.joined(self.run_script(token, "--name", "box"))
        private = key_pairs.parse_key(text.split("PrivateKey = ")[1].split("\n")[0])
        self.assertEqual((private[0] & 7, private[31] & 192), (0, 64))
        public = keys.format(keys.public_of(private))
        body = {"token": token, "public_key": public, "name": "box"}
        again = self.server.post(body)
        self.assertEqual(text, profile.complete(again["config"], private))
        self.assertEqual(
            sorted(each.name for each in self.machine.iterdir()),
            [".semaphore.joined", "semaphore.conf"],
        )
        for path in self.machine.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)
        record = json.loads((self.machine / ".semaphore.joined").read_text())
        self.assertEqual(record["uuid"], again["peer"]["uuid"])
        self.assertEqual(record["url"], "https://semaphore.internal")
        self.assertEqual(self.log.read_text(), f"up {self.machine}/semaphore.conf\n")

    def test_again(self) -> None:
        """A second run changes nothing, and brings the tunnel up if it is down."""
        token = self.server.tokens[0]
        before = self.joined(self.run_script(token))
        done = self.run_script(token)
        self.assertIn("Joined already", done.stdout)
        self.assertEqual(self.joined(done), before)
        self.assertEqual(len(self.log.read_text().splitlines()), 2)
        self.log.with_name("log.up").touch()
        self.joined(self.run_script(token))
        self.assertEqual(len(self.log.read_text().splitlines()), 2)
        other = self.run_script(self.server.tokens[1])
        self.assertIn("another link", other.stderr)
        self.assertNotEqual(other.returncode, 0)

    def test_foreign_file(self) -> None:
        """An existing file of another origin is not changed."""
        path = self.machine / "semaphore.conf"
        path.write_text("mine")
        done = self.run_script(self.server.tokens[0])
        self.assertIn("not ours", done.stderr)
        self.assertEqual(path.read_text(), "mine")
        done = self.run_script(self.server.tokens[0], "--interface", "other")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.machine / "other.conf").exists())

    def test_names_inside(self) -> None:
        """Without resolvconf there is no DNS line, with a message."""
        done = self.run_script(self.server.tokens[0])
        self.assertNotIn("DNS", self.joined(done))
        self.assertIn("10.80.0.1 semaphore.internal", done.stdout)

    @skipUnless(os.geteuid() == 0, "/run/systemd/resolve is made by root")
    def test_resolved(self) -> None:
        """With systemd-resolved only the site's own names are asked of the server."""
        self.program("resolvectl")
        there = Path("/run/systemd/resolve")
        if not there.exists():
            there.mkdir(parents=True)
            self.addCleanup(there.rmdir)
        text = self.joined(self.run_script(self.server.tokens[0]))
        self.assertNotIn("DNS", text)
        hooks = [each for each in text.splitlines() if each.startswith("PostUp")]
        self.assertEqual(
            hooks,
            [
                "PostUp = resolvectl dns %i 10.80.0.1 fd80::1",
                "PostUp = resolvectl domain %i ~semaphore.internal",
            ],
        )

    def test_no_up(self) -> None:
        """Without bringing the tunnel up, the script prints the command for it."""
        done = self.run_script(self.server.tokens[0], "--no-up")
        self.joined(done)
        self.assertIn("wg-quick up", done.stdout)
        self.assertFalse(self.log.exists())

    def test_up_fails(self) -> None:
        """If wg-quick fails the reason is printed, and the file stays."""
        self.log.with_name("log.fail").touch()
        done = self.run_script(self.server.tokens[0])
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no module", done.stderr)
        self.assertTrue((self.machine / "semaphore.conf").exists())

    def test_approval(self) -> None:
        """A pending approval is reported."""
        done = self.run_script(self.server.tokens[8])
        self.joined(done)
        self.assertIn("approve", done.stdout)

    def test_not_applied(self) -> None:
        """Where the server's VPN does not let the machine in, that is an error."""
        server = EnrollServer("the companion hung up")
        self.addCleanup(server.stop)
        self.server.stop()
        self.server = server
        done = self.run_script(server.tokens[0])
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("does not let it in yet", done.stderr)
        self.assertNotIn("hung up", done.stderr)
        self.assertIn("Joined as", done.stdout)
        self.assertTrue((self.machine / "semaphore.conf").exists())

    def test_used(self) -> None:
        """A token that cannot be used leaves no key behind."""
        done = self.run_script("smp-enroll-" + "x" * 43)
        self.refused(done, "ask for another")
        self.assertEqual(list(self.machine.iterdir()), [])

    def test_same_name(self) -> None:
        """Two machines with one name get different names, unless the name was given."""
        self.joined(self.run_script(self.server.tokens[0]))
        shutil.rmtree(self.machine)
        self.machine.mkdir()
        done = self.run_script(self.server.tokens[1])
        self.joined(done)
        self.assertRegex(done.stdout, r"Joined as \S+-[0-9a-f]{4}: ")
        for number, said in ((2, ""), (3, 'named "box"')):
            done = self.run_script(
                self.server.tokens[number], "--name", "box", "--interface", f"i{number}"
            )
            self.assertIn(said, done.stderr)
        self.assertEqual(list(self.machine.glob(".i3.*")), [])

    def test_reserved_name(self) -> None:
        """A host called "localhost" gets another name, unless that one was given."""
        self.program(
            "uname", '#!/bin/sh\n[ "$1" = -n ] && echo localhost || echo Linux\n'
        )
        token = self.server.host_token
        done = self.run_script(token, "--name", "localhost")
        self.refused(done, 'name: invalid value "localhost" for a host; it means the')
        self.assertEqual(list(self.machine.iterdir()), [])
        done = self.run_script(token)
        self.joined(done)
        self.assertRegex(done.stdout, r"Joined as machine-[0-9a-f]{4}: ")

    def test_lost_answer(self) -> None:
        """After a lost answer the same key is sent again."""
        token = self.server.tokens[0]
        done = self.run_script(token, base="https://localhost:1")
        self.refused(done, "try again")
        (pending,) = self.machine.iterdir()
        self.assertEqual(pending.stat().st_mode & 0o777, 0o600)
        private = json.loads(pending.read_text())["private_key"]
        text = self.joined(self.run_script(token))
        self.assertIn(private, text)

    def test_untrusted(self) -> None:
        """Without the root nothing is sent."""
        done = self.run_script(self.server.tokens[0], ca="")
        self.refused(done, "certificate")
        self.joined(self.run_script(self.server.tokens[0]))

    def test_bad_words(self) -> None:
        """An invalid token, name or address is refused before any request."""
        good = self.server.tokens[0]
        for token in ("", "x", good[:-1], good + "x", good[:-1] + '"', f"{good} x"):
            self.refused(self.run_script(token), "token")
        for options, said in (
            (("--interface", "a/b"), "--interface"),
            (("--interface", "x" * 16), "--interface"),
            (("--interface", "-x"), "--interface"),
            (("--name", 'a"b'), "--name"),
            (("--name", "a\\b"), "--name"),
            (("--name", "a\nb"), "--name"),
            (("--what",), "--what"),
            (("http://a.example",), "not known"),
        ):
            self.refused(self.run_script(good, *options), said)
        for base in ("https://a b", "https://a;id", "https://a'"):
            self.refused(self.run_script(good, base=base), "address|not known")

    def test_odd_answers(self) -> None:
        """Of an answer that is not a profile, nothing is written."""
        good = (
            "[Interface]\nPrivateKey = PRIVATE-KEY-OF-THIS-DEVICE\n"
            "Address = 10.80.0.2/32\n\n[Peer]\nPublicKey = a\n"
        )
        for answer in (
            good + "PostUp = touch /tmp/owned\n",
            good + "PublicKey = $(touch /tmp/owned)\n",
            good + "PublicKey = a`id`\n",
            good + "[Interface]\n",
            good.replace("PRIVATE-KEY-OF-THIS-DEVICE", "x"),
            good + "PrivateKey = PRIVATE-KEY-OF-THIS-DEVICE\n",
            good + "# PostUp = id\n",
            good + "DNS = evil.example; id\n",
            good + "Endpoint = a\r\n",
            "",
            "<html>\n",
        ):
            self.program(
                "curl",
                "#!/bin/sh\nwhile [ $# -gt 1 ]; do case $1 in --output) out=$2 ;;"
                " --dump-header) head=$2 ;; esac; shift; done\n"
                f'cat >/dev/null\n: >"$head"\ncat >"$out" <<\'E\'\n{answer}E\n'
                "printf 201\n",
            )
            self.refused(self.run_script(self.server.tokens[0]), "not a profile")
            self.assertEqual(list(self.machine.glob(".*.new")), [])

    def test_nothing_in_arguments(self) -> None:
        """Token and key are never an argument of a program."""
        self.program(
            "curl", '#!/bin/sh\necho "$@" >>"$LOG.curl"\nexec /usr/bin/curl "$@"\n'
        )
        token = self.server.tokens[0]
        text = self.joined(self.run_script(token))
        private = text.split("PrivateKey = ")[1].split("\n")[0]
        for name in ("log", "log.curl", "log.wg"):
            said = (self.folder / name).read_text()
            self.assertNotIn(token, said)
            self.assertNotIn(private, said)
            self.assertTrue(said)


class BashJoinScriptTests(JoinScriptTests):
    """The same tests with bash."""

    shell = "bash"


class CommandTests(ScriptCase):
    """The command to paste."""

    def command(self, token: str, fingerprint: str | None = None) -> Commands:
        """Return the commands of an invite."""
        digest = self.server.fingerprint if fingerprint is None else fingerprint
        return commands(self.server.base, token, digest)

    def paste(
        self, text: str, shell: str = "bash"
    ) -> "subprocess.CompletedProcess[str]":
        """Paste *text* into a shell of a user without rights."""
        nobody = pwd.getpwnam("nobody")
        mine = os.geteuid() == 0
        if mine:
            for path in (self.machine, self.folder):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        return subprocess.run(
            [shell],
            input=text,
            cwd=self.machine,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            user=nobody.pw_uid if mine else None,
            group=nobody.pw_gid if mine else None,
        )

    def left(self) -> list[str]:
        """Return the temporary folders that are left."""
        return [each.name for each in self.folder.glob("tmp.*")]

    def test_paste(self) -> None:
        """It fetches the root, compares, fetches the script, compares, and joins."""
        for number, shell in enumerate(("bash", "dash")):
            done = self.paste(self.command(self.server.tokens[number]).posix, shell)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            path = self.machine / "semaphore.conf"
            self.assertIn("PrivateKey", path.read_text())
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.assertIn(f"wg-quick up {self.machine}/semaphore.conf", done.stdout)
            self.assertEqual(self.left(), [])
            for each in self.machine.iterdir():
                each.unlink()

    def test_other_server(self) -> None:
        """With another root the token is not sent, and nothing is left."""
        done = self.paste(self.command(self.server.tokens[0], "ab" * 32).posix)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not the server of the invite", done.stderr)
        self.assertEqual(list(self.machine.iterdir()), [])
        self.assertEqual(self.left(), [])
        self.assertEqual(
            self.paste(self.command(self.server.tokens[0]).posix).returncode, 0
        )

    def test_other_script(self) -> None:
        """A script that is not the one of the command is not run."""
        text = self.command(self.server.tokens[0]).posix
        done = self.paste(text.replace(JOIN_SH.sha256, "0" * 64))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("script has changed", done.stderr)
        self.assertEqual(list(self.machine.iterdir()), [])
        self.assertEqual(self.left(), [])

    def test_untrusted(self) -> None:
        """A command without a fingerprint trusts the machine's CA certificates."""
        done = self.paste(self.command(self.server.tokens[0], "").posix)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("certificate", done.stderr)

    def test_other_digest_program(self) -> None:
        """Where there is only ``shasum``, as on macOS, that compares."""
        self.program("sha256sum", "#!/bin/sh\nexit 127\n")
        self.program("shasum", '#!/bin/sh\nexec /usr/bin/sha256sum "-"\n')
        done = self.paste(self.command(self.server.tokens[0]).posix)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_token(self) -> None:
        """The token is on a line of its own, for standard input."""
        token = self.server.tokens[0]
        first, second, _ = self.command(token).posix.splitlines()
        self.assertEqual(second, token)
        self.assertNotIn(token, first)
        self.assertIsNone(re.search(r"\becho\b[^;]*smp-enroll", first))
