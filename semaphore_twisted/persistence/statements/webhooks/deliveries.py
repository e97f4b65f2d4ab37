"""Statements about deliveries, their results, and the memory against replays."""

from sqlalchemy import bindparam, delete, func, null, select, update

from semaphore_twisted.persistence.integration_tables import (
    integration_delivery,
    integration_result,
    integration_seen,
)
from semaphore_twisted.persistence.schema import user

_c = integration_delivery.c

_every = (
    select(
        _c.id,
        _c.received,
        _c.address,
        _c.method,
        _c.size,
        _c.body.is_not(None).label("resendable"),
        _c.resent_of,
        user.c.username.label("username"),
    )
    .outerjoin(user, user.c.id == _c.user_id)
    .where(_c.project_id == bindparam("project_id"))
)

#: The newest deliveries of a project below an id.
newest = (
    _every.where(_c.id < bindparam("before"))
    .order_by(_c.id.desc())
    .limit(bindparam("most"))
)

#: The same, of one integration.
newest_of_integration = newest.where(
    _c.id.in_(
        select(integration_result.c.delivery_id).where(
            integration_result.c.integration_id == bindparam("integration_id")
        )
    )
)

by_id = _every.add_columns(_c.headers, _c.body, _c.alias).where(
    _c.id == bindparam("id")
)

_r = integration_result.c

#: The results of the deliveries whose ids are the JSON list *deliveries*.
results = (
    select(
        _r.delivery_id,
        _r.integration_id,
        _r.integration_name,
        _r.outcome,
        _r.reason,
        _r.task_id,
    )
    .where(
        _r.delivery_id.in_(
            select(
                func.json_each(bindparam("deliveries")).table_valued("value").c.value
            )
        )
    )
    .order_by(_r.delivery_id, _r.number)
)

_s = integration_seen.c

#: When a delivery was seen before.
seen = select(_s.seen).where(
    _s.integration_id == bindparam("integration_id"), _s.digest == bindparam("digest")
)

#: The time of the newest remembered id above the maximum number.
surplus_seen = (
    select(_s.seen)
    .where(_s.integration_id == bindparam("integration_id"))
    .order_by(_s.seen.desc())
    .limit(1)
    .offset(bindparam("kept"))
)

forget_surplus_seen = delete(integration_seen).where(
    _s.integration_id == bindparam("integration_id"), _s.seen <= bindparam("cutoff")
)

forget_old_seen = delete(integration_seen).where(_s.seen <= bindparam("cutoff"))

#: The newest delivery above the maximum number, of all of a project, and of those of
#: unknown senders.
surplus = (
    select(_c.id)
    .where(_c.project_id == bindparam("project_id"))
    .order_by(_c.id.desc())
    .limit(1)
    .offset(bindparam("kept"))
)
surplus_unknown = surplus.where(_c.authenticated == 0)

_surplus_rows = delete(integration_delivery).where(
    _c.project_id == bindparam("project_id"), _c.id <= bindparam("last")
)
forget_surplus = _surplus_rows
forget_surplus_unknown = _surplus_rows.where(_c.authenticated == 0)

forget_old = delete(integration_delivery).where(_c.received <= bindparam("cutoff"))

forget_bodies = (
    update(integration_delivery)
    .where(_c.received <= bindparam("cutoff"), _c.body.is_not(None))
    .values(body=null())
)
