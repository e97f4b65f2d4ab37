"""A delivery as it arrives, and the parts of it that are kept."""

import hashlib
from collections.abc import Sequence

import msgspec
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.reprs import redacted

#: Shown instead of a secret value.
MASK = "***"

#: Names of headers whose values are not kept: texts in the name, and whole words of it.
_SECRET = (
    *("authorization", "authentication", "cookie", "token", "signature", "secret"),
    *("passw", "passphrase", "credential", "api-key", "apikey", "hmac"),
)
_SECRET_WORDS = frozenset(
    {
        "auth",
        "session",
        "sig",
        "sign",
        "jwt",
        "key",
        "oidc",
        "pass",
        "pwd",
        "pin",
        "otp",
    }
)

#: Names with such a word that are no secret: the kind of an event, an id.
_PUBLIC = frozenset({"x-event-key", "idempotency-key"})

#: Headers with the id of a delivery; the first one present is used. They are those of
#: GitHub, GitLab (a newer and an older one), Bitbucket Cloud, Standard Webhooks, and
#: Bitbucket Server; proxies add the last one too.
_IDS = (
    "x-github-delivery",
    "idempotency-key",
    "x-gitlab-event-uuid",
    "x-request-uuid",
    "webhook-id",
    "x-request-id",
)

#: Headers in which senders name the kind of event.
_EVENTS = ("x-github-event", "x-gitlab-event", "x-event-key")

#: The header with the time of sending, in seconds since the epoch (Standard Webhooks).
_TIME = "webhook-timestamp"

#: Characters of an event's name that are shown.
_EVENT = 60


class RawDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the receiving route: its headers with lower-case names, in order."""

    method: str
    address: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @override
    def __repr__(self) -> str:
        """Show no headers and no body."""
        return redacted(self, "method", "address")

    def header(self, name: str) -> str | None:
        """Return the values of a header, joined; ``None`` if it is absent."""
        wanted = name.lower()
        values = [value for each, value in self.headers if each == wanted]
        return ", ".join(values) if values else None

    @property
    def number(self) -> str | None:
        """The digest of the id that the sender gave the delivery, if it did."""
        for name in _IDS:
            if value := (self.header(name) or "").strip():
                return hashlib.sha256(f"{name}:{value}".encode()).hexdigest()
        return None

    @property
    def sent(self) -> int | None:
        """When it was sent, in seconds since the epoch, if the sender says it.

        A value that is no number counts as 1970, so that it is refused as too old.
        """
        value = self.header(_TIME)
        if value is None:
            return None
        digits = value.strip()
        good = digits.isascii() and digits.isdigit() and len(digits) <= 12
        return int(digits) if good else 0

    @property
    def event(self) -> str:
        """The kind of event that the sender names; empty if it names none."""
        for name in _EVENTS:
            if value := self.header(name):
                return "".join(filter(str.isprintable, value))[:_EVENT]
        return ""


def is_secret(name: str, secret: Sequence[str] = ()) -> bool:
    """Return whether the header *name* may have a secret, or is one of *secret*."""
    name = name.lower()
    if name in {each.lower() for each in secret}:
        return True
    name = name.replace("_", "-")
    return name not in _PUBLIC and (
        any(part in name for part in _SECRET)
        or not _SECRET_WORDS.isdisjoint(name.split("-"))
    )


def hides(name: str, value: str, secret: Sequence[str] = ()) -> bool:
    """Return whether the *value* of the header *name* is not shown.

    Besides a header that :func:`is_secret` knows, this is an address with a query or a
    password, as in ``Referer`` or ``X-Original-URI``: senders put tokens there.
    """
    before, _, query = value.partition("?")
    _, scheme, rest = value.partition("://")
    path = before.rpartition(" ")[2]
    address = bool(query and "/" in path) or bool(scheme and "@" in rest)
    return address or is_secret(name, secret)


def masked(
    headers: Sequence[tuple[str, str]], secret: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Return the *headers* that are kept, at most ``HOOK_KEPT_HEADERS`` bytes.

    A value is masked if :func:`hides` says so.
    """
    kept: list[tuple[str, str]] = []
    size = 0
    for name, value in headers:
        pair = (name, MASK if hides(name, value, secret) else value)
        size += len(pair[0].encode()) + len(pair[1].encode("utf-8", "replace"))
        if size > limits.HOOK_KEPT_HEADERS:
            break
        kept.append(pair)
    return kept
