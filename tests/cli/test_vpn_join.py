"""``semaphore vpn join`` and ``leave``: requests, files and kept keys."""

import io
import os
import ssl
import stat
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.main import main
from semaphore_twisted.cli.vpn import tunnel_file
from semaphore_twisted.cli.vpn.enrollment import EnrollmentRefused
from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.cli.vpn.join import enroll, host_name
from semaphore_twisted.cli.vpn.tunnel_file import TunnelFile
from semaphore_twisted.common.command_error import UNREACHABLE, CommandError
from semaphore_twisted.model.peers import PeerLifecycle
from semaphore_twisted.wireguard import keys
from tests.support import enrolling
from tests.support.enrolling import Answer, Server


class JoinCase(SynchronousTestCase):
    """A folder for the tunnel's files, and a server."""

    def setUp(self) -> None:
        """Create the server and the machine."""
        umask = os.umask(0)  # modes must not depend on the umask
        self.addCleanup(os.umask, umask)
        self.folder = Path(self.mktemp()).absolute()
        self.files = TunnelFile.named(self.folder, "semaphore")
        self.server = Server()

    late = ""

    def enroll(self, link: InviteLink | None = None) -> str:
        """Enroll, and return what was printed; *late* is why nothing passes yet."""
        out = io.StringIO()
        link = link or self.server.link
        with redirect_stdout(out), self.files.alone():
            half = self.server.enrolling(link)
            _, self.late = enroll(self.files, link, half, "box")
        return out.getvalue()

    def names(self) -> list[str]:
        """Return the names in the folder."""
        return sorted(each.name for each in self.folder.iterdir())

    def run_command(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(["vpn", *words, "--config-dir", str(self.folder)])
            except SystemExit as error:
                code = int(error.code or 0)
        return code, out.getvalue(), err.getvalue()


class EnrollTests(JoinCase):
    """A machine enrolls."""

    def test_written(self) -> None:
        """The key is made here, sent nowhere, and in one 0600 file only."""
        out = self.enroll()
        text = self.files.profile.read_text()
        key = text.partition("PrivateKey = ")[2].partition("\n")[0]
        (_, _, body, _) = self.server.asked[-1]
        public = keys.public_of(keys.decode(key))
        self.assertEqual(
            body,
            {
                "token": enrolling.TOKEN,
                "public_key": keys.format(public),
                "name": "box",
            },
        )
        self.assertNotIn(key, out)
        self.assertNotIn(enrolling.TOKEN, out)
        self.assertEqual(self.names(), [".semaphore.joined", "semaphore.conf"])
        for each in self.folder.iterdir():
            self.assertEqual(stat.S_IMODE(each.stat().st_mode), 0o600)
        beside = (self.folder / ".semaphore.joined").read_text()
        self.assertNotIn(key, beside)
        self.assertNotIn(enrolling.TOKEN, beside)
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)
        self.assertIn("Joined as box, 10.80.0.2", out)

    def test_trust_comes_first(self) -> None:
        """The root is fetched unchecked and alone; the token goes to a checked one."""
        self.enroll()
        self.assertEqual(
            [(method, path, checked) for method, path, _, checked in self.server.asked],
            [
                (
                    "GET",
                    f"/api/vpn/ca?format=der&sha256={self.server.link.fingerprint}",
                    False,
                ),
                ("POST", "/api/vpn/enroll", True),
            ],
        )

    def test_public_certificate(self) -> None:
        """Without a fingerprint the machine's own authorities are asked at once."""
        link = InviteLink("https://vpn.example.net/base", enrolling.TOKEN)
        self.server.script = [
            Answer(201, b"{}"),
        ]
        self.assertRaises(CommandError, self.enroll, link)
        ((_, path, _, checked),) = self.server.asked
        self.assertEqual((path, checked), ("/base/api/vpn/enroll", True))

    def test_another_root(self) -> None:
        """A server with another root gets no token, and nothing is written."""
        link = InviteLink("https://vpn.example.net", enrolling.TOKEN, "0" * 64)
        error = self.assertRaises(CommandError, self.enroll, link)
        self.assertIn("nothing was sent", error.sentence)
        self.assertEqual(error.exit_code, UNREACHABLE)
        self.assertEqual([body for _, _, body, _ in self.server.asked], [None])
        self.assertEqual(self.names(), [])

    def test_no_semaphore(self) -> None:
        """An address of another service gives an error of its own."""
        self.server.script = [Answer(404, b"<html>")]
        error = self.assertRaises(CommandError, self.enroll)
        self.assertIn("is this the address of Semaphore", error.sentence)

    def test_untrusted_leaf(self) -> None:
        """A certificate that the link's root has not signed gets no token's profile."""
        wrong = ssl.SSLCertVerificationError("x")
        wrong.verify_message = "unable to get local issuer certificate"
        self.server.script = [Answer(200, enrolling.der()), wrong]
        error = self.assertRaises(CommandError, self.enroll)
        self.assertIn("not trusted", error.sentence)

    def test_lost_answer(self) -> None:
        """After a lost answer the request is repeated with the same key."""
        self.server.script = [
            Answer(200, enrolling.der()),
            ConnectionResetError(104, "Connection reset by peer"),
            TimeoutError(),
        ]
        self.enroll()
        sent = [body["public_key"] for _, _, body, _ in self.server.asked if body]
        self.assertEqual(len(sent), 3)
        self.assertEqual(len(set(sent)), 1)
        self.assertEqual(self.server.pauses, [1.0, 3.0])

    def test_answer_stays_lost(self) -> None:
        """The next run uses the key again, which waits in a 0600 file until then."""
        lost = ConnectionResetError(104, "Connection reset by peer")
        self.server.script = [Answer(200, enrolling.der()), lost, lost, lost]
        self.assertRaises(CommandError, self.enroll)
        self.assertEqual(self.names(), [".semaphore.pending"])
        pending = self.folder / ".semaphore.pending"
        self.assertEqual(stat.S_IMODE(pending.stat().st_mode), 0o600)
        self.enroll()
        sent = {body["public_key"] for _, _, body, _ in self.server.asked if body}
        self.assertEqual(len(sent), 1)
        self.assertEqual(self.names(), [".semaphore.joined", "semaphore.conf"])

    def test_another_link_has_another_key(self) -> None:
        """A key waits for its own link only."""
        lost = ConnectionResetError(104, "Connection reset by peer")
        self.server.script = [Answer(200, enrolling.der()), lost, lost, lost]
        self.assertRaises(CommandError, self.enroll)
        link = self.server.link
        other = InviteLink(link.base, "smp-enroll-" + "u" * 43, link.fingerprint)
        self.enroll(other)
        sent = {body["public_key"] for _, _, body, _ in self.server.asked if body}
        self.assertEqual(len(sent), 2)

    def test_half_a_pending_file(self) -> None:
        """A file that a power cut left half written is made again."""
        self.folder.mkdir()
        (self.folder / ".semaphore.pending").write_bytes(b'{"link":')
        self.enroll()
        self.assertEqual(self.names(), [".semaphore.joined", "semaphore.conf"])

    def test_refused(self) -> None:
        """A refusal is one sentence with a remedy, and leaves no key behind."""
        for status, said, expected in (
            (403, "This invite cannot be used", "ask for another"),
            (409, "The pool is full", "The pool is full (409)"),
            (404, "Not found", "is its VPN set up"),
            (302, "", "points to another address"),
        ):
            self.server.script = [
                Answer(200, enrolling.der()),
                Answer(status, b'{"error":"%s"}' % said.encode()),
            ]
            error = self.assertRaises(CommandError, self.enroll)
            self.assertIn(expected, error.sentence)
            self.assertNotIn("\n", error.sentence)
            self.assertEqual(isinstance(error, EnrollmentRefused), status >= 400)
            self.files.settled()
        self.assertEqual(self.names(), [])

    def test_deep_answers(self) -> None:
        """Answers that are nested too deeply are reported as others are."""
        for status, expected in ((200, "cannot be read"), (409, "refused")):
            self.server.script = [
                Answer(200, enrolling.der()),
                Answer(status, b'{"x":' + b"[" * 9000),
            ]
            error = self.assertRaises(CommandError, self.enroll)
            self.assertIn(expected, error.sentence)

    def test_refusal_forgets_the_key(self) -> None:
        """A key that was not enrolled is in no file afterwards."""
        self.server.script = [Answer(200, enrolling.der()), Answer(403, b"{}")]
        self.assertRaises(EnrollmentRefused, self.enroll)
        self.assertEqual(self.names(), [])

    def test_too_busy(self) -> None:
        """If the server asks to wait, the key is kept for the next attempt."""
        self.server.script = [Answer(200, enrolling.der()), Answer(429, b"no JSON")]
        error = self.assertRaises(CommandError, self.enroll)
        self.assertIn("wait some minutes", error.sentence)
        self.assertEqual(self.names(), [".semaphore.pending"])

    def test_hostile_refusal(self) -> None:
        """A server's sentence cannot control the terminal."""
        self.server.script = [
            Answer(200, enrolling.der()),
            Answer(400, b'{"error":"\\u001b]0;owned\\u0007no\\r"}'),
        ]
        error = self.assertRaises(CommandError, self.enroll)
        self.assertEqual(error.sentence, "no (400)")

    def test_endless(self) -> None:
        """An answer without an end is not waited for."""
        self.server.script = [Answer(200, b"x" * 1_000_000)]
        error = self.assertRaises(CommandError, self.enroll)
        self.assertIn("too long", error.sentence)

    def test_newer_server(self) -> None:
        """An answer that cannot be read is no traceback."""
        self.server.script = [Answer(200, enrolling.der()), Answer(201, b"[]")]
        error = self.assertRaises(CommandError, self.enroll)
        self.assertIn("cannot be read", error.sentence)

    def test_hostile_profiles(self) -> None:
        """A profile that wg-quick would run a command of is not written."""
        good = enrolling.config()
        for text in (
            good + "PostUp = reboot\n",
            good.replace("[Peer]", "[Peer]\n[Interface]\nPostUp = reboot"),
            good + "[Interface]\n",
            good + "# PostUp = reboot\n",
            good.replace("vpn.example.net:51820", "$(reboot):1"),
            good.replace("vpn.example.net:51820", "`reboot`:1"),
            good.replace("\n", "\r"),
            good.replace("\n", "\x85"),
            good.replace("[Peer]", "[peer]\nSaveConfig = true"),
            good.replace("[Interface]\n", ""),
            "",
        ):
            self.server.changed = {"config": text}
            error = self.assertRaises(CommandError, self.enroll)
            self.assertIn("is not a profile", error.sentence)
            self.assertFalse(self.files.profile.exists())

    def test_every_profile_is_taken(self) -> None:
        """Each profile that our server renders is accepted, with every option."""
        for text in (
            enrolling.config(),
            enrolling.config(
                addresses=("10.80.0.2", "fd80::2"),
                dns=("10.80.0.1", "fd80::1"),
                mtu=1280,
                allowed_ips=("0.0.0.0/0", "::/0"),
                endpoint="[2001:db8::1]:51820",
                preshared_key=None,
                keepalive=None,
            ),
        ):
            tunnel_file.check(text)

    def test_pending_peer(self) -> None:
        """A pending approval is reported."""
        self.server.changed = {"state": PeerLifecycle.PENDING}
        self.assertIn("has to approve", self.enroll())
        self.assertEqual(self.late, "")

    def test_not_applied(self) -> None:
        """If the server's VPN does not accept the machine, that is reported."""
        self.server.changed = {"applied": False, "reason": "as soon as\x1b it can"}
        self.assertIn("Joined as box", self.enroll())
        self.assertIn("vpn doctor", self.late)
        self.assertIn("as soon as", self.late)
        self.assertTrue(self.late.isprintable())
        self.assertTrue(self.files.profile.exists())

    def test_not_applied_and_pending(self) -> None:
        """That a machine waits for an approval is no fault of the server's."""
        self.server.changed = {"applied": False, "state": PeerLifecycle.PENDING}
        self.enroll()
        self.assertEqual(self.late, "")

    def test_host_name(self) -> None:
        """A machine's name is reduced to permitted characters."""
        self.assertRegex(host_name(), r"\A[A-Za-z0-9.-]{1,60}\Z")


