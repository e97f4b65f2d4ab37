"""What the root decides about the site; a value."""

from collections.abc import Callable

import msgspec
from typing_extensions import override

from semaphore_twisted.model import limits
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.model.users import SessionLimits
from semaphore_twisted.operations.peer_rules import USUAL
from semaphore_twisted.operations.peer_rules import Options as VpnOptions
from semaphore_twisted.web.roots import ReadRoots, Roots

#: Bytes of a request's body that are taken.
BODY_LIMIT = limits.BODY


class WebOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The site's options, named after Semaphore's where it has them.

    *web_host* is the public address, with the base path; empty where the site is
    what each request says. *roots* tells the local authority's, none where the
    certificate comes from somewhere else. *hosts* are the names that a request
    may call the site by; empty means any, and so does ``*`` among them.
    *insecure_http* lets people log in over plain HTTP from other machines.
    *hsts_seconds* is for browsers that reach the host of *web_host* over TLS; 0 sends
    no such header. *ansible* is what ``ansible --version`` printed. Devices enroll at
    *enroll_url*, with the base path and without a final slash; empty where that is
    where the site is; *pinned* tells whether a link to an address has the fingerprint
    of the local root. *vpn* are the VPN's.
    *trusted_proxies* are addresses and networks whose forwarding headers count;
    *websocket_require_origin* refuses a socket without an origin even from them.
    *session* is how long logins live. *repositories* says which ones are permitted,
    *known_hosts* is the file of the keys that jobs have met.
    """

    web_host: str = ""
    roots: ReadRoots = Roots
    hosts: tuple[str, ...] = ()
    insecure_http: bool = False
    hsts_seconds: int = 86_400
    trusted_proxies: tuple[str, ...] = ()
    websocket_require_origin: bool = False
    session: SessionLimits = SessionLimits()
    body_limit: int = BODY_LIMIT
    password_login_disable: bool = False
    password_min_length: int = limits.PASSWORD_LEAST
    non_admin_can_create_project: bool = False
    metrics_enabled: bool = False
    metrics_username: str = ""
    metrics_password: str = ""
    version: str = ""
    ansible: str = ""
    enroll_url: str = ""
    pinned: Callable[[str], bool] = lambda _: True
    vpn: VpnOptions = USUAL
    repositories: RepositoryRules = RepositoryRules()
    known_hosts: str = ""

    def pin(self, base: str) -> str:
        """Return the fingerprint that a link to *base* has, empty for none.

        :raises Conflict: if devices could not trust the certificate there.
        """
        fingerprint = self.roots().fingerprint
        return fingerprint if fingerprint and self.pinned(base) else ""

    @override
    def __repr__(self) -> str:
        """Show no password."""
        return f"WebOptions(web_host={self.web_host!r})"
