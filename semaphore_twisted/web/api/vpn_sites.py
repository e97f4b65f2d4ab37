"""Routes of networks behind the server, and of grants to enter them."""

from semaphore_twisted.model.peers import NetworkGrant, SiteNetwork
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.vpn import site_networks
from semaphore_twisted.operations.vpn.site_networks import (
    ChangedSite,
    NewGrant,
    NewSite,
)
from semaphore_twisted.web.api.vpn_answers import (
    Applied,
    GrantOutcome,
    SiteOutcome,
    asked,
    changed,
    control,
    outcome_of,
)
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


class SiteRequest(NewSite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new site network, which ``vpn init --site`` has permitted."""


class SiteChange(ChangedSite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The changed fields of a site network; absent fields stay."""


class GrantRequest(NewGrant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grant to exactly one of a peer, a user and a project."""


async def listed(context: RequestContext) -> list[SiteNetwork]:
    """List the networks that the user may enter; administrators see all."""
    control(context)
    asked(context, {})
    return await context.read(site_networks.listed)


async def create(context: RequestContext, body: SiteRequest) -> SiteOutcome:
    """Add a site network."""
    value, outcome = await changed(context, site_networks.create, body)
    return outcome_of(SiteOutcome, value, outcome)


async def get(context: RequestContext) -> SiteNetwork:
    """Show a site network."""
    control(context)
    return await context.read(site_networks.get, context.path["site_id"])


async def change(context: RequestContext, body: SiteChange) -> SiteOutcome:
    """Change a site network; its grants stay."""
    value, outcome = await changed(
        context, site_networks.change, context.path["site_id"], body
    )
    return outcome_of(SiteOutcome, value, outcome)


async def delete(context: RequestContext) -> Applied:
    """Delete a site network and its grants."""
    _, outcome = await changed(context, site_networks.delete, context.path["site_id"])
    return outcome


async def grants(context: RequestContext) -> list[NetworkGrant]:
    """List the grants that the user may see; administrators see all."""
    control(context)
    asked(context, {})
    return await context.read(site_networks.grants)


async def grant(context: RequestContext, body: GrantRequest) -> GrantOutcome:
    """Grant access to a site network."""
    value, outcome = await changed(context, site_networks.grant, body)
    return outcome_of(GrantOutcome, value, outcome)


async def withdraw(context: RequestContext) -> Applied:
    """Withdraw a grant."""
    _, outcome = await changed(
        context, site_networks.withdraw, context.path["grant_id"]
    )
    return outcome


_SITES, _SITE = "/vpn/sites", "/vpn/sites/{site_id}"
_GRANTS, _GRANT = "/vpn/grants", "/vpn/grants/{grant_id}"

ROUTES = (
    Route.get(_SITES, listed, Access.USER, answer=list[SiteNetwork]),
    Route.post(
        _SITES, create, Access.ADMIN, body=SiteRequest, answer=SiteOutcome, status=201
    ),
    Route.get(_SITE, get, Access.USER, answer=SiteNetwork),
    Route.put(_SITE, change, Access.ADMIN, body=SiteChange, answer=SiteOutcome),
    Route.delete(_SITE, delete, Access.ADMIN, answer=Applied),
    Route.get(_GRANTS, grants, Access.USER, answer=list[NetworkGrant]),
    Route.post(
        _GRANTS, grant, Access.ADMIN, body=GrantRequest, answer=GrantOutcome, status=201
    ),
    Route.delete(_GRANT, withdraw, Access.ADMIN, answer=Applied),
)
