"""Which certificate a device is presented that follows the link of an invite.

A link has the fingerprint of the local authority's root only where its address leads to
a listener that presents a certificate of that authority: a device trusts nothing else
then. A public certificate has another key after each renewal, so it is not pinned.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from semaphore_twisted.config import Config
from semaphore_twisted.crypto.certificates import address
from semaphore_twisted.model.errors import Conflict


def is_pinned(
    config: Config, base: str, covered: Callable[[str], bool], *, small: str = ""
) -> bool:
    """Return whether a link to *base* has the fingerprint of the local root.

    It has none where the certificate is a public one, the operator's own, or that of a
    proxy. *covered* tells whether the local authority's certificate is for a name.
    *small* is the address of the small listener for devices to come, which presents
    the local authority's certificate beside a public one, too.

    :raises Conflict: where the certificate is one for other names.
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
    # a client that comes by an address names no host in its greeting
    local = config.vpn.only if _is_address(host) else covered(host)
    if not local:
        raise Conflict(
            f"{host}: devices cannot trust the certificate at this address, which is "
            f"for {', '.join(config.acme_names)}; add the name to acme.names, use "
            "one of these in web_host, or use vpn.enroll_port"
        )
    return True


def _proxied(config: Config, base: str) -> bool:
    """Whether a proxy that ends TLS itself is at *base*.

    One that hands TLS on tells the client's address by the PROXY protocol.
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
