"""Names of accounts on other machines."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.logins import check_login, check_option


class LoginTests(SynchronousTestCase):
    """:func:`check_login` and :func:`check_option`."""

    def test_accepted(self) -> None:
        """Names of accounts of each kind are accepted, and none at all."""
        for login in (
            *("", "root", "first.last", "_svc", "web-01", "name@domain", "a+b", "jörg"),
            *("DOMAIN\\name", "0", "x" * 255),
        ):
            check_login(login, "ssh.login")

    def test_refused(self) -> None:
        """A login that ssh, git or Ansible would misinterpret is refused."""
        for login in (
            *("-oProxyCommand=x", "-l", "a;b", "a/b", "../a", "a b", "a\tb", "a\nb"),
            *("a\0", "$(id)", "${HOME}", "`id`", "a|b", "a&b", "a<b", "'a'", '"a"'),
            *("{{ x }}", "a{b}", "a(b)", "a:b", "%h", "a%b", "a,b", "a*", "[a]", "#a"),
            *("a\\", "~root", "a\u2028b", " a", "a ", "x" * 256),
        ):
            error = self.assertRaises(Invalid, check_login, login, "ssh.login")
            self.assertIn("ssh.login: invalid login", error.message)
            self.assertEqual(len(error.message.splitlines()), 1)

    def test_spaces(self) -> None:
        """An account of Windows may have spaces, but no word that begins an option."""
        check_login("Jane Doe", "login", spaces=True)
        for login in ("Jane -oX=y", " a", "a ", "a  b", "a {{", "a\tb"):
            self.assertRaises(Invalid, check_login, login, "login", spaces=True)

    def test_with_password(self) -> None:
        """A login for HTTP may be any line that is not an option."""
        for login in ("", "a/b", "me@example.org", "a b", "robot$ci"):
            check_option(login, "login")
        for login in ("-oProxyCommand=x", "a\nb", "a\0"):
            self.assertRaises(Invalid, check_option, login, "login")
