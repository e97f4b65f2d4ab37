"""Refused addresses of repositories, and the parts of accepted ones."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.repositories import (
    RepositoryRules,
    UrlKind,
    address,
    check_branch,
    check_commit,
    check_port,
    wanted_names,
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
            self.assertEqual(address(url).kind, kind, url)

    def test_refused(self) -> None:
        """An address that git could read as an option or a program is refused."""
        for url in BAD:
            with self.assertRaises(Invalid, msg=url):
                address(url)

    def test_password_is_not_repeated(self) -> None:
        """The refusal of a password in a URL does not hold the password."""
        with self.assertRaises(Invalid) as raised:
            address("https://bob:hidden@example.com/x")
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

    def test_control_characters_in_a_file_url(self) -> None:
        """Percent-encoded characters in a file: URL are checked too."""
        for url in ("file:///srv/a%0Ab", "file:///srv/%00", "file:///srv/%ff"):
            with self.assertRaises(Invalid, msg=url):
                address(url)
        self.assertEqual(address("file:///srv/a%20b").place, "/srv/a b")
        self.assertEqual(address("/srv/a%20b").place, "/srv/a%20b")

    def test_port_in_a_short_address(self) -> None:
        """A port in HOST:PORT/PATH is refused with the two forms that can be meant."""
        for url, forms in (
            (
                "user@host:34722/a/b.git",
                ("ssh://user@host:34722/a/b.git", "ssh://user@host/34722/a/b.git"),
            ),
            ("host:22", ("ssh://host:22/PATH", "ssh://host/22")),
            ("[::1]:22/x", ("ssh://[::1]:22/x", "ssh://[::1]/22/x")),
        ):
            with self.assertRaises(Invalid, msg=url) as raised:
                check_port(address(url))
            for form in forms:
                self.assertIn(form, raised.exception.message)
        for url in (
            *("git@host:team/x.git", "git@host:70000/x", "git@host:1x/y", "host:0/x"),
            *("ssh://git@host:2222/x", "https://host:8443/1/x", "git@host:/22/x"),
        ):
            check_port(address(url))


class RulesTests(SynchronousTestCase):
    """The operator's rules for repositories."""

    def test_places(self) -> None:
        """Real paths count; the server's own directories are never permitted."""
        rules = RepositoryRules(
            allowed=("/srv/git", "/state"), denied=("/state",), demo="/state/demo"
        )
        for place, real in (
            ("/srv/git/x", "/srv/git/x"),
            ("/link", "/srv/git"),
            ("/state/demo", "/state/demo"),
        ):
            rules.check_local(place, real)
        for place, real in (
            ("/srv/github/x", "/srv/github/x"),
            ("/srv/git/x", "/home/x"),
            ("/state/repositories/x.git", "/state/repositories/x.git"),
            ("/state", "/state"),
            ("/state/demo/../x", "/state/x"),
        ):
            with self.assertRaises(Invalid, msg=place):
                rules.check_local(place, real)
        RepositoryRules(denied=("/state",)).check_local("/statement", "/statement")

    def test_off(self) -> None:
        """Without local repositories there is the demo's only."""
        rules = RepositoryRules(allowed=(), demo="/state/demo")
        rules.check_local("/state/demo", "/state/demo")
        with self.assertRaises(Invalid) as raised:
            rules.check_local("/srv/x", "/srv/x")
        self.assertIn("repositories.local", raised.exception.message)


class BranchTests(SynchronousTestCase):
    """A branch is a name that git would take."""

    def test_accepted(self) -> None:
        """Branches, tags, commits and nothing are accepted."""
        for branch in ("", "main", "feature/x-1", "v1.0", "0a1b2c", "é/ü", "a@b"):
            check_branch(branch)

    def test_refused(self) -> None:
        """A name like an option, or one that git forbids, is refused."""
        for branch in (
            *("-x", "--upload-pack=x", "a b", "a..b", "a~1", "a^", "a:b", "a\nb"),
            *("a@{1}", "@", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "x" * 251),
        ):
            with self.assertRaises(Invalid, msg=branch):
                check_branch(branch)

    def test_shortened_hash(self) -> None:
        """A hash that was cut is refused; words and dates are names of branches."""
        for branch in ("0a1b2c3", "abcdef12", "A" * 38 + "1", "1a" * 31):
            with self.assertRaises(Invalid, msg=branch) as raised:
                check_branch(branch)
            self.assertIn(f"refs/heads/{branch}", raised.exception.message)
        for branch in ("20260101", "deadbeef", "1a" * 20, "1A" * 32, "0a1b2c3-fix"):
            check_branch(branch)
            check_branch(f"refs/heads/{branch}")

    def test_commit(self) -> None:
        """A commit is all digits of its hash."""
        for commit in ("1a" * 20, "1A" * 32):
            check_commit(commit)
        for commit in ("1a" * 19, "main", "1a" * 33, "g" * 40, "1a" * 20 + "\n"):
            with self.assertRaises(Invalid, msg=commit):
                check_commit(commit)

    def test_wanted_names(self) -> None:
        """Each name has one meaning."""
        commit = "1a" * 20
        for branch, names in (
            ("", ("refs/semaphore/head",)),
            ("main", ("refs/heads/main", "refs/tags/main")),
            ("HEAD", ("refs/heads/HEAD", "refs/tags/HEAD")),
            ("tags/v1", ("refs/heads/tags/v1", "refs/tags/tags/v1")),
            ("refs/heads/main", ("refs/heads/main",)),
            ("refs/tags/v1", ("refs/tags/v1",)),
            ("refs/x", ("refs/heads/refs/x", "refs/tags/refs/x")),
            (commit.upper(), (commit,)),
            ("ab" * 32, ("ab" * 32,)),
        ):
            self.assertEqual(wanted_names(branch), names)
