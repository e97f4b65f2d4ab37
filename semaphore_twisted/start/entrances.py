"""What the listeners get: entrances to a site, and redirects to it."""

from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IProtocolFactory

from semaphore_twisted.config import Config
from semaphore_twisted.config_listening import socket_path
from semaphore_twisted.start.own_names import own_addresses, own_names
from semaphore_twisted.web.entrance import Challenge, Entrance, no_challenge
from semaphore_twisted.web.forwarded import Place
from semaphore_twisted.web.lobby import Lobby
from semaphore_twisted.web.strangers import Refusals, Strangers
from semaphore_twisted.web.trust import Trust


def known_hosts(config: Config) -> frozenset[str]:
    """Return what this machine may be called where ``web_host`` says nothing."""
    named = [each for each in config.interfaces if socket_path(each) is None]
    found = (*own_names(), *own_addresses(), *(each.strip("[]") for each in named))
    return frozenset(filter(None, found))


@define(eq=False, kw_only=True)
class Entrances:
    """Makes the factories; the limits on connections that wait hold for all together.

    *source* has the certificates, and is ``None`` without TLS; *challenge* knows how an
    authority's challenges in TLS are answered.
    """

    config: Config
    source: Any | None
    clock: Any
    challenge: Challenge = no_challenge
    _lobby: Lobby = field(init=False)
    _names: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Look up what this machine is called."""
        self._lobby = Lobby(self.clock)
        self._names = known_hosts(self.config)

    def to(
        self,
        site: IProtocolFactory,
        *,
        port: int,
        web_host: str = "",
        source: Any | None = None,
    ) -> IProtocolFactory:
        """Return the factory of listeners at *port* that serve *site*.

        Who has to come over HTTPS is sent to *web_host*, if there is one. *source* has
        other certificates than the usual ones.
        """
        entrance: IProtocolFactory = Entrance(
            site,
            source=source or self.source,
            clock=self.clock,
            lobby=self._lobby,
            refusals=self._refusals(port, web_host),
            trust=Trust.of(self.config.trusted_proxies),
            proxy_protocol=self.config.proxy_protocol,
            challenge=self.challenge,
        )
        return entrance

    def plain(self, site: IProtocolFactory) -> IProtocolFactory:
        """Return the factory of listeners that serve *site* over plain HTTP only."""
        entrance: IProtocolFactory = Entrance(
            site,
            source=None,
            clock=self.clock,
            lobby=self._lobby,
            refusals=self._refusals(0, ""),
            trust=Trust.of(self.config.trusted_proxies),
            proxy_protocol=self.config.proxy_protocol,
        )
        return entrance

    def redirects(self, *, port: int, url: str) -> IProtocolFactory:
        """Return the factory of listeners that redirect to *url*, else to *port*."""
        factory: IProtocolFactory = Strangers(self._refusals(port, url), self._lobby)
        return factory

    def _refusals(self, port: int, web_host: str) -> Refusals:
        return Refusals(place=Place(web_host), port=port, names=self._names)
