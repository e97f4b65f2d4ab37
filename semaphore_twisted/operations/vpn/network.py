"""The settings of the VPN: one row, which ``semaphore vpn init`` creates.

The revision increases with each change that is visible to the companion or a user, in
the transaction of that change.
"""

import ipaddress

import msgspec

from semaphore_twisted.model.errors import Conflict, NotFound, NotPermitted
from semaphore_twisted.model.peers import Network
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.vpn import network_rules
from semaphore_twisted.operations.vpn.network_rules import (
    Pool,
    check_apart,
    columns_of,
    keeps_files,
    mtu_of,
    size_of,
)
from semaphore_twisted.operations.vpn.peer_rules import USUAL, PeerLimits, in_field
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import network as statements
from semaphore_twisted.persistence.statements.vpn import sites
from semaphore_twisted.wireguard import endpoints, keys

NewNetwork = network_rules.NewNetwork


class ChangedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that an administrator may change; missing fields do not change."""

    endpoint: Name | msgspec.UnsetType = msgspec.UNSET
    mtu: int | msgspec.UnsetType = msgspec.UNSET


class PoolUsage(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of a pool; ``size == used + quarantined + free``.

    The server's own address and addresses that no peer can have are not counted.
    """

    pool: str
    size: int
    used: int
    quarantined: int
    free: int


class NetworkRow(msgspec.Struct, frozen=True, kw_only=True):
    """The VPN's settings as they are stored."""

    id: int
    interface: str
    endpoint: str
    pool4: str
    pool6: str
    server4: str
    server6: str
    public_key: bytes
    mtu: int
    revision: int

    @property
    def families(self) -> tuple[tuple[str, str, str], ...]:
        """For each address family: column of peers, pool, and the server's address."""
        every = (
            ("ipv4", self.pool4, self.server4),
            ("ipv6", self.pool6, self.server6),
        )
        return tuple(each for each in every if each[1])

    @property
    def servers(self) -> tuple[str, ...]:
        """The server's addresses in the tunnel."""
        return tuple(each[2] for each in self.families)

    def is_for_peers(self, address: str) -> bool:
        """Return whether a peer can have the canonical *address*."""
        wanted = ipaddress.ip_address(address)
        for _, pool, server in self.families:
            parsed = ipaddress.ip_network(pool)
            ends = {parsed.network_address, parsed.broadcast_address}
            if wanted in parsed:
                return wanted not in ends and address != server
        return False


def row(conn: Connection) -> NetworkRow:
    """Return the settings as they are stored.

    :raises NotFound: if the VPN is not set up.
    """
    network_row = conn.one(statements.network, NetworkRow)
    if network_row is None:
        raise NotFound("The VPN is not set up")
    return network_row


def find(conn: Connection, options: PeerLimits = USUAL) -> Network | None:
    """Return the settings, or ``None`` if the VPN is not set up."""
    network_row = conn.one(statements.network, NetworkRow)
    return None if network_row is None else _shown(network_row, options)


def get(conn: Connection, actor: Actor | None, options: PeerLimits = USUAL) -> Network:  # noqa: ARG001
    """Return the settings.

    :raises NotFound: if the VPN is not set up.
    """
    return _shown(row(conn), options)


def initialise(
    conn: Connection,
    actor: Actor | None,
    new: NewNetwork,
    *,
    options: PeerLimits = USUAL,
) -> Network:
    """Set up the VPN, or change its settings to *new*.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if a pool would change so that peers need new files.
    """
    check_administrator(actor)
    values = columns_of(new)
    before = conn.one(statements.network, NetworkRow)
    _check_sites(conn, values)
    if before is None:
        conn.insert(schema.vpn_network, **values, revision=1)
        _record(conn, actor, "made")
        return get(conn, actor, options)
    differing = _differing(before, values)
    moved = differing & {"pool4", "pool6", "server4", "server6"}
    kept = all(
        keeps_files(
            Pool(getattr(before, f"pool{each}"), getattr(before, f"server{each}")),
            Pool(str(values[f"pool{each}"]), str(values[f"server{each}"])),
        )
        for each in (4, 6)
    )
    if not kept:
        living = conn.scalar(statements.count_living)
        if living:
            raise Conflict(
                f"{min(moved)}: {living} peers have addresses of the present pools; "
                "revoke them first"
            )
        conn.run(statements.release_all)
    _store(conn, actor, before, {name: values[name] for name in differing})
    return get(conn, actor, options)