class CommandTests(JoinCase):
    """The commands as they are typed."""

    def test_run_twice(self) -> None:
        """A link that this machine has used is not redeemed again."""
        self.enroll()
        before = self.files.profile.read_bytes()
        (self.folder / ".semaphore.pending").write_text("{}")
        code, out, err = self.run_command("join", str(self.server.link), "--no-up")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("Joined already, as box", out)
        self.assertIn("wg-quick up", out)
        self.assertEqual(self.files.profile.read_bytes(), before)
        self.assertEqual(self.names(), [".semaphore.joined", "semaphore.conf"])

    def test_another_link(self) -> None:
        """A second link does not replace the first one's file."""
        self.enroll()
        link = str(self.server.link).replace("ttt", "uuu")
        code, _, err = self.run_command("join", link, "--no-up")
        self.assertEqual((code, err.count("\n")), (1, 1))
        self.assertIn("vpn leave", err)
        self.assertNotIn("uuu", err)

    def test_somebody_elses_file(self) -> None:
        """Another program's file is neither replaced nor removed."""
        self.folder.mkdir()
        self.files.profile.write_text("[Interface]\n")
        for words in (["join", str(self.server.link)], ["leave", "--yes"]):
            code, _, err = self.run_command(*words)
            self.assertEqual((code, err.count("\n")), (1, 1))
            self.assertIn("semaphore.conf", err)
        self.assertEqual(self.files.profile.read_text(), "[Interface]\n")

    def test_link_from_standard_input(self) -> None:
        """With - the link is read from standard input; a wrong one is not repeated."""
        self.patch(sys, "stdin", io.StringIO("https://a/enroll#secret\n"))
        code, _, err = self.run_command("join", "-")
        self.assertEqual((code, err.count("\n")), (1, 1))
        self.assertNotIn("secret", err)

    def test_hostile_interface(self) -> None:
        """A name that a program could take for an option or a path is refused."""
        for name in ("-h", "--help", "../x", "a/b", "", ".", "x" * 16, "a b", "ä"):
            code, _, err = self.run_command(
                "join", str(self.server.link), f"--interface={name}"
            )
            self.assertEqual((code, err.count("\n")), (1, 1), name)
            self.assertFalse(self.folder.exists())

    def test_leave(self) -> None:
        """All files are removed, the administrator's command is shown; twice works."""
        self.enroll()
        code, out, err = self.run_command("leave", "--yes")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("semaphore vpn peer revoke 7d6f2a52", out)
        self.assertEqual(self.names(), [])
        code, out, err = self.run_command("leave", "--yes")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("Nothing to leave", out)

    def test_leave_asks(self) -> None:
        """Without a terminal to ask on, --yes is needed."""
        self.enroll()
        self.patch(sys, "stdin", io.StringIO("y\n"))
        code, _, err = self.run_command("leave")
        self.assertEqual(code, 1)
        self.assertIn("--yes", err)
        self.assertTrue(self.files.profile.exists())

    def test_two_at_once(self) -> None:
        """A second join during a first one is refused."""
        with self.files.alone():
            code, _, err = self.run_command("join", str(self.server.link))
        self.assertEqual(code, 1)
        self.assertIn("another join", err)
