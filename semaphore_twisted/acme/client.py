"""The ACME client (RFC 8555): one method for each request.

certbot's ``acme`` library is not used. It blocks, so it would need a thread whose waits
can neither be cancelled nor be driven by a test's clock. It matches names by other
rules than service-identity, which every other connection uses. It no longer implements
TLS-ALPN-01. The part of it that remains useful (JWS and four kinds of responses) is
shorter than the code that would adapt it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from attrs import define
from typing_extensions import override

from semaphore_twisted.acme.exchange import AcmeTransport
from semaphore_twisted.acme.responses import (
    AcmeError,
    AcmeResponse,
    ProblemDocument,
    address,
)
from semaphore_twisted.crypto.jws import AccountKey
from semaphore_twisted.model.reprs import redacted

#: How often a request is sent again with a fresh nonce (RFC 8555, section 6.5).
_NONCES = 4


class Meta(msgspec.Struct, frozen=True):
    """The metadata in an ACME directory."""

    external: bool = msgspec.field(default=False, name="externalAccountRequired")
    terms: str = msgspec.field(default="", name="termsOfService")


class Directory(msgspec.Struct, frozen=True, rename="camel"):
    """The ACME directory: the URL of each operation (RFC 8555, section 7.1.1)."""

    new_nonce: str
    new_account: str
    new_order: str
    renewal_info: str = ""
    meta: Meta = Meta()


class Binding(msgspec.Struct, frozen=True):
    """External account binding: the operator's account with the CA (section 7.3.4)."""

    kid: str
    key: bytes

    @override
    def __repr__(self) -> str:
        """Omit the key."""
        return f"Binding({self.kid!r})"


class AcmeOrder(msgspec.Struct, frozen=True):
    """An order (RFC 8555, section 7.1.3)."""

    status: str
    finalize: str
    authorizations: tuple[str, ...] = ()
    certificate: str = ""
    error: ProblemDocument | None = None


class Challenge(msgspec.Struct, frozen=True):
    """A challenge by which control of a name is proved (section 8)."""

    type: str
    url: str = ""
    token: str = ""
    status: str = ""
    error: ProblemDocument | None = None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "url")


class Identifier(msgspec.Struct, frozen=True):
    """An identifier of an order: a DNS name."""

    value: str
    type: str = "dns"


class Authorization(msgspec.Struct, frozen=True):
    """The authorization of one name, with its challenges (section 7.1.4)."""

    status: str
    identifier: Identifier
    challenges: tuple[Challenge, ...] = ()


class Window(msgspec.Struct, frozen=True):
    """The renewal window that the CA suggests (RFC 9773, section 4.2)."""

    start: datetime
    end: datetime


class RenewalInfo(msgspec.Struct, frozen=True, rename="camel"):
    """The CA's renewal information for one certificate."""

    suggested_window: Window


@define(eq=False)
class AcmeClient:
    """Sends requests to the CA whose directory is at *url*, signed with one key."""

    _exchange: AcmeTransport
    _url: str
    _key: AccountKey
    _now: Callable[[], datetime]
    _directory: Directory | None = None
    _nonce: str = ""
    #: URL of the account, once it is known
    account: str = ""

    async def directory(self) -> Directory:
        """Return the CA's directory; it is fetched once."""
        if self._directory is None:
            answer = await self._exchange("GET", self._url)
            if answer.status != 200:
                raise answer.refusal("its directory", self._now())
            self._directory = answer.decoded(Directory, "directory")
        return self._directory

    async def register(self, *, email: str, binding: Binding | None) -> str:
        """Create the account of the key, or find the existing one; return its URL."""
        directory = await self.directory()
        url = address(directory.new_account, "accounts")
        asked: dict[str, object] = {"termsOfServiceAgreed": True}
        if email:
            asked["contact"] = [f"mailto:{email}"]
        if binding is not None:
            asked["externalAccountBinding"] = self._key.bound(
                kid=binding.kid, key=binding.key, url=url
            )
        elif directory.meta.external:
            raise AcmeError(
                "the CA requires external account binding; get a key "
                "from it and set acme.eab_kid and acme.eab_key"
            )
        answer = await self._post(url, asked, "the account", named=False)
        self.account = address(answer.header("location"), "the account")
        return self.account

    async def order(self, names: Sequence[str], replaces: str) -> tuple[str, AcmeOrder]:
        """Order a certificate for *names*; return the order's URL and the order.

        *replaces* is the ARI identifier of the certificate that the new one replaces.
        It is sent only to a CA that offers renewal information.
        """
        directory = await self.directory()
        asked: dict[str, object] = {
            "identifiers": [{"type": "dns", "value": each} for each in names]
        }
        if replaces and directory.renewal_info:
            asked["replaces"] = replaces
        url = address(directory.new_order, "orders")
        answer = await self._post(url, asked, "the order")
        where = address(answer.header("location"), "the order")
        return where, answer.decoded(AcmeOrder, "order")

    async def poll_order(self, url: str) -> tuple[AcmeResponse, AcmeOrder]:
        """Return the current state of the order at *url*."""
        answer = await self._post(url, None, "the order")
        return answer, answer.decoded(AcmeOrder, "order")

    async def authorization(self, url: str) -> tuple[AcmeResponse, Authorization]:
        """Return the current state of the authorization at *url*."""
        url = address(url, "an authorization")
        answer = await self._post(url, None, "an authorization")
        return answer, answer.decoded(Authorization, "authorization")

    async def ready(self, challenge: Challenge) -> None:
        """Tell the CA that the response to *challenge* is in place."""
        url = address(challenge.url, "a challenge")
        _ = await self._post(url, {}, "the challenge")

    async def finalize(self, order: AcmeOrder, request: str) -> AcmeOrder:
        """Send the certificate signing *request* (base64url) and finalize the order."""
        url = address(order.finalize, "the request")
        answer = await self._post(url, {"csr": request}, "the request")
        return answer.decoded(AcmeOrder, "order")

    async def certificate(self, order: AcmeOrder) -> bytes:
        """Return the PEM chain of a valid *order*, unchecked."""
        url = address(order.certificate, "the certificate")
        return (await self._post(url, None, "the certificate")).body

    async def renewal_info(
        self, leaf_id: str
    ) -> tuple[AcmeResponse, RenewalInfo] | None:
        """Return the renewal information of a certificate, ``None`` without any."""
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
            raise AcmeError("the CA's advice on the renewal has no time zone")
        if window.end < window.start:
            raise AcmeError("the CA's advice on the renewal ends before it starts")
        return answer, info

    async def _post(
        self,
        url: str,
        payload: Mapping[str, object] | None,
        what: str,
        *,
        named: bool = True,
    ) -> AcmeResponse:
        """Send a signed request; repeat it with a fresh nonce after ``badNonce``."""
        answer = AcmeResponse(0, {}, b"")
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
            raise AcmeError("the CA sent no nonce")
        return nonce


def _nonce_of(answer: AcmeResponse) -> str:
    """Return the ``Replay-Nonce`` of *answer*, empty if invalid (section 6.5.1)."""
    text = answer.header("replay-nonce")
    good = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    return text if good and len(text) <= 1024 else ""
