"""The forms of a secret in output."""

import base64
import json
import shlex
import subprocess
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.masking import SHORTEST, patterns
from semaphore_twisted.jobs.supervision.masker import Masker

KEY = (
    b"-----BEGIN KEY-----\n"
    + b"".join(base64.b64encode(bytes([i]) * 48) + b"\n" for i in range(4))
    + b"-----END KEY-----\n"
)


def shown(secret: bytes, output: bytes) -> bytes:
    """Return what is left of *output*."""
    return Masker(list(patterns([secret]))).mask(output)


class PatternTests(SynchronousTestCase):
    """:func:`patterns`."""

    @given(st.lists(st.binary(max_size=40)))
    def test_order(self, secrets: list[bytes]) -> None:
        """Each pattern is there once, the longest first, none is very short."""
        found = patterns(secrets)
        self.assertEqual(len(set(found)), len(found))
        self.assertEqual(sorted(found, key=len, reverse=True), list(found))
        self.assertTrue(all(len(pattern) >= SHORTEST for pattern in found))

    def test_short(self) -> None:
        """A secret of three bytes is not masked: it would be everywhere."""
        self.assertEqual(patterns([b"abc", b""]), ())
        self.assertEqual(shown(b"abcd", b"1abcd2"), b"1***2")

    @given(st.binary(min_size=6, max_size=60), st.binary(max_size=5), st.binary())
    def test_base64(self, secret: bytes, before: bytes, after: bytes) -> None:
        """B116: base64 of a text with the secret in it does not give it away."""
        secret = secret.strip(b"\r\n")
        if len(secret) < 6:
            return
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            code = encode(before + secret + after)
            self.assertIn(b"***", shown(secret, code))

    @given(st.text(min_size=4, max_size=30))
    def test_text_forms(self, text: str) -> None:
        """B116: JSON, URL and shell forms are masked."""
        secret = text.encode(errors="replace").strip(b"\r\n")
        if len(secret) < SHORTEST:
            return
        text = secret.decode()
        for form in (
            text,
            json.dumps(text),
            json.dumps(text, ensure_ascii=False),
            quote(text, safe=""),
            quote(text),
            quote_plus(text),
            shlex.quote(text),
        ):
            left = shown(secret, form.encode()).strip(b"'\"")
            self.assertEqual(left, b"***", form)

    def test_shell(self) -> None:
        """The forms in which bash itself prints a word are masked."""
        secret = b'it\'s $5 & "more"'
        for script in ("printf %q", "echo"):
            out = subprocess.run(
                ["bash", "-c", f'{script} "$1"', "bash", secret],
                check=True,
                capture_output=True,
            ).stdout.strip()
            self.assertEqual(shown(secret, out), b"***")

    def test_key(self) -> None:
        """B116: each line of a private key is masked by itself, its frame is not."""
        lines = KEY.splitlines()
        for line in lines[1:-1]:
            self.assertEqual(shown(KEY, b"x " + line + b" y\n"), b"x *** y\n")
        self.assertEqual(shown(KEY, lines[0]), lines[0])
        self.assertEqual(shown(KEY, KEY), b"***\n")
        self.assertEqual(shown(KEY, KEY.replace(b"\n", b"\r\n")), b"***\r\n")
        self.assertEqual(shown(KEY, json.dumps(KEY.decode()).encode()), b'"***\\n"')

    def test_wrapped_base64(self) -> None:
        """B116: the key as ``base64`` prints it, in lines, is masked."""
        left = shown(KEY, base64.encodebytes(KEY))
        self.assertEqual({line.rstrip(b"=") for line in left.splitlines()}, {b"***"})
