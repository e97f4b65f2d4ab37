"""Routes of invites: links and commands with which a device enrolls itself."""

import msgspec
from typing_extensions import override

from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.model.peers import Invite, InviteState, PeerKind
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations.vpn import invites
from semaphore_twisted.operations.vpn.invites import NewInvite
from semaphore_twisted.web.api.vpn_answers import (
    InviteOutcome,
    asked,
    changed,
    control,
    outcome_of,
    truth,
)
from semaphore_twisted.web.enroll.commands import Commands, commands, is_base, link
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route

#: One day.
LIFETIME = 24 * 3600


class InviteRequest(NewInvite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new invite; by default for one laptop, and valid for a day."""

    kind: PeerKind = PeerKind.LAPTOP
    max_uses: int = 1
    lifetime_seconds: int = LIFETIME


class InviteCreated(msgspec.Struct, frozen=True, kw_only=True):
    """A new invite with its token, link and commands, shown only now."""

    invite: Invite
    token: str
    link: str
    commands: Commands

    @override
    def __repr__(self) -> str:
        """Omit the token."""
        return f"InviteCreated({self.invite.id})"


async def listed(context: RequestContext) -> list[Invite]:
    """List the invites that the user may see, newest first, without their tokens."""
    control(context)
    return await context.read(invites.listed, **asked(context, {"state": InviteState}))


async def create(context: RequestContext, body: NewInvite) -> InviteCreated:
    """Create an invite; its token, link and commands are shown only now."""
    control(context)
    base = context.options.enroll_url or context.site_url
    if not is_base(base):
        raise Conflict(
            f"{base}: devices cannot enroll at this address; expected an https address "
            "in"
            " web_host, or vpn.enroll_port"
        )
    # a proxy that forwards a client terminates TLS with its own certificate
    by_proxy = context.client.relayed and base == context.site_url
    fingerprint = "" if by_proxy else context.options.pin(base)
    made = await context.write(invites.create, body, options=context.options.vpn)
    return InviteCreated(
        invite=made.invite,
        token=made.token,
        link=link(base, made.token, fingerprint),
        commands=commands(base, made.token, fingerprint),
    )


async def revoke(context: RequestContext) -> InviteOutcome:
    """Revoke an invite; peers that it created stay, unless ``peers=true``."""
    value, outcome = await changed(
        context,
        invites.revoke,
        context.path["invite_id"],
        with_peers=asked(context, {"peers": truth}).get("peers", False),
        options=context.options.vpn,
    )
    return outcome_of(InviteOutcome, value, outcome)


ROUTES = (
    Route.get("/vpn/invites", listed, Access.USER, answer=list[Invite]),
    Route.post(
        "/vpn/invites",
        create,
        Access.USER,
        body=InviteRequest,
        answer=InviteCreated,
        status=201,
    ),
    Route.delete("/vpn/invites/{invite_id}", revoke, Access.USER, answer=InviteOutcome),
)
