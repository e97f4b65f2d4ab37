"""The route with the health of the installation, for administrators."""

from collections.abc import Sequence

import msgspec

from semaphore_twisted.model.health import HealthFinding, HealthLevel
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import apps
from semaphore_twisted.operations import health as operations
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.routing import Route


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All findings; *level* is the worst one's."""

    level: HealthLevel
    findings: Sequence[HealthFinding]


async def health(context: RequestContext) -> Health:
    """Show the state of the installation: findings as sentences, each with a level.

    The subjects are ``tls``, ``vpn``, ``key store``, ``queue``, ``database``, ``disk``,
    ``programs`` and ``versions``; a subject can have several findings, and ``vpn`` has
    none without a VPN.
    """
    table = await context.read_unchecked(apps.table)
    found = [
        *await context.compute(context.services.health, table),
        await context.long_read(operations.key_store, context.keyring),
        await context.read(operations.queue),
        await context.read(operations.database),
        *await _vpn(context),
    ]
    levels = list(HealthLevel)
    return Health(
        level=max((each.level for each in found), key=levels.index), findings=found
    )


async def _vpn(context: RequestContext) -> list[HealthFinding]:
    """Return the findings of the VPN's doctor that need attention; one if none does."""
    service = context.services.peers
    if service is None:
        return []
    found = [
        HealthFinding(
            subject="vpn",
            level=HealthLevel(each.level),
            sentence=f"{each.subject}: {each.sentence}",
        )
        for each in await service.diagnose()
    ]
    bad = [each for each in found if each.level is not HealthLevel.OK]
    return bad or [
        HealthFinding(
            subject="vpn",
            level=HealthLevel.OK,
            sentence=f"All {len(found)} checks of the VPN pass",
            value=service.state().peers,
            unit="peers",
            code="pass",
            facts={"count": len(found)},
        )
    ]


ROUTES = (Route.get("/admin/health", health, Access.ADMIN, answer=Health),)
