"""Tests of links and commands."""

import re
import shutil
import subprocess
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.web.enroll.assets import JOIN_PS1, JOIN_SH
from semaphore_twisted.web.enroll.commands import commands, is_base, link
from tests.support.enrolling import TOKEN

BASE = "https://vpn.example.net:8443"
FINGERPRINT = "ab" * 32


class LinkTests(SynchronousTestCase):
    """A link is one that ``vpn join`` reads."""

    def test_link(self) -> None:
        """Base, token and fingerprint come out as they went in."""
        for base in (BASE, "https://a.example/base", "https://[2001:db8::1]:8443"):
            for spelled in (FINGERPRINT, ":".join(["AB"] * 32)):
                found = InviteLink.parse(link(base, TOKEN, spelled))
                self.assertEqual(
                    (found.base, found.token, found.fingerprint),
                    (base, TOKEN, FINGERPRINT),
                )
        self.assertEqual(InviteLink.parse(link(BASE, TOKEN, "")).fingerprint, "")

    def test_bases(self) -> None:
        """A base with characters that a shell interprets is refused."""
        for base in (
            "http://a.example",
            "https://a.example/'",
            "https://a.example/$(id)",
            "https://a.example/`id`",
            "https://a.example/ b",
            "https://a.example\nb",
            'https://a.example/"',
            "https://a.example/@token@",
            "https://",
            "",
        ):
            self.assertFalse(is_base(base), base)
            self.assertRaises(ValueError, commands, base, TOKEN, "")
        for token, fingerprint in ((TOKEN + "'", ""), ("x", ""), (TOKEN, "abc")):
            self.assertRaises(ValueError, commands, BASE, token, fingerprint)


class CommandTests(SynchronousTestCase):
    """The commands, read."""

    def setUp(self) -> None:
        """Make them."""
        self.made = commands(BASE, TOKEN, FINGERPRINT)

    def test_repr(self) -> None:
        """No text shows the token."""
        self.assertNotIn(TOKEN, repr(self.made))

    def test_one_line(self) -> None:
        """It is one line; the token follows it as standard input."""
        lines = self.made.posix.splitlines()
        self.assertEqual(lines[1:], [TOKEN, "END"])
        self.assertTrue(lines[0].endswith("<<'END'"))
        self.assertNotIn(TOKEN, lines[0])
        self.assertEqual(len(self.made.powershell.splitlines()), 1)

    def test_places(self) -> None:
        """No place is left unfilled, and each comparison has its digest."""
        for made, script in (
            (self.made.posix, JOIN_SH.sha256),
            (self.made.powershell, JOIN_PS1.sha256),
        ):
            self.assertEqual(re.findall(r"@[a-z]+@", made), [])
            self.assertIn(script, made)
            self.assertIn(FINGERPRINT, made)
            self.assertEqual(made.count(TOKEN), 1)

    def test_order(self) -> None:
        """Trust comes first, without a check once only; the script last."""
        for made in (self.made.posix, self.made.powershell):
            self.assertEqual(len(re.findall(r"curl\S* -fsSk", made)), 1)
            places = [
                made.index(each)
                for each in ("-fsSk", "api/vpn/ca", FINGERPRINT, "--cacert", "join.")
            ]
            self.assertEqual(places, sorted(places))

    def test_history(self) -> None:
        """An interactive shell's history does nothing to the line."""
        self.assertNotIn("!", self.made.posix)

    def test_public_certificate(self) -> None:
        """Without a fingerprint nothing is fetched without a check."""
        made = commands(BASE, TOKEN, "")
        for each in (made.posix, made.powershell):
            self.assertNotIn("-fsSk", each)
            self.assertNotIn("cacert", each)

    def test_shells_read_it(self) -> None:
        """The shells of Debian take it for a command."""
        for shell in ("dash", "bash"):
            for made in (self.made, commands(BASE, TOKEN, "")):
                done = subprocess.run(
                    [shell, "-n"],
                    input=made.posix,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""))


def _balanced(text: str) -> bool:
    """Whether brackets outside of quoted texts and comments are in pairs."""
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    text = re.sub(r"'[^'\n]*'", "''", text)
    text = re.sub(r'"(?:[^"`\n]|`.)*"', '""', text)
    open_: list[str] = []
    for character in text:
        if character in "([{":
            open_.append(character)
        elif character in ")]}" and (
            not open_ or open_.pop() + character not in {"()", "[]", "{}"}
        ):
            return False
    return not open_


class ScriptTests(SynchronousTestCase):
    """The scripts, read; ``join.sh`` is run in the integration tests."""

    def test_dash(self) -> None:
        """The script has nothing that only some shells know."""
        for shell in (["dash", "-n"], ["bash", "--posix", "-n"]):
            done = subprocess.run(
                shell, input=JOIN_SH.content, capture_output=True, check=False
            )
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_ascii(self) -> None:
        """No machine's encoding matters: the scripts are ASCII, with plain lines."""
        for each in (JOIN_SH, JOIN_PS1):
            self.assertTrue(each.content.isascii())
            self.assertNotIn(b"\r", each.content)
            self.assertNotIn(b"\t", each.content)

    def test_no_argument(self) -> None:
        """Neither a key nor the token is an argument of a program."""
        text = JOIN_SH.content.decode()
        for line in text.splitlines():
            if re.search(r"\b(curl|wg|sed|wg-quick)\b", line) and "|" not in line:
                self.assertNotIn("$token", line)
                self.assertNotIn("$key", line)

    def test_powershell(self) -> None:
        """The other one is balanced at least."""
        self.assertTrue(_balanced(JOIN_PS1.content.decode()))
        for made in (commands(BASE, TOKEN, FINGERPRINT), commands(BASE, TOKEN, "")):
            self.assertTrue(_balanced(made.powershell))

    @skipUnless(shutil.which("pwsh"), "no PowerShell here: the script was read only")
    def test_powershell_parses(self) -> None:
        """PowerShell takes it for a script; running it needs Windows."""
        done = subprocess.run(
            ["pwsh", "-NoProfile", "-Command", "[ScriptBlock]::Create($input)"],
            input=JOIN_PS1.content,
            capture_output=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
