"""The client's side of RFC 8555: one method for each thing that can be asked.

No library: certbot's ``acme`` blocks, so it needs a thread whose waits cannot be ended
or driven by a test's clock; it matches names by other rules than all our connections
(service-identity); and it no longer knows the challenge in TLS. What is left of it for
us, signing and four kinds of answers, is shorter than the code around it would be.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from attrs import define
from typing_extensions import override

from semaphore_twisted.acme.answers import Answer, Problem, Trouble, address
from semaphore_twisted.acme.exchange import Exchange
from semaphore_twisted.crypto.jws import AccountKey

#: How often one message is sent again with a fresh nonce (RFC 8555, section 6.5).
_NONCES = 4


class Meta(msgspec.Struct, frozen=True):
    """What a directory says of its authority."""

    external: bool = msgspec.field(default=False, name="externalAccountRequired")
    terms: str = msgspec.field(default="", name="termsOfService")


class Directory(msgspec.Struct, frozen=True, rename="camel"):
    """Where an authority is asked for what."""

    new_nonce: str
    new_account: str
    new_order: str
    renewal_info: str = ""
    meta: Meta = Meta()


class Binding(msgspec.Struct, frozen=True):
    """The operator's own account with the authority, which ours is bound to."""

    kid: str
    key: bytes

    @override
    def __repr__(self) -> str:
        """Show no key."""
        return f"Binding({self.kid!r})"


class Order(msgspec.Struct, frozen=True):
    """An order (RFC 8555, section 7.1.3)."""

    status: str
    finalize: str
    authorizations: tuple[str, ...] = ()
    certificate: str = ""
    error: Problem | None = None


class Challenge(msgspec.Struct, frozen=True):
    """One way to show that a name is ours (section 8)."""

    type: str
    url: str = ""
    token: str = ""
    status: str = ""
    error: Problem | None = None


class Identifier(msgspec.Struct, frozen=True):
    """A name."""

    value: str
    type: str = "dns"


class Authorization(msgspec.Struct, frozen=True):
    """What has to be shown for one name (section 7.1.4)."""

    status: str
    identifier: Identifier
    challenges: tuple[Challenge, ...] = ()


class Window(msgspec.Struct, frozen=True):
    """When a certificate is best renewed (RFC 9773, section 4.2)."""

    start: datetime
    end: datetime


class RenewalInfo(msgspec.Struct, frozen=True, rename="camel"):
    """The authority's advice for one certificate."""

    suggested_window: Window


