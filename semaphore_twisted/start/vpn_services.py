"""Assembles the VPN services of the server; loaded only if there is a VPN."""

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
from semaphore_twisted.vpn.client import VpnClient
from semaphore_twisted.vpn.dns.listeners import name_ports
from semaphore_twisted.vpn.service import PeerOptions, PeerService
from semaphore_twisted.vpn.state import IDesiredState
from semaphore_twisted.vpn.tunnel import TunnelListeners, TunnelPort, tunnel_ports
from semaphore_twisted.wireguard import wire


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
        ports += name_ports(network, addresses, config.vpn.domain, reactor=reactor)
    return TunnelListeners(ports, reactor=reactor) if ports else None
