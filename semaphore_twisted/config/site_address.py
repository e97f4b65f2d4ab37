"""``web_host``: the public URL of the site (RFC 3986)."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.crypto.certificates import address, dns_name

#: A segment of a base path: unreserved characters only, which proxies, cookies and
#: links all write alike. Python 3.11.2 misreads a possessive group, so there is none
#: here.
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]+")


def host_of(web_host: str) -> str:
    """Return the host of a checked *web_host*; empty if there is none."""
    return urlsplit(web_host).hostname or ""


def check(text: str, wrong: Callable[..., WrongOption]) -> None:
    """Refuse a *text* that is not the URL of a site."""
    form = "https://HOST[:PORT][/BASE]"
    if not _is_address(text):
        raise wrong("web_host", text, f"an address of the form {form}")
    base = urlsplit(text).path.removesuffix("/")
    if base and not all(map(_SEGMENT.fullmatch, base.removeprefix("/").split("/"))):
        raise wrong("web_host", text, f"{form} with a BASE of letters, digits and -._~")


def plain(text: str) -> str:
    """Return a checked URL with its host in A-label form (RFC 5891)."""
    host = host_of(text)
    if host.isascii():
        return text
    parts = urlsplit(text)
    port = "" if parts.port is None else f":{parts.port}"
    return parts._replace(netloc=f"{dns_name(host)}{port}").geturl()


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        odd = parts.port == 0 or parts.username is not None
    except ValueError:
        return False
    if odd or parts.query or parts.fragment or parts.scheme not in {"http", "https"}:
        return False
    return _is_host(parts.hostname or "")


def _is_host(text: str) -> bool:
    try:
        address(text)
    except ValueError:
        return dns_name(text) is not None
    return True
