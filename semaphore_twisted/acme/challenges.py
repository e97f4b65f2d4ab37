"""The pending ACME challenges, for the listeners that answer them.

Tokens and names are compared as a whole, and all answers are removed when the order
ends.
"""

import re
from collections.abc import Callable
from datetime import datetime

from attrs import define, field
from typing_extensions import override

from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.challenges import alpn_certificate, key_authorization
from semaphore_twisted.model.reprs import redacted

HTTP, ALPN = "http-01", "tls-alpn-01"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}", re.ASCII)


@define(eq=False)
class Challenges:
    """The responses that the CA will request while it validates names."""

    _now: Callable[[], datetime]
    _answers: dict[str, str] = field(factory=dict)
    _certificates: dict[str, Issued] = field(factory=dict)

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)

    def offer(self, kind: str, *, name: str, token: str, thumbprint: str) -> bool:
        """Prepare the response for challenge *kind* of *name*.

        Returns false if *token* is not a valid ACME token.
        """
        if not _TOKEN.fullmatch(token):
            return False
        authorization = key_authorization(token, thumbprint)
        if kind == HTTP:
            self._answers[token] = authorization
        else:
            made = alpn_certificate(name, authorization, self._now())
            self._certificates[name] = made
        return True

    def withdraw(self) -> None:
        """Remove all responses."""
        self._answers.clear()
        self._certificates.clear()

    def answer(self, token: str) -> str | None:
        """Return the HTTP-01 response for *token*, ``None`` if there is none."""
        return self._answers.get(token)

    def certificate(self, name: str) -> Issued | None:
        """Return the TLS-ALPN-01 certificate for *name*, ``None`` if there is none."""
        return self._certificates.get(name.lower())
