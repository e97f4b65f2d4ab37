"""The options of the site; a value."""

from collections.abc import Callable

import msgspec
from typing_extensions import override

from semaphore_twisted.config.options import Config
from semaphore_twisted.model import limits
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.operations.vpn.peer_rules import USUAL, PeerLimits
from semaphore_twisted.web.http.ca_roots import CaRoots, ReadRoots

#: Maximum size of a request body in bytes.
BODY_LIMIT = limits.BODY


class WebOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration, and the values that the start computes for the site.

    *roots* returns the roots of the local CA, none if the certificate has another
    source. *hosts* are the accepted names of the site; empty, or ``*`` in it, accepts
    any. *hsts_seconds* is the HSTS duration for the host of ``web_host``; 0 sends no
    header. *ansible* is the output of ``ansible --version``. *enroll_url* is the URL
    where devices enroll, with the base path and without a final slash; if it is empty,
    they enroll at the site. *pinned* returns whether a link to a URL carries the
    fingerprint of the local root. *vpn* has the VPN's options, *repositories* the rules
    for repositories, and *known_hosts* is the file of known SSH host keys.
    *place_of_program* returns where jobs find a program, an empty text if they do not.
    """

    config: Config = Config()
    roots: ReadRoots = CaRoots
    hosts: tuple[str, ...] = ()
    hsts_seconds: int = 86_400
    body_limit: int = BODY_LIMIT
    version: str = ""
    ansible: str = ""
    enroll_url: str = ""
    pinned: Callable[[str], bool] = lambda _: True
    vpn: PeerLimits = USUAL
    repositories: RepositoryRules = RepositoryRules()
    known_hosts: str = ""
    place_of_program: Callable[[str], str] = lambda _: ""

    def pin(self, base: str) -> str:
        """Return the fingerprint for links to *base*, empty if they carry none.

        :raises Conflict: if devices could not trust the certificate there
        """
        fingerprint = self.roots().fingerprint
        return fingerprint if fingerprint and self.pinned(base) else ""

    @override
    def __repr__(self) -> str:
        """Omit secrets."""
        return f"WebOptions(config={self.config!r})"
