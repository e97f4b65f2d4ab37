"""The client side of enrollment: verify the server, then redeem the token.

The root certificate is fetched without verification and compared with the link's
fingerprint. It is the only trusted root afterwards; the token is not sent before.
Responses are limited in size, redirects are not followed. Only the standard library is
used, which starts fast.
"""

import hashlib
import http.client
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import define, field
from typing_extensions import override

from semaphore_twisted.cli.terminal import harmless
from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.common.command_error import UNREACHABLE, CommandError
from semaphore_twisted.model.peers import Enrolled
from semaphore_twisted.tls_client import blocking

#: Timeout of each step of a connection, and pauses before retries, in seconds.
TIMEOUT = 15.0
PAUSES = (1.0, 3.0)

_MOST = 256 * 1024


class EnrollmentRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of the enrollment request."""

    token: str
    public_key: str
    name: str
    kind: str = ""

    @override
    def __repr__(self) -> str:
        """Omit the token."""
        return f"Request({self.public_key})"


class EnrollmentRefused(CommandError):
    """The server refused and enrolled nothing, so the key is useless."""

    def __init__(self, sentence: str) -> None:
        """Store the reason *sentence*."""
        super().__init__(sentence, UNREACHABLE)


class EnrollmentResponse(Enrolled, frozen=True, kw_only=True):
    """The client profile, and whether the device is already admitted."""

    applied: bool = True
    reason: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""


@define(eq=False)
class Enrollment:
    """Enrolls one machine with *link*; *pause* waits for some seconds."""

    _link: InviteLink
    _pause: Callable[[float], object]
    _connect: Callable[..., Any] = http.client.HTTPSConnection
    _trust: ssl.SSLContext | None = field(default=None, init=False)

    def trust(self) -> None:
        """Determine the trusted roots.

        :raises CommandError: if the server's root is not the link's
        """
        if not self._link.fingerprint:
            self._trust = blocking.trusting()
            return
        blind = blocking.unverified()
        expected = f"/api/vpn/ca?format=der&sha256={self._link.fingerprint}"
        status, root = self._call(blind, "GET", expected)
        if status != 200:
            raise CommandError(
                f"{self._link.base}: gave no root certificate ({status}); is this "
                "the address of Semaphore?",
                UNREACHABLE,
            )
        found = hashlib.sha256(root).hexdigest()
        if found != self._link.fingerprint:
            raise CommandError(
                f"{self._link.base}: this is not the server of the link: its root "
                f"certificate has SHA-256 {found}, the link wants "
                f"{self._link.fingerprint}; nothing was sent. There may be an "
                "attacker in between, or the server has a new root: ask for a new link",
                UNREACHABLE,
            )
        try:
            self._trust = blocking.trusting(root)
        except ValueError:
            raise CommandError(
                f"{self._link.base}: the root certificate cannot be read", UNREACHABLE
            ) from None

    def redeem(self, request: EnrollmentRequest) -> EnrollmentResponse:
        """Send *request*; after a lost response it is sent again with the same key.

        :raises EnrollmentRefused: if the server refuses
        :raises CommandError: if it cannot be reached, or is too busy
        """
        trust = self._trust
        if trust is None:
            raise AssertionError("trust comes first")
        body = msgspec.json.encode(request)
        status, content = self._persistent(trust, body)
        if status not in {200, 201}:
            raise _refused(status, content)
        try:
            return msgspec.json.decode(content, type=EnrollmentResponse)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise CommandError(
                f"{self._link.base}: the answer cannot be read; is the server newer "
                "than this program?",
                UNREACHABLE,
            ) from None

    def _persistent(self, trust: ssl.SSLContext, body: bytes) -> tuple[int, bytes]:
        for seconds in PAUSES:
            try:
                return self._call(trust, "POST", "/api/vpn/enroll", body)
            except _NoResponse:
                self._pause(seconds)
        return self._call(trust, "POST", "/api/vpn/enroll", body)

    def _call(
        self, trust: ssl.SSLContext, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, bytes]:
        parts = urlsplit(self._link.base)
        connection = self._connect(
            parts.hostname or "", parts.port or 443, timeout=TIMEOUT, context=trust
        )
        headers = {"Accept": "*/*", "User-Agent": "semaphore-vpn-join"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, parts.path + path, body, headers)
            answer = connection.getresponse()
            content = answer.read(_MOST + 1)
        except ssl.SSLCertVerificationError as error:
            raise CommandError(
                f"{self._link.base}: the certificate is not trusted "
                f"({error.verify_message}); the token was not sent",
                UNREACHABLE,
            ) from None
        except TimeoutError:
            raise _NoResponse(
                f"{self._link.base}: no answer in {TIMEOUT:.0f} s"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or "no answer"
            raise _NoResponse(f"{self._link.base}: {reason}") from error
        finally:
            connection.close()
        if len(content) > _MOST:
            raise CommandError(
                f"{self._link.base}: the answer is too long", UNREACHABLE
            )
        return answer.status, content


class _NoResponse(CommandError):
    """No response arrived; the request is idempotent and may be repeated."""

    def __init__(self, sentence: str) -> None:
        """Store the reason *sentence*."""
        super().__init__(sentence, UNREACHABLE)


_HINTS = {
    403: "it was used, revoked or is too old; ask for another",
    404: "is this the address of Semaphore, and is its VPN set up?",
    429: "wait some minutes",
}


def _refused(status: int, content: bytes) -> CommandError:
    try:
        error = msgspec.json.decode(content, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = ""
    if 300 <= status < 400:
        error = "the server points to another address; ask for a link with that one"
    sentence = harmless(error)[:500] or "the server refused"
    hint = _HINTS.get(status)
    whole = f"{sentence}{f': {hint}' if hint else ''} ({status})"
    if 400 <= status < 500 and status != 429:
        return EnrollmentRefused(whole)
    return CommandError(whole, UNREACHABLE)
