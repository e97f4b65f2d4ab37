"""The link of an invite."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.common.command_error import CommandError

TOKEN = "smp-enroll-" + "aB3_-" * 8 + "xyz"
FINGERPRINT = "0123456789abcdef" * 4


class LinkTests(SynchronousTestCase):
    """Read and written."""

    def test_round_trip(self) -> None:
        """A link is read as it is written, with and without a fingerprint."""
        for base in (
            "https://vpn.example.net",
            "https://vpn.example.net:8443",
            "https://[2001:db8::1]:8443",
            "https://example.net/base",
        ):
            for fingerprint in ("", FINGERPRINT):
                link = InviteLink(base, TOKEN, fingerprint)
                self.assertEqual(InviteLink.parse(str(link)), link)
                self.assertEqual(InviteLink.parse(f" {link}\n"), link)

    def test_slash(self) -> None:
        """A slash after the path, as some chats add it, is accepted."""
        found = InviteLink.parse(f"https://a.example/enroll/#{TOKEN}")
        self.assertEqual(found.base, "https://a.example")

    def test_refused(self) -> None:
        """An invalid link is refused, and the token is not repeated."""
        for text in (
            "",
            "smp-enroll",
            f"http://a.example/enroll#{TOKEN}",
            f"ftp://a.example/enroll#{TOKEN}",
            f"https:///enroll#{TOKEN}",
            f"https://a.example:0/enroll#{TOKEN}",
            f"https://a.example:99999/enroll#{TOKEN}",
            f"https://a.example:x/enroll#{TOKEN}",
            f"https://user:pass@a.example/enroll#{TOKEN}",
            f"https://a.example/other#{TOKEN}",
            f"https://a.example/enroll?a=b#{TOKEN}",
            f"https://a.example/enroll#{TOKEN}.abc",
            f"https://a.example/enroll#{TOKEN}.{FINGERPRINT.upper()}",
            f"https://a.example/enroll#{TOKEN}x",
            f"https://a.example/enroll#{TOKEN}\x00",
            f"https://a.example\\@b.example/enroll#{TOKEN}",
            "https://a.example/enroll",
        ):
            error = self.assertRaises(CommandError, InviteLink.parse, text)
            self.assertNotIn(TOKEN, error.sentence)
            self.assertTrue(error.sentence.startswith("LINK"))
            self.assertNotIn("\n", error.sentence)

    @given(st.text(max_size=60))
    def test_noise(self, text: str) -> None:
        """Any text is a link or a sentence."""
        for whole in (text, f"https://a.example/{text}", f"https://{text}#{TOKEN}"):
            try:
                InviteLink.parse(whole)
            except CommandError:
                continue

    def test_token_is_hidden(self) -> None:
        """Neither ``repr`` nor the digest shows the token."""
        link = InviteLink("https://a.example", TOKEN)
        self.assertNotIn(TOKEN, repr(link))
        self.assertNotIn(TOKEN, link.digest)
