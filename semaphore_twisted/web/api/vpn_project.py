"""Routes of a project's VPN hosts: those of peers and invites, within the project."""

from datetime import datetime

import msgspec
from attrs import evolve

from semaphore_twisted.model.peers import Invite, PeerKind
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.vpn.invites import NewInvite
from semaphore_twisted.web.api import vpn_invites, vpn_peers
from semaphore_twisted.web.api.vpn_answers import EnrolledOutcome, InviteOutcome
from semaphore_twisted.web.api.vpn_invites import InviteCreated
from semaphore_twisted.web.api.vpn_peers import PeerRequest
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Handler, Route


class HostRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A host of the path's project; either *public_key* or *server_key* is given."""

    name: Name
    public_key: Name = ""
    server_key: bool = False
    expires: datetime | None = None
    tags: tuple[Name, ...] = ()
    grants: tuple[Name, ...] = ()
    preshared: bool = True


class HostInviteRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """An invite for hosts of the path's project."""

    max_uses: int = 1
    lifetime_seconds: int = vpn_invites.LIFETIME
    tags: tuple[Name, ...] = ()
    grants: tuple[Name, ...] = ()
    approval: bool = False
    peer_expires: datetime | None = None


async def create(context: RequestContext, body: HostRequest) -> EnrolledOutcome:
    """Create a host; its file is in the response, and only there."""
    given = msgspec.structs.asdict(body)
    whole = PeerRequest(**given, kind=PeerKind.HOST, project_id=context.project_id)
    return await vpn_peers.create(context, whole)


async def invite(context: RequestContext, body: HostInviteRequest) -> InviteCreated:
    """Create an invite for hosts; its token is shown only now."""
    given = msgspec.structs.asdict(body)
    whole = NewInvite(**given, kind=PeerKind.HOST, project_id=context.project_id)
    return await vpn_invites.create(context, whole)


def _within(handler: Handler, name: str) -> Handler:
    """Return *handler* by another name, since names in the document are unique."""

    async def within(context: RequestContext, *body: object) -> object:
        return await handler(context, *body)

    within.__name__, within.__doc__ = name, handler.__doc__
    return within


_ROUTES = (
    *vpn_peers.routes(
        "/project/{project_id}/vpn",
        {
            "create": create,
            **{
                name: _within(getattr(vpn_peers, name), name)
                for name in (
                    "listed",
                    "get",
                    "change",
                    "revoke",
                    "suspend",
                    "resume",
                    "expire",
                    "rotate",
                )
            },
        },
        Access.MEMBER,
        Access.MANAGE_RESOURCES,
        HostRequest,
    ),
    Route.get(
        "/project/{project_id}/vpn/invites",
        _within(vpn_invites.listed, "invites"),
        Access.MEMBER,
        answer=list[Invite],
    ),
    Route.post(
        "/project/{project_id}/vpn/invites",
        invite,
        Access.MANAGE_RESOURCES,
        body=HostInviteRequest,
        answer=InviteCreated,
        status=201,
    ),
    Route.delete(
        "/project/{project_id}/vpn/invites/{invite_id}",
        _within(vpn_invites.revoke, "revoke_invite"),
        Access.MANAGE_RESOURCES,
        answer=InviteOutcome,
    ),
)

#: The VPN is not for tokens for one project, though a project has hosts in it.
ROUTES = tuple(evolve(each, one_project=False) for each in _ROUTES)
