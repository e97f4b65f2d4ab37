"""Reads a known_hosts file: lists its keys, and removes the keys of a host.

The format is described in sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": host names separated
by commas, or one host name as a salted hash.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid

#: Maximum size in bytes of a file that is read.
LARGEST = 8 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9_.:%-]{1,255}")
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::([0-9]{1,5}))?|([^\[\]:]+):([0-9]{1,5})")
_USUAL_PORT = 22


class KnownHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host key in a known_hosts file.

    *host* is the host field of the line: names separated by commas. *hashed* tells that
    the field contains only a hash of the name. *marker* is ``@cert-authority``,
    ``@revoked`` or empty.
    """

    host: str
    type: str
    fingerprint: str
    hashed: bool = False
    marker: str = ""


def host_name(text: str) -> str:
    """Return the name of a host as used in the file: ``HOST`` or ``[HOST]:PORT``.

    :raises Invalid: if *text* is neither of these, nor ``HOST:PORT``
    """
    host, port = text.strip().lower(), _USUAL_PORT
    if match := _WITH_PORT.fullmatch(host):
        host = match[1] or match[3]
        port = int(match[2] or match[4] or _USUAL_PORT)
    if not _NAME.fullmatch(host) or host.startswith("-") or not 0 < port < 1 << 16:
        raise Invalid(invalid("host", text, "HOST, HOST:PORT or [HOST]:PORT"))
    return host if port == _USUAL_PORT else f"[{host}]:{port}"


def entries(content: bytes) -> list[KnownHost]:
    """Return the keys in the *content* of a file; lines without a key are omitted."""
    return [found for _, found in _lines(content) if found is not None]


def without(content: bytes, host: str) -> tuple[bytes, list[KnownHost]]:
    """Return *content* without the keys of *host*, and the removed keys.

    Lines with a marker (CAs and revoked keys) are kept.
    """
    kept, gone = [], []
    for line, found in _lines(content):
        if found is not None and not found.marker and _is(found.host, host):
            gone.append(found)
        else:
            kept.append(line)
    return b"".join(kept), gone


def _lines(content: bytes) -> Iterator[tuple[bytes, KnownHost | None]]:
    for line in content.splitlines(keepends=True):
        yield line, _entry(line.decode("utf-8", "replace").split())


def _entry(words: list[str]) -> KnownHost | None:
    """Return the key in the *words* of a line, or ``None``."""
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#"):
        return None
    host, kind, encoded = words[:3]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
    return KnownHost(
        host=host,
        type=kind,
        fingerprint=f"SHA256:{digest}",
        hashed=host.startswith("|1|"),
        marker=marker,
    )


def _is(written: str, host: str) -> bool:
    """Return whether the host field *written* of a line contains the name *host*."""
    if not written.startswith("|1|"):
        return host in written.lower().split(",")
    try:
        salt, found = map(base64.b64decode, written.split("|")[2:4])
    except (binascii.Error, ValueError):
        return False
    digest = hmac.new(salt, host.encode(), "sha1").digest()
    return hmac.compare_digest(digest, found)
