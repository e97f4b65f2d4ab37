"""Checks the ``Host`` of requests against the names of the site.

The page of another site can have its own name resolve to this machine and would then be
of the same origin (DNS rebinding), so names must be known. An IP address cannot be
rebound: it is always accepted, also for operators whose names are not. A name without a
dot, as machines of one network use, is accepted from trusted proxies. Without
``web_host``, names that a trusted proxy forwards are accepted too, so that proxies work
without further configuration.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import ClassVar

from attrs import define, field
from twisted.logger import Logger

from semaphore_twisted.web.proxies.client_address import ClientInfo

#: Maximum number of unknown names that are logged, so that clients cannot flood the
#: log.
_TOLD = 50

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]{1,254}))(?::[0-9]{0,5})?", re.I)


def name_of(host: str) -> str | None:
    """Return the name in a ``Host`` header, without port; ``None`` if it has none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    return (match[1] or match[2]).lower().removesuffix(".")


def no_names() -> tuple[str, ...]:
    """Return no names: there is no certificate."""
    return ()


def _matches(name: str, known: Iterable[str]) -> bool:
    """Return whether *name* is one of *known*, or matches a ``*.`` wildcard of them."""
    parent = "*." + name.partition(".")[2]
    return any(each in {name, parent} for each in known)


def is_address(name: str) -> bool:
    """Return whether *name* is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@define(eq=False)
class HostPolicy:
    """The accepted names; *certified* returns those in the current certificate."""

    _log: ClassVar[Logger] = Logger()

    _known: frozenset[str]
    _certified: Callable[[], Iterable[str]] = no_names
    #: whether names from trusted proxies are accepted
    _relayed: bool = False
    _told: set[str] = field(factory=set, init=False)

    @classmethod
    def of(
        cls,
        names: Iterable[str],
        certified: Callable[[], Iterable[str]],
        *,
        relayed: bool = False,
    ) -> "HostPolicy":
        """Return the hosts for *names*.

        An empty list, or ``*`` in it, accepts any name.

        With *relayed*, names that trusted proxies forward are accepted too.
        """
        known = frozenset(each.strip("[]").lower().removesuffix(".") for each in names)
        return cls(known, certified, relayed)

    def accepts(self, client: ClientInfo) -> bool:
        """Return whether a request may use its host name for the site."""
        if not self._known or "*" in self._known or not client.host:
            return True  # without a name (HTTP/1.0) no browser is behind it
        name = name_of(client.host)
        if name is None:
            return False
        if name in self._known or is_address(name) or _matches(name, self._known):
            return True
        if client.trusted and ("." not in name or (self._relayed and client.relayed)):
            return True
        if _matches(name, (each.lower() for each in self._certified())):
            return True
        self._tell(name)
        return False

    def _tell(self, name: str) -> None:
        if name in self._told or len(self._told) >= _TOLD:
            return
        self._told.add(name)
        self._log.warn(
            "A request for the host {name} was refused: that is not a name of this "
            "site; if it should be, add it to web_host or allowed_hosts",
            name=name,
        )
