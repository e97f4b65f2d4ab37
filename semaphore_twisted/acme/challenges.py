"""The challenges that are open now, for the listeners that answer them.

Nobody else gets an answer: what is looked up is compared as a whole, and everything
is forgotten once the authority has looked.
"""

import re
from collections.abc import Callable
from datetime import datetime

from attrs import define, field

from semaphore_twisted.crypto.certificates import Issued
from semaphore_twisted.crypto.challenges import alpn_certificate, key_authorization

HTTP, ALPN = "http-01", "tls-alpn-01"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}", re.ASCII)


@define(eq=False)
class Challenges:
    """What an authority will look for."""

    _now: Callable[[], datetime]
    _answers: dict[str, str] = field(factory=dict)
    _certificates: dict[str, Issued] = field(factory=dict)

    def offer(self, kind: str, *, name: str, token: str, thumbprint: str) -> bool:
        """Be ready for the challenge *kind* of *name*; false if *token* is none."""
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
        """Answer nothing any more."""
        self._answers.clear()
        self._certificates.clear()

    def answer(self, token: str) -> str | None:
        """Return what is served for *token* over plain HTTP."""
        return self._answers.get(token)

    def certificate(self, name: str) -> Issued | None:
        """Return what is served in TLS to who asks for *name* by ``acme-tls/1``."""
        return self._certificates.get(name.lower())
