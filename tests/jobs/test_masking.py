"""The forms of a secret in output."""

import base64
import html
import json
import os
import re
import shlex
import subprocess
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import quoteattr

import yaml  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.masking import SHORTEST, patterns
from semaphore_twisted.jobs.supervision.masker import Masker

KEY = (
    b"-----BEGIN KEY-----\n"
    + b"".join(base64.b64encode(bytes([i]) * 48) + b"\n" for i in range(4))
    + b"-----END KEY-----\n"
)
#: Characters that encodeURIComponent, encodeURI and Go (in a password) do not escape.
URLS = ("!'()*", "!'()*;,/?:@&=+$#", "$&+,;=")
#: Characters that stay as they are in UTF-8, without line breaks.
TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")


def shown(secret: bytes, output: bytes) -> bytes:
    """Return what is left of *output*."""
    return Masker(list(patterns([secret]))).mask(output)


class PatternTests(SynchronousTestCase):
    """Tests of :func:`patterns`."""

    @given(st.lists(st.binary(max_size=40)))
    def test_order(self, secrets: list[bytes]) -> None:
        """Patterns are unique, sorted by length, and none is very short."""
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
        """Base64 of a text with the secret in it does not give it away."""
        secret = secret.strip(b"\r\n")
        if len(secret) < 6:
            return
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            code = encode(before + secret + after)
            self.assertIn(b"***", shown(secret, code))

    @given(st.text(min_size=4, max_size=30))
    def test_text_forms(self, text: str) -> None:
        """JSON, URL and shell forms are masked."""
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
            *(quote(text, safe=safe) for safe in URLS),
            shlex.quote(text),
            secret.hex(),
            secret.hex().upper(),
        ):
            left = shown(secret, form.encode()).strip(b"'\"")
            self.assertEqual(left, b"***", form)

    @given(st.text(TEXT, min_size=4, max_size=30))
    @example("p\"a\\b'c\té\x07😀\u2028\x85\xa0\ufeff~\x7f")
    def test_escapes(self, text: str) -> None:
        """YAML, JSON, Python and HTML forms of a secret are masked."""
        text = text.strip("\r\n")
        if len(text.encode()) < SHORTEST:
            return
        wide = {"width": 10**6, "default_style": '"'}
        for form in (
            yaml.dump(text, **wide),
            yaml.dump(text, **wide, allow_unicode=True),
            repr(text),
            ascii(text),
            repr(text.encode())[1:],
            json.dumps(json.dumps(text))[2:-2],
            json.dumps(repr(text)),
            json.dumps(yaml.dump(text, **wide).strip())[2:-2],
            html.escape(text),
            html.escape(text, quote=False),
            quoteattr(f"{text}'").replace("'\"", '"'),
        ):
            left = shown(text.encode(), form.strip("\n").encode())
            left = re.sub(rb"""^[\\"']+(?=\*)|(?<=\*)[\\"']+$""", b"", left)
            self.assertEqual(left, b"***", form)

    @given(st.text(TEXT, min_size=4, max_size=30))
    @example("0\\'0")
    def test_within_a_text(self, text: str) -> None:
        """A secret inside a longer text with both quotation marks is masked."""
        secret = text.encode().strip(b"\r\n")
        if len(secret) < SHORTEST:
            return
        longer = f'it\'s "{secret.decode()}" there'
        for form in (
            repr(longer),
            str({"a": longer}),
            json.dumps({"a": str([longer])}),
            yaml.dump(longer, width=10**6, default_style='"'),
        ):
            self.assertIn(b"***", shown(secret, form.encode()), form)

    def test_lines(self) -> None:
        """Each line of a secret is masked by itself, a short one too."""
        secret = b'user: "anna"\n  pass: abc\r\n\nshort\nx\n'
        for form in (b'  user: "anna"', b"pass: abc", b"short", b'user: \\"anna\\"'):
            self.assertEqual(shown(secret, form).strip(), b"***")
        self.assertEqual(shown(secret, b"x"), b"x")
        # Programs remove spaces at the ends.
        self.assertEqual(shown(b"  hidden \t", b"[hidden]"), b"[***]")
        self.assertEqual(shown(b"one-part\rother-part", b"[other-part]"), b"[***]")

    def test_shell(self) -> None:
        """The forms in which bash prints a word or a variable are masked."""
        for secret in (
            b'it\'s $5 & "more"',
            b"a\x01b\x1b[0m'\\\t\x7f.",
            b"pa$$word\\`x`",
            b"p@ss#1,2~x=~y",
            b"#~ {a,b}",
        ):
            for script in (
                'printf %q "$S"',
                'echo "$S"',
                "declare -p S",
                'export -p | grep -a " S="',
                'echo "${S@Q}"',
                'set -x; : "$S"',
            ):
                ran = subprocess.run(
                    ["bash", "-c", script],
                    check=True,
                    capture_output=True,
                    env={"S": secret, "PATH": os.defpath, "LANG": "C.UTF-8"},
                )
                for line in (ran.stdout + ran.stderr).splitlines():
                    left = re.sub(
                        rb"^(declare -x S=|\+ (: )?)", b"", shown(secret, line)
                    )
                    self.assertEqual(left.strip(b"$'\""), b"***", script)

    def test_powershell(self) -> None:
        """A command that PowerShell takes in base64 does not give a secret away."""
        secret = b"pa$$word"
        for before in ("", "x", "echo "):
            code = base64.b64encode(f"{before}{secret.decode()};".encode("utf-16-le"))
            left = shown(secret, code)
            self.assertIn(b"***", left)
            self.assertLess(len(left), len(code) - 2 * len(secret))

    def test_key(self) -> None:
        """Each line of a private key is masked by itself, its frame is not."""
        lines = KEY.splitlines()
        for line in lines[1:-1]:
            self.assertEqual(shown(KEY, b"x " + line + b" y\n"), b"x *** y\n")
        self.assertEqual(shown(KEY, lines[0]), lines[0])
        self.assertEqual(shown(KEY, KEY), b"***\n")
        self.assertEqual(shown(KEY, KEY.replace(b"\n", b"\r\n")), b"***\r\n")
        self.assertEqual(shown(KEY, json.dumps(KEY.decode()).encode()), b'"***\\n"')

    def test_wrapped_base64(self) -> None:
        """The key as ``base64`` prints it, in lines, is masked."""
        left = shown(KEY, base64.encodebytes(KEY))
        self.assertEqual({line.rstrip(b"=") for line in left.splitlines()}, {b"***"})
