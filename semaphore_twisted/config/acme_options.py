"""Options of ACME certificates, and their checks."""

import base64
import binascii
import ipaddress
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from semaphore_twisted.config.option import option
from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.crypto.certificates import dns_name

#: Maximum number of names in a certificate, as most public CAs set it.
_MOST_NAMES = 100

#: Top-level domains for which no public CA issues (RFC 2606, RFC 6761, RFC 8375).
_PRIVATE = frozenset(
    {"localhost", "local", "internal", "lan", "home", "invalid", "onion"}
)


class AcmeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the ACME certificate, for ``tls.mode: acme``.

    *names* are the certificate's names; without them it is the host of ``web_host``.
    *ca_bundle* has the roots that verify the CA's own server; empty means the system's.
    *eab_kid* and *eab_key* bind the ACME account to the operator's account with the CA.
    """

    directory: Annotated[
        str,
        option(
            "ACME_DIRECTORY",
            help="address of the certificate authority's directory; for a first "
            "try take its staging directory",
            own=True,
        ),
    ] = "https://acme-v02.api.letsencrypt.org/directory"
    email: Annotated[
        str,
        option(
            "ACME_EMAIL",
            help="address that the certificate authority may write to",
            own=True,
        ),
    ] = ""
    names: Annotated[
        tuple[str, ...],
        option(
            "ACME_NAMES",
            help="names in the certificate, without wildcards and addresses; "
            "empty: the host of `web_host`",
            own=True,
        ),
    ] = ()
    challenge: Annotated[
        str, option("ACME_CHALLENGE", help="`http-01` or `tls-alpn-01`", own=True)
    ] = "http-01"
    ca_bundle: Annotated[
        str,
        option(
            "ACME_CA_BUNDLE",
            help="PEM file of the only roots that the CA's own server is "
            "verified with; empty: the system's and `ca_bundle`",
            own=True,
        ),
    ] = ""
    eab_kid: Annotated[
        str,
        option(
            "ACME_EAB_KID",
            help="identifier of an account that you have with the CA, where "
            "it wants one",
            own=True,
        ),
    ] = ""
    eab_key: Annotated[
        str,
        option(
            "ACME_EAB_KEY", help="key of that account, base64url", secret=True, own=True
        ),
    ] = ""
    http_port: Annotated[
        int,
        option(
            "ACME_HTTP_PORT",
            help="port where `http-01` is answered; other requests there are "
            "redirected to HTTPS",
            own=True,
        ),
    ] = 80
    agree_tos: Annotated[
        bool,
        option(
            "ACME_AGREE_TOS",
            help="must be `true`: you have read the CA's terms of service",
            own=True,
        ),
    ] = False

    @override
    def __repr__(self) -> str:
        """Omit the key."""
        return f"Acme(directory={self.directory!r})"


def check(
    acme: AcmeOptions, names: tuple[str, ...], wrong: Callable[..., WrongOption]
) -> None:
    """Refuse values that cannot be used to order a certificate for *names*.

    :raises WrongOption: created by *wrong* from the option's path, its value and the
        accepted one
    """
    if not _is_https(acme.directory):
        expected = (
            "the https:// address of the directory of a certificate authority (CA)"
        )
        raise wrong("acme.directory", acme.directory, expected)
    if not acme.agree_tos:
        expected = "true: read the terms of service of the CA, then set it"
        raise wrong("acme.agree_tos", acme.agree_tos, expected)
    if acme.challenge not in {"http-01", "tls-alpn-01"}:
        raise wrong("acme.challenge", acme.challenge, "http-01 or tls-alpn-01")
    if not 1 <= acme.http_port < 1 << 16:
        raise wrong("acme.http_port", acme.http_port, "1 to 65535")
    if acme.email and not _is_mail(acme.email):
        raise wrong("acme.email", acme.email, "an address such as ops@example.org")
    _check_names(names, wrong)
    _check_binding(acme)


def _check_names(names: tuple[str, ...], wrong: Callable[..., WrongOption]) -> None:
    if not 1 <= len(names) <= _MOST_NAMES:
        expected = f"1 to {_MOST_NAMES} host names, or web_host with a host name"
        raise wrong("acme.names", list(names), expected)
    for each in names:
        if each.startswith("*."):
            expected = "names without *, since neither challenge can prove a wildcard"
            raise wrong("acme.names", each, expected)
        plain = dns_name(each)
        if plain is None or plain != each or not _is_public(plain):
            expected = "a public host name such as ci.example.org"
            raise wrong("acme.names", each, expected)


def _check_binding(acme: AcmeOptions) -> None:
    for mine, other in (("eab_kid", "eab_key"), ("eab_key", "eab_kid")):
        if getattr(acme, mine) and not getattr(acme, other):
            raise WrongOption(
                f"acme.{mine}: acme.{other} is not set; expected both or neither"
            )
    if acme.eab_key and not binding_key(acme.eab_key):
        raise WrongOption("acme.eab_key: invalid value; expected a key in base64url")


def binding_key(text: str) -> bytes:
    """Return the key that *text* encodes in base64url; empty if it is invalid."""
    plain = text.strip().rstrip("=").encode()
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def plain_names(names: tuple[str, ...], host: str) -> tuple[str, ...]:
    """Return *names*, else *host*, in canonical form and without duplicates."""
    every = (dns_name(each) or each for each in names or filter(None, (host,)))
    return tuple(dict.fromkeys(every))


def _is_public(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        top, home = name.rpartition(".")[2], name.endswith(".home.arpa")
        return "." in name and top not in _PRIVATE and not home
    return False


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return good and parts.username is None


def _is_mail(text: str) -> bool:
    user, at, host = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' ?,:<>"')
    return bool(plain and user and at and dns_name(host))
