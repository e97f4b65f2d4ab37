"""What is remembered of the dealings with a certificate authority, over restarts."""

from datetime import datetime

import msgspec

#: What a token that nobody has is answered, so that a check knows this server by it.
NO_CHALLENGE = "no such challenge"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The dealings with one authority; every moment is in UTC.

    It is stored *before* the authority is asked for something, so that a server that
    is killed and started again for ever asks no more often than one that lives.
    """

    #: where the account is, and when the authority last made or found it
    account: str = ""
    registered: datetime | None = None
    #: the order under way, what it is for, and how often it was taken up
    order: str = ""
    order_names: tuple[str, ...] = ()
    order_tries: int = 0
    #: when orders were begun, in the last week
    orders: tuple[datetime, ...] = ()
    #: tries since the last certificate, the present one included
    failures: int = 0
    failing_since: datetime | None = None
    reason: str = ""
    #: when the last try ended, well or not
    ended: datetime | None = None
    #: not before these: by our own patience, and by the authority's word
    next_try: datetime | None = None
    not_before: datetime | None = None
    #: when the last certificate came
    issued: datetime | None = None
    #: what the authority said of the certificate with this id (RFC 9773)
    renewal_id: str = ""
    renewal_start: datetime | None = None
    renewal_end: datetime | None = None
    renew_at: datetime | None = None
    look_at: datetime | None = None
    #: the authority does not want to hear which certificate is replaced
    no_replaces: bool = False
