"""Networks behind the server (subnet routes), and grants of access to them.

A grant gives access to a peer, to the devices of a user, or to a project: to the
devices of its members and to its hosts. The companion refuses networks that root did
not permit.
"""

import msgspec

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound
from semaphore_twisted.model.ids import ProjectId, UserId
from semaphore_twisted.model.peers import NetworkGrant, PeerLifecycle, SiteNetwork
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import peer_rows
from semaphore_twisted.operations.vpn.network import check_administrator, record_change
from semaphore_twisted.operations.vpn.network_rules import check_apart
from semaphore_twisted.operations.vpn.peer_rules import in_field, name_of
from semaphore_twisted.persistence import schema
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.accounts import users as user_statements
from semaphore_twisted.persistence.statements.projects import (
    projects as project_statements,
)
from semaphore_twisted.persistence.statements.vpn import sites as statements
from semaphore_twisted.wireguard import addresses


class NewSite(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that registers a network."""

    name: Name
    network: Name


class ChangedSite(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a network; fields that are not given do not change."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    network: Name | msgspec.UnsetType = msgspec.UNSET


class NewGrant(msgspec.Struct, frozen=True, kw_only=True):
    """Grants access to a network to exactly one of a peer, a user and a project."""

    site_id: int
    peer_id: int | None = None
    user_id: UserId | None = None
    project_id: ProjectId | None = None


def listed(conn: Connection, actor: Actor | None) -> list[SiteNetwork]:
    """Return the networks by name: all for administrators, else the granted ones."""
    every = conn.all(statements.sites, SiteNetwork)
    if actor is None or (actor.user.admin and actor.project_id is None):
        return every
    open_to_him = {each.site_id for each in grants(conn, actor)}
    return [each for each in every if each.id in open_to_him]


def get(conn: Connection, actor: Actor | None, site_id: int) -> SiteNetwork:
    """Return a network that the actor sees.

    :raises NotFound: if there is none.
    """
    for each in listed(conn, actor):
        if each.id == site_id:
            return each
    raise NotFound(f"There is no subnet route {site_id}")


def find(conn: Connection, actor: Actor | None, text: str) -> SiteNetwork:
    """Return the network with the given name or address range.

    :raises NotFound: if the actor sees none.
    """
    for each in listed(conn, actor):
        if text in {each.name, each.network}:
            return each
    raise NotFound(f"There is no subnet route {quoted(text)}")


def create(conn: Connection, actor: Actor | None, new: NewSite) -> SiteNetwork:
    """Register a network.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if the name or the network is already registered.
    """
    check_administrator(actor)
    name, network = name_of(new.name), _network(conn, new.network)
    _check_new(conn, 0, name, network)
    number = conn.insert(schema.vpn_site, name=name, network=network)
    site = get(conn, None, number)
    _record_site(conn, actor, site, f"made known as {network}")
    return site


def change(
    conn: Connection, actor: Actor | None, site_id: int, changed: ChangedSite
) -> SiteNetwork:
    """Change a network; its grants apply to the changed network.

    :raises Invalid: naming the invalid field.
    :raises Conflict: if the name or the network is already registered.
    """
    check_administrator(actor)
    before = get(conn, None, site_id)
    name, network = before.name, before.network
    if changed.name is not msgspec.UNSET:
        name = name_of(changed.name)
    if changed.network is not msgspec.UNSET:
        network = _network(conn, changed.network)
    if (name, network) == (before.name, before.network):
        return before
    _check_new(conn, site_id, name, network)
    conn.update(schema.vpn_site, site_id, name=name, network=network)
    site = get(conn, None, site_id)
    _record_site(
        conn, actor, site, f"changed (was {before.name}, {before.network}): {network}"
    )
    return site


def delete(conn: Connection, actor: Actor | None, site_id: int) -> None:
    """Delete a network and its grants."""
    check_administrator(actor)
    site = get(conn, None, site_id)
    conn.delete(schema.vpn_site, site.id)
    _record_site(conn, actor, site, "forgotten")


def grants(conn: Connection, actor: Actor | None) -> list[NetworkGrant]:
    """Return the grants: all for administrators, otherwise those of the actor."""
    if actor is not None and actor.project_id is not None:
        return conn.all(
            statements.grants_in_project, NetworkGrant, within=actor.project_id
        )
    if actor is None or actor.user.admin:
        return conn.all(statements.grants, NetworkGrant)
    return conn.all(statements.grants_of_viewer, NetworkGrant, viewer=actor.user.id)


def grant(conn: Connection, actor: Actor | None, new: NewGrant) -> NetworkGrant:
    """Grant access to a network; an existing grant is returned unchanged.

    :raises Invalid: unless it names exactly one existing peer, user or project.
    """
    check_administrator(actor)
    site = conn.one(statements.by_id, SiteNetwork, site_id=new.site_id)
    if site is None:
        raise Invalid("site_id: there is no such subnet route")
    _check_holder(conn, new)
    to = {
        "peer_id": new.peer_id,
        "user_id": new.user_id,
        "project_id": new.project_id,
    }
    there = conn.one(statements.same, NetworkGrant, site_id=site.id, **to)
    if there is not None:
        return there
    number = conn.insert(schema.vpn_grant, site_id=site.id, **to)
    network_grant = _grant(conn, number)
    _record_grant(conn, actor, network_grant, f"opened to {_holder(network_grant)}")
    return network_grant


def withdraw(conn: Connection, actor: Actor | None, grant_id: int) -> None:
    """Delete a grant.

    :raises NotFound: if there is no such grant.
    """
    check_administrator(actor)
    stored_grant = _grant(conn, grant_id)
    conn.delete(schema.vpn_grant, stored_grant.id)
    _record_grant(conn, actor, stored_grant, f"closed to {_holder(stored_grant)}")


def _network(conn: Connection, text: str) -> str:
    network = in_field("network", addresses.parse_network, text)
    there = vpn_network.find(conn)
    if there is not None:
        check_apart(network, (there.pool4, there.pool6), "network")
    return network


def _check_new(conn: Connection, site_id: int, name: str, network: str) -> None:
    for each in conn.all(statements.sites, SiteNetwork):
        if each.id == site_id:
            continue
        if each.name.casefold() == name.casefold():
            raise Conflict(
                f"name: there is already a subnet route named {quoted(each.name)}"
            )
        if each.network == network:
            raise Conflict(
                f"network: {network} is already the subnet route {quoted(each.name)}"
            )


def _check_holder(conn: Connection, new: NewGrant) -> None:
    given = [new.peer_id, new.user_id, new.project_id]
    if sum(each is not None for each in given) != 1:
        raise Invalid(
            "peer_id: expected exactly one of peer_id, user_id and project_id"
        )
    if new.peer_id is not None:
        try:
            row = peer_rows.stored(conn, new.peer_id)
        except NotFound:
            raise Invalid("peer_id: there is no such peer") from None
        if row.state is PeerLifecycle.REVOKED:
            raise Invalid(
                "peer_id: the peer is revoked; expected a peer that is not revoked"
            )
    if new.user_id is not None and (
        conn.scalar(user_statements.by_id, user_id=new.user_id) is None
    ):
        raise Invalid("user_id: there is no such user")
    if new.project_id is not None and (
        conn.scalar(project_statements.by_id, project_id=new.project_id) is None
    ):
        raise Invalid("project_id: there is no such project")


def _grant(conn: Connection, grant_id: int) -> NetworkGrant:
    stored_grant = conn.one(statements.grant_by_id, NetworkGrant, grant_id=grant_id)
    if stored_grant is None:
        raise NotFound(f"There is no grant {grant_id}")
    return stored_grant


def _holder(grant: NetworkGrant) -> str:
    if grant.peer_id is not None:
        return f"peer {grant.to}"
    return f"{'user' if grant.user_id is not None else 'project'} {grant.to}"


def _record_site(
    conn: Connection, actor: Actor | None, site: SiteNetwork, what: str
) -> None:
    record_change(conn, actor, site.id, site.name, what, kind=events.VPN_SITE)


def _record_grant(
    conn: Connection, actor: Actor | None, grant: NetworkGrant, what: str
) -> None:
    record_change(
        conn,
        actor,
        grant.id,
        grant.site,
        what,
        kind=events.VPN_GRANT,
        project_id=grant.project_id,
    )
