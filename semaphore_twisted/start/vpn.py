"""The VPN's part of the configuration, for the site and for commands."""

from collections.abc import Callable

from semaphore_twisted.config.options import Config
from semaphore_twisted.model.peers import Network
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.start.certificates.server_certificates import ServerCertificates


def options_of(config: Config) -> PeerLimits:
    """Return the options of the VPN operations."""
    vpn = config.vpn
    return PeerLimits(
        dns=vpn.dns == "forward",
        domain=vpn.domain,
        port=vpn.port if vpn.only else config.port_number,
        scheme="https" if config.tls.enabled else "http",
        devices_per_user=vpn.devices_per_user,
        quarantine_days=vpn.address_quarantine_days,
    )


def enroll_url(config: Config, network: Network | None) -> str:
    """Return the URL where devices enroll; empty if they enroll at the site."""
    port = config.vpn.enroll_port
    if network is None or not port:
        return ""
    host = network.endpoint.rpartition(":")[0]
    return f"https://{host}" + ("" if port == 443 else f":{port}")


def pins(
    served: ServerCertificates | None, config: Config, network: Network | None
) -> Callable[[str], bool]:
    """Return a function that tells whether links to a URL carry the local root."""
    small = enroll_url(config, network)
    if served is None:
        return lambda _: False
    return lambda base: served.is_pinned(config, base, small=small)


def outside_url(config: Config, network: Network | None) -> str:
    """Return the target of redirects from plain HTTP, empty if it is not configured.

    A site inside the tunnel is not reachable from outside; new devices can have a
    listener of their own.
    """
    tunnel_ports = enroll_url(config, network) if config.vpn.only else ""
    return tunnel_ports or config.web_host
