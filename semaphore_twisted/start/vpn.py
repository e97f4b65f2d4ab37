"""Assembles the VPN services of the server from configuration and database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IProtocolFactory
from typing_extensions import override

from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.interfaces import IDatabase, IPeerObserver, IServerReactor
from semaphore_twisted.model.peers import Network, PeerStatus
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.start.certificates.server_certificates import ServerCertificates
from semaphore_twisted.vpn.client import VpnClient
from semaphore_twisted.vpn.service import PeerOptions, PeerService
from semaphore_twisted.vpn.state import IDesiredState
from semaphore_twisted.vpn.tunnel import TunnelListeners, TunnelPort, tunnel_ports
from semaphore_twisted.wireguard import wire


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


@define(eq=False)
class DatabasePeerStore:
    """The database operations of the peer service; caches decrypted keys."""

    _database: IDatabase
    _keyring: Keyring
    _opened: Mapping[str, bytes] = field(factory=dict)

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    def expire_due(self) -> "Deferred[int]":
        """Mark expired peers; fires with their number."""
        return self._database.write(peers.expire_due)

    def desired(self, sites: tuple[str, ...]) -> "Deferred[IDesiredState]":
        """Read the desired state of the device; grants only for networks of *sites*."""
        return Deferred.fromCoroutine(self._desired(sites))

    def keys_without_removal_reason(self, keys: frozenset[bytes]) -> "Deferred[int]":
        """Count the *keys* for whose removal the database has no reason."""
        return self._database.read(peers.keys_without_removal_reason, keys)

    def observed(self, statuses: Sequence[wire.Status]) -> "Deferred[list[PeerStatus]]":
        """Store the observed statuses; fires with them as the API shows them."""
        return self._database.write(peers.observed, statuses)

    async def _desired(self, sites: tuple[str, ...]) -> IDesiredState:
        # not queued behind a long read: a revoked peer must be removed within a second
        state = await self._database.read(
            peers.desired, self._keyring, self._opened, sites
        )
        self._opened = state.opened
        return state


def peer_service(
    config: Config,
    *,
    database: IDatabase,
    keyring: Keyring,
    observers: Sequence[IPeerObserver],
    reactor: IServerReactor,
    now: Callable[[], datetime],
) -> PeerService:
    """Return the service that synchronizes the device with the database."""
    path = config.vpn.socket
    client = VpnClient(UNIXClientEndpoint(reactor, path), clock=reactor, where=path)
    return PeerService(
        client=client,
        store=DatabasePeerStore(database, keyring),
        clock=reactor,
        now=now,
        observers=observers,
        options=PeerOptions(cycle=config.vpn.reconcile_sec),
    )


def tunnel(
    config: Config, network: Network, site: IProtocolFactory, *, reactor: IServerReactor
) -> Service | None:
    """Return the listeners inside the tunnel: DNS, and with ``vpn.only`` the site."""
    addresses = [each for each in (network.server4, network.server6) if each]
    ports: list[TunnelPort] = []
    if config.vpn.only:
        ports += tunnel_ports(network.interface, addresses, config.vpn.port, site)
    if config.vpn.dns == "forward":
        # a server without a VPN saves the memory of the library for DNS
        from semaphore_twisted.vpn.dns.listeners import name_ports  # noqa: PLC0415

        ports += name_ports(network, addresses, config.vpn.domain, reactor=reactor)
    return TunnelListeners(ports, reactor=reactor) if ports else None