@define(eq=False)
class Client:
    """Speaks to the authority whose directory is at *url*, with one key."""

    _exchange: Exchange
    _url: str
    _key: AccountKey
    _now: Callable[[], datetime]
    _directory: Directory | None = None
    _nonce: str = ""
    #: where the account is, once it is known
    account: str = ""

    async def directory(self) -> Directory:
        """Return where to ask for what; asked for once."""
        if self._directory is None:
            answer = await self._exchange("GET", self._url)
            if answer.status != 200:
                raise answer.refusal("its directory", self._now())
            self._directory = answer.decoded(Directory, "directory")
        return self._directory

    async def register(self, *, email: str, binding: Binding | None) -> str:
        """Make the account of our key, or find it; return its address."""
        directory = await self.directory()
        url = address(directory.new_account, "accounts")
        asked: dict[str, Any] = {"termsOfServiceAgreed": True}
        if email:
            asked["contact"] = [f"mailto:{email}"]
        if binding is not None:
            asked["externalAccountBinding"] = self._key.bound(
                kid=binding.kid, key=binding.key, url=url
            )
        elif directory.meta.external:
            raise Trouble(
                "the authority binds accounts to those of its customers; get a key "
                "from it and set acme.eab_kid and acme.eab_key"
            )
        answer = await self._post(url, asked, "the account", named=False)
        self.account = address(answer.header("location"), "the account")
        return self.account

    async def order(self, names: Sequence[str], replaces: str) -> tuple[str, Order]:
        """Order a certificate for *names*; return the order's address, and it.

        *replaces* is the id of the certificate that it is to take the place of, for
        an authority that gives advice on renewals.
        """
        directory = await self.directory()
        asked: dict[str, Any] = {
            "identifiers": [{"type": "dns", "value": each} for each in names]
        }
        if replaces and directory.renewal_info:
            asked["replaces"] = replaces
        url = address(directory.new_order, "orders")
        answer = await self._post(url, asked, "the order")
        where = address(answer.header("location"), "the order")
        return where, answer.decoded(Order, "order")

    async def look_at_order(self, url: str) -> tuple[Answer, Order]:
        """Return the order at *url* as it is now."""
        answer = await self._post(url, None, "the order")
        return answer, answer.decoded(Order, "order")

    async def authorization(self, url: str) -> tuple[Answer, Authorization]:
        """Return what has to be shown for one name."""
        url = address(url, "an authorization")
        answer = await self._post(url, None, "an authorization")
        return answer, answer.decoded(Authorization, "authorization")

    async def ready(self, challenge: Challenge) -> None:
        """Tell that *challenge* can be looked at."""
        url = address(challenge.url, "a challenge")
        _ = await self._post(url, {}, "the challenge")

    async def finalize(self, order: Order, request: str) -> Order:
        """Send the *request* (base64url) that the certificate is to be made of."""
        url = address(order.finalize, "the request")
        answer = await self._post(url, {"csr": request}, "the request")
        return answer.decoded(Order, "order")

    async def certificate(self, order: Order) -> bytes:
        """Return the chain that *order* led to, as it came."""
        url = address(order.certificate, "the certificate")
        return (await self._post(url, None, "the certificate")).body

    async def renewal_info(self, leaf_id: str) -> tuple[Answer, RenewalInfo] | None:
        """Return the advice for a certificate, ``None`` where nobody gives any."""
        directory = await self.directory()
        if not directory.renewal_info:
            return None
        base = address(directory.renewal_info, "advice on renewals")
        answer = await self._exchange("GET", f"{base.rstrip('/')}/{leaf_id}")
        if answer.status != 200:
            raise answer.refusal("advice on the renewal", self._now())
        info = answer.decoded(RenewalInfo, "advice on the renewal")
        window = info.suggested_window
        if window.start.tzinfo is None or window.end.tzinfo is None:
            raise Trouble("the authority's advice on the renewal has no time zone")
        if window.end < window.start:
            raise Trouble("the authority's advice on the renewal ends before it starts")
        return answer, info

    async def _post(
        self,
        url: str,
        payload: Mapping[str, Any] | None,
        what: str,
        *,
        named: bool = True,
    ) -> Answer:
        """Send a signed message; again while only its nonce is not liked."""
        answer = Answer(0, {}, b"")
        for _ in range(_NONCES):
            nonce = self._nonce or await self._fresh_nonce()
            self._nonce = ""
            account = self.account if named else None
            body = self._key.sign(payload, url=url, nonce=nonce, account=account)
            answer = await self._exchange("POST", url, body)
            self._nonce = _nonce_of(answer)
            if 200 <= answer.status < 300:
                return answer
            if answer.problem.kind != "badNonce":
                break
        raise answer.refusal(what, self._now())

    async def _fresh_nonce(self) -> str:
        directory = await self.directory()
        url = address(directory.new_nonce, "nonces")
        answer = await self._exchange("HEAD", url)
        nonce = _nonce_of(answer)
        if not nonce:
            if answer.status >= 400:
                raise answer.refusal("a nonce", self._now())
            raise Trouble("the authority gave no nonce")
        return nonce


def _nonce_of(answer: Answer) -> str:
    """Return the nonce that came with *answer*; it is base64url (section 6.5.1)."""
    text = answer.header("replay-nonce")
    good = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    return text if good and len(text) <= 1024 else ""
