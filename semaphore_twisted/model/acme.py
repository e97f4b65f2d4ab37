"""The state of the ACME client that is kept across restarts."""

from datetime import datetime

import msgspec

#: The response to an unknown token; the self-check recognises this server by it.
NO_CHALLENGE = "no such challenge"


class AcmeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the ACME client for one CA; all times are in UTC.

    It is stored *before* each request to the CA, so that a server in a crash loop sends
    no more requests than one that keeps running.
    """

    #: URL of the account, and when the CA last created or confirmed it
    account: str = ""
    registered: datetime | None = None
    #: URL of the current order, its names, and how often it was attempted
    order: str = ""
    order_names: tuple[str, ...] = ()
    order_tries: int = 0
    #: start times of the orders of the last week
    orders: tuple[datetime, ...] = ()
    #: attempts since the last certificate, the current one included
    failures: int = 0
    failing_since: datetime | None = None
    reason: str = ""
    #: when the last attempt ended, successful or not
    ended: datetime | None = None
    #: earliest next attempt: by this client's schedule, and by the CA's Retry-After
    next_try: datetime | None = None
    not_before: datetime | None = None
    #: when the last certificate was issued
    issued: datetime | None = None
    #: renewal information of the CA for the certificate with this id (RFC 9773)
    renewal_id: str = ""
    renewal_start: datetime | None = None
    renewal_end: datetime | None = None
    renew_at: datetime | None = None
    look_at: datetime | None = None
    #: the CA does not accept the field "replaces" in an order
    no_replaces: bool = False
