"""Creates the protocol factories of the listeners."""

from attrs import define, field
from twisted.internet.interfaces import IProtocolFactory, IReactorTime

from semaphore_twisted.config.listener_options import socket_path
from semaphore_twisted.config.options import Config
from semaphore_twisted.interfaces import ICertificateSource
from semaphore_twisted.start.local_addresses import own_addresses, own_names
from semaphore_twisted.web.listener.pending_connections import PendingConnections
from semaphore_twisted.web.listener.plain_http import PlainHttpFactory, RedirectPolicy
from semaphore_twisted.web.listener.port import Challenge, PortFactory, no_challenge
from semaphore_twisted.web.proxies.client_address import PublicUrl
from semaphore_twisted.web.proxies.trusted_proxies import TrustedProxies


def known_hosts(config: Config) -> frozenset[str]:
    """Return the names and addresses of this machine, used without ``web_host``."""
    named = [each for each in config.interfaces if socket_path(each) is None]
    found = (*own_names(), *own_addresses(), *(each.strip("[]") for each in named))
    return frozenset(filter(None, found))


@define(eq=False, kw_only=True)
class ListenerFactories:
    """Creates the factories; all share the limits on pending connections.

    *source* provides certificates, ``None`` without TLS; *challenge* answers
    TLS-ALPN-01 challenges.
    """

    config: Config
    source: ICertificateSource | None
    clock: IReactorTime
    challenge: Challenge = no_challenge
    _pending: PendingConnections = field(init=False)
    _names: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Look up the names of this machine."""
        self._pending = PendingConnections(self.clock)
        self._names = known_hosts(self.config)

    def to(
        self,
        site: IProtocolFactory,
        *,
        port: int,
        web_host: str = "",
        source: ICertificateSource | None = None,
    ) -> IProtocolFactory:
        """Return the factory of listeners at *port* that serve *site*.

        Plain HTTP is redirected to *web_host*, if there is one. *source* replaces the
        usual certificates.
        """
        factory: IProtocolFactory = PortFactory(
            site,
            source=source or self.source,
            clock=self.clock,
            pending=self._pending,
            refusals=self._refusals(port, web_host),
            trust=TrustedProxies.of(self.config.trusted_proxies),
            proxy_protocol=self.config.proxy_protocol,
            challenge=self.challenge,
        )
        return factory

    def plain(self, site: IProtocolFactory) -> IProtocolFactory:
        """Return the factory of listeners that serve *site* over plain HTTP only."""
        factory: IProtocolFactory = PortFactory(
            site,
            source=None,
            clock=self.clock,
            pending=self._pending,
            refusals=self._refusals(0, ""),
            trust=TrustedProxies.of(self.config.trusted_proxies),
            proxy_protocol=self.config.proxy_protocol,
        )
        return factory

    def redirects(self, *, port: int, url: str) -> IProtocolFactory:
        """Return the factory of listeners that redirect to *url*, else to *port*."""
        factory: IProtocolFactory = PlainHttpFactory(
            self._refusals(port, url), self._pending
        )
        return factory

    def _refusals(self, port: int, web_host: str) -> RedirectPolicy:
        return RedirectPolicy(
            public_url=PublicUrl(web_host), port=port, names=self._names
        )
