"""Tests of login names and e-mail addresses."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.accounts import check_email, check_login, fold
from semaphore_twisted.model.errors import Invalid


class LoginTests(SynchronousTestCase):
    """A name is accepted that cannot be taken for another one."""

    def refused(self, login: str) -> str:
        """Return why *login* is refused."""
        error: Invalid = self.assertRaises(Invalid, check_login, login)
        return error.message

    def test_accepted(self) -> None:
        """Printable ASCII, and letters of one script."""
        for login in (
            "admin",
            "MixedCase",
            "a.b-c_d+e@example.com",
            "DOMAIN\\user$",
            "007",
            "m\u00fcller",
            "Stra\u00dfe",
            "zoe\u0308",
            "\u0142ukasz",
            "\u043f\u0451\u0442\u0440",
            "\u0434\u0438\u043c\u0430-7",
            "\u03c0\u03ad\u03c4\u03c1\u03bf\u03c2",
            "\u5c71\u7530\u30e6\u30fc\u30b6",
            "\uae40\ucca0\uc218",
            "\u0623\u062d\u0645\u062f",
            "\u0930\u093e\u092e",
        ):
            check_login(login)

    def test_lookalikes(self) -> None:
        """Letters of several scripts, and of one whose letters look like Latin ones."""
        for login in (
            "\u0430dmin",  # Cyrillic a
            "admi\u03b7",  # Greek eta
            "r\u043e\u043et",
            "\u0441\u0430\u0440\u0430",  # reads as Latin "capa"
            "\u0412\u041e\u0412",  # reads as Latin "BOB"
            "\u03bf\u03c5\u03c5",
            "\u043f\u03c0",  # Cyrillic and Greek
            "\u0434\u0438\u043c\u0430admin",
        ):
            self.assertIn("letters", self.refused(login), ascii(login))

    def test_odd_characters(self) -> None:
        """Spaces, invisible characters, marks, and letters that are none."""
        for login in (
            "b b",
            "a\u00a0b",
            "a\u2003b",
            "a\tb",
            "a\u200bb",
            "ad\u202emin",
            "a\u00adb",
            "\udcff",
            "adm\u0131n",  # dotless i
            "\u0251dmin",  # Latin alpha
            "\u13aa\u13b3",  # Cherokee
            "a\u0336b",
            "a\u0301\u0302\u0303b",
            "\u0661\u0662",  # digits of Arabic
            "\U0001f600",
            "a\u2024b",
        ):
            self.assertIn("username", self.refused(login), ascii(login))

    def test_fold(self) -> None:
        """Case, width and composition make no difference."""
        for login in ("ALICE", " alice ", "\uff21lice"):
            self.assertEqual(fold(login), "alice")
        self.assertEqual(fold("Zoe\u0308"), fold("ZO\u00cb"))


class EmailTests(SynchronousTestCase):
    """An address has a local part and a domain."""

    def test_accepted(self) -> None:
        """Plain ones, those of this machine, and internationalized ones."""
        for email in (
            "ops@example.org",
            "Mixed.Case+tag@Sub.Example.com",
            "root@localhost",
            "o'brien@example.org",
            "a@b-c.example",
            "post@b\u00fccher.example",
        ):
            check_email(email)

    def test_refused(self) -> None:
        """Other texts are refused, with an example."""
        for email in (
            "notmail",
            "@example.org",
            "a@",
            "a@@b.c",
            "a b@example.org",
            "a@exa mple.org",
            "a@.org",
            "a@example..org",
            "a@-b.org",
            "a@b_c.org",
            ".a@example.org",
            "a..b@example.org",
            "A <a@example.org>",
            "a@example.org,b@example.org",
            "a@[127.0.0.1]",
            "a\n@example.org",
            "a@example.org\u200b",
            "\u0430@example.org",
            "a@ex\u0430mple.org",
            "\udcff@example.org",
        ):
            error = self.assertRaises(Invalid, check_email, email)
            self.assertTrue(error.message.startswith("email: "), ascii(email))
            self.assertTrue(error.message.isprintable(), ascii(email))
