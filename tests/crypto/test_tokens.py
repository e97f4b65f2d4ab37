"""Tokens are random, digested and compared in constant time."""

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto import tokens


class TokenTests(SynchronousTestCase):
    """The two kinds of tokens and their digest."""

    @given(st.binary(min_size=32, max_size=32))
    def test_api_token(self, content: bytes) -> None:
        """An API token has 44 characters of lower-case base64url with padding."""
        token = tokens.new_api_token(lambda size: content[:size])
        self.assertEqual(len(token), tokens.API_TOKEN_LENGTH)
        self.assertTrue(re.fullmatch(r"[a-z0-9_-]{43}=", token))

    @given(st.binary(min_size=32, max_size=32))
    def test_session_id(self, content: bytes) -> None:
        """A session id has 43 characters that need no quoting in a cookie."""
        token = tokens.new_session_id(lambda size: content[:size])
        self.assertTrue(re.fullmatch(r"[A-Za-z0-9_-]{43}", token))

    @given(st.text(), st.text())
    def test_digest(self, one: str, other: str) -> None:
        """A token matches its own digest only."""
        stored = tokens.digest(one)
        self.assertTrue(tokens.matches(one, stored))
        self.assertEqual(tokens.matches(other, stored), one == other)

    def test_documented_digest(self) -> None:
        """The digest is SHA-256 in hexadecimal digits."""
        self.assertEqual(tokens.digest("abc"), hashlib.sha256(b"abc").hexdigest())
