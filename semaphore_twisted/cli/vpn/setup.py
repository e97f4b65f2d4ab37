"""Sets up the VPN in database and files.

The database is written first, then the files; the transaction is committed after both,
so a failure leaves everything as it was.
"""

import argparse
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from attrs import frozen
from msgspec.structs import replace

from semaphore_twisted.cli import table
from semaphore_twisted.cli.vpn import machine
from semaphore_twisted.cli.vpn import settings as vpn_settings
from semaphore_twisted.cli.vpn.files import CompanionDirectory, FileTransaction
from semaphore_twisted.cli.vpn.settings import Pools
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.peers import Network, SiteNetwork
from semaphore_twisted.operations.vpn import (
    network as vpn_network,
)
from semaphore_twisted.operations.vpn import (
    peers,
    site_networks,
)
from semaphore_twisted.operations.vpn.network import NewNetwork
from semaphore_twisted.operations.vpn.network_rules import Pool, keeps_files
from semaphore_twisted.operations.vpn.site_networks import ChangedSite, NewSite
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.vpn import options_of
from semaphore_twisted.wireguard import endpoints, key_pairs, keys
from semaphore_twisted.wireguard.settings import TunnelSettings


@frozen
class SetupReport:
    """The former and the current state of the VPN."""

    network: Network
    former: Network | None
    settings: TunnelSettings
    former_settings: TunnelSettings | None
    made_key: bool

    def _grown(self, former: Network) -> bool:
        """Return whether a pool has changed; the server reads pools at its start."""
        now = self.network
        return (former.pool4, former.pool6) != (now.pool4, now.pool6)

    def show(self, folder: CompanionDirectory) -> None:
        """Print the result, and the next steps."""
        now, network = self.settings, self.network
        first = self.former is None
        changed = self.former is None or (
            replace(self.former, revision=network.revision),
            self.former_settings,
        ) != (network, now)
        said = "is set up" if first else "was changed" if changed else "is as it was"
        pools = " and ".join(filter(None, (network.pool4, network.pool6)))
        print(f"The VPN {said}: clients send to {network.endpoint}")
        print(f"  peers' addresses: {pools}; the server's: {network.server4}")
        print(f"  settings and private key: {folder.path}")
        print(f"  public key: {network.public_key}{' (new)' if self.made_key else ''}")
        print(f"  open to peers: {_ports(now)}")
        for site in now.sites:
            how = "behind the server's address" if site.nat else "without NAT"
            print(f"  may be granted: {site.network}, {how}")
        if self.former is not None and self._grown(self.former):
            print("Next: systemctl restart semaphore-vpn semaphore (the tunnel stays)")
        elif not first and self.former_settings != now:
            print("Next: systemctl restart semaphore-vpn   (the tunnel stays up)")
        elif first:
            print("Next:")
            print("  systemctl enable --now semaphore-vpn")
            print("  systemctl restart semaphore")
            print("  semaphore vpn invite")


def _ports(settings: TunnelSettings) -> str:
    return ", ".join(
        f"{kind}/{port}"
        for kind, ports in (("tcp", settings.tcp_ports), ("udp", settings.udp_ports))
        for port in ports
    )


def set_up(
    conn: Connection,
    arguments: argparse.Namespace,
    installation: Installation,
    folder: CompanionDirectory,
    files: FileTransaction,
) -> SetupReport:
    """Write the database and then the files, within one transaction."""
    options = options_of(installation.config)
    former = vpn_network.find(conn, options)
    settings = folder.settings()
    sites = site_networks.listed(conn, None)
    pools = vpn_settings.pools(arguments, _pools(former, settings), os.urandom)
    port = endpoints.DEFAULT_PORT
    if former is not None:
        port = int(former.endpoint.rpartition(":")[2])
    wanted = vpn_settings.settings(
        arguments,
        settings,
        config=installation.config,
        wanted=pools,
        port=port,
        user=installation.state.path.stat().st_uid,
        known={each.name: each.network for each in sites},
    )
    private, made = _key(conn, arguments, folder, former)
    _check_pools(conn, former, pools)
    endpoint = _endpoint(arguments, former, wanted)
    _check_machine(arguments, installation, settings, wanted, endpoint)
    new = NewNetwork(
        interface=wanted.interface,
        endpoint=endpoint,
        pool4=pools.pool4,
        pool6=pools.pool6,
        server4=pools.server4,
        server6=pools.server6,
        public_key=keys.format(keys.public_of(private)),
        mtu=wanted.mtu,
    )
    network = vpn_network.initialise(conn, None, new, options=options)
    _name_sites(conn, arguments, sites)
    files.key(keys.format(private))
    files.settings(wanted)
    return SetupReport(
        network=network,
        former=former,
        settings=wanted,
        former_settings=settings,
        made_key=made,
    )


