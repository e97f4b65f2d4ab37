"""Tests of the session's cookie."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.http.cookies import (
    expired_cookie,
    session_cookie,
    session_of,
)

WEEK = timedelta(days=7)


class CookieTests(SynchronousTestCase):
    """The cookie is written with its protective attributes, and parsed leniently."""

    def test_attributes(self) -> None:
        """Over TLS it is Secure, HttpOnly, SameSite=Lax, and has an age."""
        self.assertEqual(
            session_cookie("abc", path="/", secure=True, lifetime=WEEK),
            "semaphore=abc; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure",
        )

    def test_base_path(self) -> None:
        """Below a base path the cookie is for that path only."""
        text = session_cookie("abc", path="/semaphore", secure=False, lifetime=WEEK)
        self.assertIn("Path=/semaphore;", text)
        self.assertNotIn("Secure", text)

    def test_expired(self) -> None:
        """The cookie is deleted with the same path."""
        text = expired_cookie(path="/x", secure=True)
        self.assertTrue(text.startswith("semaphore=; Path=/x;"))
        self.assertIn("Max-Age=0", text)

    def test_whole_set_cookie(self) -> None:
        """A client that returns the whole Set-Cookie value is accepted."""
        for path in ("/", "/semaphore"):
            sent = session_cookie("abc", path=path, secure=True, lifetime=WEEK)
            self.assertEqual(session_of([sent]), "abc")

    def test_others(self) -> None:
        """Other cookies, around it or with a similar name, are passed over."""
        self.assertEqual(session_of(["a=1; semaphore=abc; b=2"]), "abc")
        self.assertEqual(session_of(["a=1", 'semaphore="abc"']), "abc")
        self.assertIsNone(session_of(["xsemaphore=abc; semaphore_=1"]))
        self.assertIsNone(session_of(["semaphore="]))
        self.assertIsNone(session_of([]))

    @given(st.lists(st.text(max_size=30), max_size=4))
    def test_noise(self, headers: list[str]) -> None:
        """Noise is no error."""
        found = session_of(headers)
        self.assertTrue(found is None or found)
