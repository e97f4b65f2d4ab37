"""The byte strings by which a secret would show in a job's output.

They are the secret itself and the forms in which programs commonly print it. Secrets of
less than :data:`SHORTEST` bytes are not masked: they occur by chance everywhere, and
the masks would reveal more than they hide.
"""

import base64
import contextlib
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from semaphore_twisted.jobs.escapes import escaped

#: Shorter secrets are not masked.
SHORTEST = 4
#: Shorter lines of wrapped base64 are not masked on their own.
_SHORTEST_LINE = 9
#: For secrets of more lines, the forms of lines in nested JSON are omitted.
_MANY_LINES = 500
#: Shorter pieces of base64 would match by chance.
_SHORTEST_BASE64 = 6
#: The widths at which programs wrap base64: PEM, OpenSSH and MIME.
_WRAPS = (64, 70, 76)
_TO_URL = bytes.maketrans(b"+/", b"-_")
#: Characters that programs leave unescaped in URLs beside letters, digits and ``-_.~``:
#: ``quote``, ``encodeURIComponent`` and ``encodeURI`` of JavaScript, and Go's password,
#: segment and path.
_URL_SAFE = ("", "/", "!'()*", "!'()*;,/?:@&=+$#", "$&+,;=", "$&+=:@", "$&+,/:;=@")
#: Characters before which bash writes a backslash: in a word, as ``printf %q`` does,
#: where # and ~ are special at some places only, and in double quotation marks, as
#: ``declare -p`` and ``export -p`` do.
_UNQUOTED = (
    re.compile(rb"[^A-Za-z0-9_@%+=:./\x80-\xff#~-]|^[#~]|(?<=[:=])~"),
    re.compile(rb'[$`"\\]'),
)


def patterns(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the strings to mask for *secrets*: without duplicates, longest first."""
    masks: set[bytes] = set()
    for secret in secrets:
        whole = secret.strip(b"\r\n")
        if len(whole) < SHORTEST:
            continue
        masks.update(_forms(whole))
        masks.update(_encoded(whole))
        lines = set(_lines(whole)) - {whole}
        nested = 2 if len(lines) <= _MANY_LINES else 0
        for line in lines:
            masks.update(_forms(line, nested=nested))
        masks.update(_wrapped(secret))
    return tuple(sorted(masks, key=lambda form: (-len(form), form)))


def _lines(whole: bytes) -> Iterator[bytes]:
    """Yield the stripped lines of a secret, except PEM headers and footers."""
    for line in whole.splitlines():
        stripped = line.strip()
        if len(stripped) >= SHORTEST and not stripped.startswith(b"-----"):
            yield stripped


def _forms(secret: bytes, *, nested: int = 2) -> Iterator[bytes]:
    """Yield *secret* and its forms as programs print it."""
    yield secret
    if b"\n" in secret:
        yield secret.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        pass
    else:
        yield from (
            each.encode(errors="replace") for each in escaped(text, nested=nested)
        )
    for safe in _URL_SAFE:
        percent = quote(secret, safe=safe).encode()
        yield percent
        yield re.sub(rb"%..", lambda code: code[0].lower(), percent)
    yield quote_plus(secret).encode()
    # Quoting in shells: as '"'"', as '\'', and with backslashes.
    yield secret.replace(b"'", b"'\"'\"'")
    yield secret.replace(b"'", b"'\\''")
    for special in _UNQUOTED:
        yield special.sub(rb"\\\g<0>", secret)
    yield from _base64(secret)


def _base64(secret: bytes) -> Iterator[bytes]:
    """Yield the base64 of *secret* for each alignment in a longer text."""
    code = base64.b64encode(secret).rstrip(b"=")
    if len(code) >= _SHORTEST_BASE64:
        yield code
        yield code.translate(_TO_URL)
    if len(secret) < 6:
        return
    for before in range(3):
        code = base64.b64encode(bytes(before) + secret).rstrip(b"=")
        # Characters that also contain bits of a neighbour are left out.
        begin = (0, 2, 3)[before]
        end = len(code) - (1 if (before + len(secret)) % 3 else 0)
        if end - begin >= _SHORTEST_BASE64:
            yield code[begin:end]
            yield code[begin:end].translate(_TO_URL)


def _encoded(secret: bytes) -> Iterator[bytes]:
    """Yield a whole *secret* in hexadecimal digits, and the base64 of its UTF-16.

    The latter is PowerShell's ``-EncodedCommand``.
    """
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    with contextlib.suppress(UnicodeDecodeError):
        yield from _base64(secret.decode().encode("utf-16-le"))


def _wrapped(secret: bytes) -> Iterator[bytes]:
    """Yield the lines of the wrapped base64 of a long *secret*."""
    code = base64.b64encode(secret).rstrip(b"=")
    for width in _WRAPS:
        if len(code) > width:
            for begin in range(0, len(code), width):
                line = code[begin : begin + width]
                if len(line) >= _SHORTEST_LINE:
                    yield line
