"""The answer to an enrolled device: its configuration file with the preshared key."""

from semaphore_twisted.model.peers import Enrolled
from semaphore_twisted.operations.vpn.network import NetworkRow
from semaphore_twisted.operations.vpn.peer_rows import PeerRow
from semaphore_twisted.operations.vpn.peer_rules import PeerLimits
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import peers as statements
from semaphore_twisted.wireguard import profile


def enrolled(
    conn: Connection,
    network: NetworkRow,
    row: PeerRow,
    preshared_key: bytes | None,
    options: PeerLimits,
) -> Enrolled:
    """Return the answer for the device of *row*."""
    networks = conn.column(
        statements.networks_of,
        peer_id=row.id,
        user_id=row.user_id,
        project_id=row.project_id,
    )
    addresses = tuple(filter(None, (row.ipv4, row.ipv6)))
    config = profile.render(
        profile.Profile(
            addresses=addresses,
            public_key=network.public_key,
            allowed_ips=profile.routes(network.servers, networks),
            endpoint=network.endpoint,
            preshared_key=preshared_key,
            dns=network.servers if options.dns else (),
            mtu=network.mtu,
        )
    )
    return Enrolled(
        peer=row.shown(),
        config=config,
        url=options.url(network.server4),
        domain=options.domain if options.dns else "",
    )
