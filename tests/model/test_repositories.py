"""Which repositories are refused, and what is known of the others."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.repositories import (
    UrlKind,
    address,
    check_branch,
    check_url,
)

GOOD = {
    "https://example.com/a/b.git": UrlKind.HTTPS,
    "http://example.com:8080/b.git": UrlKind.HTTP,
    "https://[::1]:8443/b.git": UrlKind.HTTPS,
    "https://bob@example.com/b.git": UrlKind.HTTPS,
    "ssh://git@example.com:2222/b.git": UrlKind.SSH,
    "git@example.com:a/b.git": UrlKind.SSH,
    "example.com:b.git": UrlKind.SSH,
    "git@[::1]:b.git": UrlKind.SSH,
    "git://example.com/b.git": UrlKind.GIT,
    "file:///srv/git/b c.git": UrlKind.FILE,
    "/srv/git/b c.git": UrlKind.LOCAL,
}
BAD = (
    "",
    "--upload-pack=touch x",
    "-oProxyCommand=touch x",
    "ext::sh -c touch% x",
    "ext::sh -c 'touch x' https://example.com/",
    "fd::17/x",
    "ssh://-oProxyCommand=touch/x",
    "ssh://-oX@example.com/x",
    "ssh://%2doX/x",
    "-oX@example.com:x",
    "git@-oX:x",
    "example.com:-x",
    "ssh://a b/x",
    "ssh://exa$(touch x)mple/x",
    "https://bob:secret@example.com/x",
    "https:///x",
    "file://example.com/x",
    "file://relative",
    "ftp://example.com/x",
    "local://example.com/x",
    "relative/path",
    "../up",
    "C",
    " /srv/x",
    "/srv/x\n",
    "https://example.com/x\0y",
    "https://example.com/a b",
    "https://example.com/" + "x" * 2000,
)


class AddressTests(SynchronousTestCase):
    """A URL is taken apart, or refused with a sentence."""

    def test_kinds(self) -> None:
        """Each form that git knows for a server, a file or a folder is accepted."""
        for url, kind in GOOD.items():
            self.assertEqual(check_url(url), kind, url)

    def test_refused(self) -> None:
        """B39: what git could take for an option or a program is refused."""
        for url in BAD:
            with self.assertRaises(Invalid, msg=url):
                check_url(url)

    def test_password_is_not_repeated(self) -> None:
        """B23: the refusal of a password in a URL does not hold the password."""
        with self.assertRaises(Invalid) as raised:
            check_url("https://bob:hidden@example.com/x")
        self.assertNotIn("hidden", raised.exception.message)
        self.assertIn("access key", raised.exception.message)

    def test_with_user(self) -> None:
        """A user is put into the URL, replaced or taken away."""
        for url, user, expected in (
            ("ssh://a@h:22/x", "b", "ssh://b@h:22/x"),
            ("ssh://h/x", "b", "ssh://b@h/x"),
            ("a@h:x/y", "b", "b@h:x/y"),
            ("h:x", "b", "b@h:x"),
            ("https://a@h/x?y#z", "", "https://h/x?y#z"),
            ("/srv/x", "b", "/srv/x"),
        ):
            self.assertEqual(address(url).with_user(user), expected)

    @given(st.text() | st.from_regex(r"(ssh://|-|[a-z]+:)?\S*@?\S*[:/]\S*"))
    def test_any_text(self, url: str) -> None:
        """Any text is refused by Invalid or has a host and path that are no option."""
        try:
            found = address(url)
        except Invalid:
            return
        for part in (found.url, found.user, found.host, found.path):
            self.assertFalse(part.startswith("-"))
            self.assertNotIn("\n", part)
        self.assertEqual(address(found.with_user(found.user)).path, found.path)


class BranchTests(SynchronousTestCase):
    """A branch is a name that git would take."""

    def test_accepted(self) -> None:
        """Branches, tags, commits and nothing are accepted."""
        for branch in ("", "main", "feature/x-1", "v1.0", "0a1b2c", "é/ü", "a@b"):
            check_branch(branch)

    def test_refused(self) -> None:
        """B39: a name like an option, and what git forbids, is refused."""
        for branch in (
            *("-x", "--upload-pack=x", "a b", "a..b", "a~1", "a^", "a:b", "a\nb"),
            *("a@{1}", "@", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "x" * 251),
        ):
            with self.assertRaises(Invalid, msg=branch):
                check_branch(branch)