def change(
    conn: Connection,
    actor: Actor | None,
    changed: ChangedNetwork,
    *,
    options: PeerLimits = USUAL,
) -> Network:
    """Change the settings; peers need new files if the endpoint changes.

    :raises Invalid: naming the invalid field.
    """
    check_administrator(actor)
    before = row(conn)
    values: dict[str, object] = {}
    if changed.endpoint is not msgspec.UNSET:
        values["endpoint"] = in_field(
            "endpoint", endpoints.parse_endpoint, changed.endpoint
        )
    if changed.mtu is not msgspec.UNSET:
        values["mtu"] = mtu_of(changed.mtu)
    differing = _differing(before, values)
    _store(conn, actor, before, {name: values[name] for name in differing})
    return get(conn, actor, options)


def pools(conn: Connection, actor: Actor | None) -> list[PoolUsage]:
    """Return the usage of the pools."""
    check_administrator(actor)
    quarantined = conn.column(statements.quarantined)
    pool_usages = []
    for family, pool, _ in row(conn).families:
        size = size_of(pool)
        used = len(conn.column(statements.TAKEN[family]))
        waiting = sum((":" in each) == (":" in pool) for each in quarantined)
        pool_usages.append(
            PoolUsage(
                pool=pool,
                size=size,
                used=used,
                quarantined=waiting,
                free=size - used - waiting,
            )
        )
    return pool_usages


def bump(conn: Connection) -> int:
    """Increase the revision and return it; 0 if the VPN is not set up."""
    return revision(conn) if conn.run(statements.bump) else 0


def revision(conn: Connection) -> int:
    """Return the revision; 0 if the VPN is not set up."""
    return int(conn.scalar(statements.revision) or 0)


def check_administrator(actor: Actor | None) -> None:
    """Accept an administrator, and the command line on the server.

    :raises NotPermitted: otherwise.
    """
    if actor is not None and not actor.user.admin:
        raise NotPermitted


def _shown(network_row: NetworkRow, options: PeerLimits) -> Network:
    return Network(
        interface=network_row.interface,
        endpoint=network_row.endpoint,
        pool4=network_row.pool4,
        pool6=network_row.pool6,
        server4=network_row.server4,
        server6=network_row.server6,
        public_key=keys.format(network_row.public_key),
        mtu=network_row.mtu,
        dns=options.dns,
        domain=options.domain,
        url=options.url(network_row.server4),
        revision=network_row.revision,
    )


def _check_sites(conn: Connection, values: dict[str, object]) -> None:
    for network in conn.column(sites.networks):
        check_apart(network, (str(values["pool4"]), str(values["pool6"])), "pool4")


def _differing(before: NetworkRow, values: dict[str, object]) -> set[str]:
    return {name for name, value in values.items() if getattr(before, name) != value}


def _store(
    conn: Connection, actor: Actor | None, before: NetworkRow, values: dict[str, object]
) -> None:
    if not values:
        return
    conn.update(schema.vpn_network, before.id, **values)
    bump(conn)
    shown = {
        name: "another key"
        if name == "public_key"
        else f"{getattr(before, name)} → {v}"
        for name, v in sorted(values.items())
    }
    _record(conn, actor, ", ".join(f"{name} {text}" for name, text in shown.items()))


def confirm_mass_removal(conn: Connection, actor: Actor | None) -> None:
    """Record that the actor confirmed the removal of most peers from the device."""
    _record(conn, actor, "that most peers go was confirmed")


def record_change(
    conn: Connection,
    actor: Actor | None,
    number: int | None,
    name: str,
    what: str,
    *,
    kind: events.EventKind,
    project_id: int | None = None,
    address: str = "",
) -> None:
    """Increase the revision, and record a change of the VPN with it.

    The arguments are those of :meth:`.events.EventKind.record`; *what* never contains a
    key.
    """
    what = f"{what} (revision {bump(conn)})"
    kind.record(conn, actor, number, name, what, project_id=project_id, address=address)


def _record(conn: Connection, actor: Actor | None, what: str) -> None:
    what = f"{what} (revision {revision(conn)})"
    events.VPN_NETWORK.record(conn, actor, None, "VPN", what)