def _pools(former: Network | None, settings: TunnelSettings | None) -> Pools | None:
    """Return the former pools; without a database those of the files."""
    if former is not None:
        servers = tuple(filter(None, (former.server4, former.server6)))
        return Pools(former.pool4, former.pool6, servers)
    if settings is None:
        return None
    by_family = {each.version: str(each) for each in settings.pools}
    return Pools(by_family[4], by_family.get(6, ""))


def _endpoint(
    arguments: argparse.Namespace, former: Network | None, settings: TunnelSettings
) -> str:
    if arguments.endpoint is not None:
        return endpoints.parse_endpoint(arguments.endpoint, settings.port)
    if former is None:
        raise CommandError(
            "--endpoint: not set; expected the name or address at which clients reach "
            "this host"
        )
    host, _, port = former.endpoint.rpartition(":")
    if arguments.port is not None:
        port = str(settings.port)
    return f"{host}:{port}"


def _key(
    conn: Connection,
    arguments: argparse.Namespace,
    folder: CompanionDirectory,
    former: Network | None,
) -> tuple[bytes, bool]:
    """Return the server's private key, and whether it was generated now."""
    text = folder.key()
    if arguments.new_key or (text is None and former is None):
        return key_pairs.new_pair(os.urandom).private_key, True
    known = len(peers.listed(conn, None))
    if text is None:
        if not known:
            return key_pairs.new_pair(os.urandom).private_key, True
        raise CommandError(
            f"{folder.key_file}: the server's key is gone, and {known} clients know it"
            "; bring it back (`semaphore vpn restore FILE`), or make another with "
            "--new-key, after which every client needs a new file"
        )
    try:
        private = keys.decode(text)
        public = keys.format(keys.public_of(private))
    except keys.WrongKey:
        raise CommandError(
            f"{folder.key_file}: the file has no WireGuard key"
        ) from None
    if former is not None and public != former.public_key and known:
        raise CommandError(
            f"{folder.key_file}: this is not the key whose public half the clients "
            f"have ({former.public_key}); put that key back (`semaphore vpn restore "
            "FILE`), or make another with --new-key, after which every client needs a "
            "new file"
        )
    return private, False


def _check_pools(conn: Connection, former: Network | None, pools: Pools) -> None:
    """Refuse to move peers; profiles stay valid only if a pool grows.

    :raises CommandError: after printing the peers that would need a new profile
    """
    if former is None or (
        keeps_files(
            Pool(former.pool4, former.server4), Pool(pools.pool4, pools.server4)
        )
        and keeps_files(
            Pool(former.pool6, former.server6), Pool(pools.pool6, pools.server6)
        )
    ):
        return
    moved = peers.listed(conn, None)
    if not moved:
        return
    table.show(
        ("PEER", "OWNER", "ADDRESS"),
        ((each.name, each.owner, each.ipv4) for each in moved),
    )
    raise CommandError(
        f"--pool: {len(moved)} peers have addresses in {former.pool4}, and each would "
        "need a new file (they are listed above); expected a pool that contains the "
        "former one and the server's address, or revoke these peers first; nothing "
        "was changed"
    )


def _check_machine(
    arguments: argparse.Namespace,
    installation: Installation,
    former: TunnelSettings | None,
    settings: TunnelSettings,
    endpoint: str,
) -> None:
    """Refuse settings that would take an interface or a network from this machine.

    Unchanged pools are not checked: peers have addresses in them.

    :raises CommandError: with the reason; nothing was changed
    """
    socket = Path(installation.config.vpn.socket)
    machine.check_interface(settings.interface, former, socket)
    before = set() if former is None else {str(each) for each in former.pools}
    machine.check_pools(
        [str(each) for each in settings.pools if str(each) not in before],
        endpoint=endpoint,
        without=settings.interface if former is None else former.interface,
        force=arguments.force,
    )
    sites: Collection[str] = vpn_settings.sites(arguments.site).values()
    if arguments.endpoint is not None:
        sites = [str(each) for each in settings.networks]
    for each in sites:
        machine.check_site("--site", each, endpoint)


def _name_sites(
    conn: Connection, arguments: argparse.Namespace, present: Sequence[SiteNetwork]
) -> None:
    """Update the named networks in the database."""
    by_name = {each.name: each for each in present}
    for name in arguments.no_site:
        if name in by_name:
            site_networks.delete(conn, None, by_name[name].id)
    for name, network in vpn_settings.sites(arguments.site).items():
        site = by_name.get(name)
        if site is None:
            site_networks.create(conn, None, NewSite(name=name, network=network))
        elif site.network != network:
            site_networks.change(conn, None, site.id, ChangedSite(network=network))
