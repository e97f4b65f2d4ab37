"""Which names a request may call the site by.

A page of another site can have its own name resolved to this machine and would then be
of "the same origin" (DNS rebinding), so a name has to be known. Who names an address
cannot be rebound: that is always welcome, and whoever is locked out by name gets in
that way. A bare word is what machines on one network call each other, a container's
proxy for instance; that counts from who is trusted as a proxy. Where the operator has
not said what the site is called (``web_host``), the name that a trusted proxy passes on
counts too: proxies worked so before this server was put behind them.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import ClassVar

from attrs import define, field
from twisted.logger import Logger

from semaphore_twisted.web.forwarded import Visit

#: Unknown names that the log is told of, so that nobody can fill it.
_TOLD = 50

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]{1,254}))(?::[0-9]{0,5})?", re.I)


def name_of(host: str) -> str | None:
    """Return the name in a ``Host`` header, without port; ``None`` if it has none."""
    found = _HOST.fullmatch(host)
    if found is None:
        return None
    return (found[1] or found[2]).lower().removesuffix(".")


def no_names() -> tuple[str, ...]:
    """Know no certificate."""
    return ()


def _matches(name: str, known: Iterable[str]) -> bool:
    """Whether *name* is one of *known*, or one label below a ``*.`` of them."""
    parent = "*." + name.partition(".")[2]
    return any(each in {name, parent} for each in known)


def is_address(name: str) -> bool:
    """Whether *name* is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@define(eq=False)
class Hosts:
    """The site's names; *certified* returns those of the certificate of the moment."""

    _log: ClassVar[Logger] = Logger()

    _known: frozenset[str]
    _certified: Callable[[], Iterable[str]] = no_names
    #: whether names count that trusted proxies pass on
    _relayed: bool = False
    _told: set[str] = field(factory=set, init=False)

    @classmethod
    def of(
        cls,
        names: Iterable[str],
        certified: Callable[[], Iterable[str]],
        *,
        relayed: bool = False,
    ) -> "Hosts":
        """Return the hosts that *names* are; none of them, or ``*``, means any.

        With *relayed* those that trusted proxies pass on are welcome too.
        """
        known = frozenset(each.strip("[]").lower().removesuffix(".") for each in names)
        return cls(known, certified, relayed)

    def welcome(self, way: Visit) -> bool:
        """Whether a request that came by *way* may call the site as it does."""
        if not self._known or "*" in self._known or not way.host:
            return True  # without a name (HTTP/1.0) no browser is behind it
        name = name_of(way.host)
        if name is None:
            return False
        if name in self._known or is_address(name) or _matches(name, self._known):
            return True
        if way.trusted and ("." not in name or (self._relayed and way.relayed)):
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
            "A request called this site {name} and was refused, since that is none of "
            "its names; if it is, say so in web_host or allowed_hosts",
            name=name,
        )
