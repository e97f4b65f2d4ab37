"""Decides whether the link of an invite carries the fingerprint of the local root.

It does only if its URL leads to a listener that serves a certificate of the local CA,
since the device then trusts nothing else. A public certificate has another key after
each renewal, so it is not pinned.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto.certificates import address
from semaphore_twisted.model.errors import Conflict


def is_pinned(
    config: Config, base: str, covered: Callable[[str], bool], *, small: str = ""
) -> bool:
    """Return whether a link to *base* has the fingerprint of the local root.

    It has none if the certificate is a public one, the operator's own, or that of a
    proxy. *covered* returns whether the local CA's certificate is for a name. *small*
    is the URL of the enrollment listener, which always serves the local CA's
    certificate.

    :raises Conflict: if the certificate there is for other names
    """
    if not config.tls.enabled or config.tls.origin == "files":
        return False
    if small and base == small:
        return True
    if _proxied(config, base):
        return False
    if config.tls.origin != "acme":
        return True
    host = (urlsplit(base).hostname or "").rstrip(".")
    if host in config.acme_names:
        return False
    # a client that uses an IP address sends no server name
    local = config.vpn.only if _is_address(host) else covered(host)
    if not local:
        raise Conflict(
            f"{host}: devices cannot trust the certificate at this address, which is "
            f"for {', '.join(config.acme_names)}; add the name to acme.names, use "
            "one of these in web_host, or use vpn.enroll_port"
        )
    return True


def _proxied(config: Config, base: str) -> bool:
    """Return whether *base* leads to a proxy that terminates TLS.

    A proxy that passes TLS through uses the PROXY protocol.
    """
    if not config.trusted_proxies or config.proxy_protocol or not config.web_host:
        return False
    return _authority(base) == _authority(config.web_host)


def _authority(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 443


def _is_address(host: str) -> bool:
    try:
        address(host)
    except ValueError:
        return False
    return True
