"""Which peers may speak for others: the proxies that the operator named; pure."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from attrs import frozen

_Network = IPv4Network | IPv6Network


@lru_cache(maxsize=1024)  # the same few clients ask again and again
def unmapped(text: str) -> str:
    """Return an IPv4 address that came over an IPv6 socket as what it is."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


@lru_cache(maxsize=1024)
def is_loopback(text: str) -> bool:
    """Whether *text* is an address of this machine's own."""
    try:
        return ip_address(unmapped(text)).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def _within(text: str, networks: tuple[_Network, ...]) -> bool:
    try:
        address = ip_address(unmapped(text))
    except ValueError:
        return False
    return any(address in each for each in networks)


def network(text: str) -> _Network:
    """Return the network in *text*; one of mapped IPv4 addresses as what it is.

    Raises :class:`ValueError`.
    """
    found = ip_network(text.strip(), strict=False)
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is None or found.prefixlen < 96:
        return found
    return IPv4Network((mapped, found.prefixlen - 96))


@frozen
class Trust:
    """The proxies of ``trusted_proxies``: addresses and networks."""

    networks: tuple[_Network, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Trust":
        """Return the trust in *texts*, which may have host bits.

        Raises :class:`ValueError`.
        """
        return cls(tuple(map(network, texts)))

    def names(self, address: str | None) -> bool:
        """Whether *address* was named; a UNIX socket, ``None``, has no name."""
        return bool(self.networks and address) and _within(address or "", self.networks)

    def relays(self, address: str | None, *, tls: bool) -> bool:
        """Whether a peer at *address* may speak for others.

        Plain HTTP from this machine or over a UNIX socket is a proxy's; over TLS,
        and from other machines, only who was named is believed.
        """
        if self.names(address):
            return True
        return not tls and (address is None or is_loopback(address))


#: What holds where the operator named nobody.
NOBODY = Trust()
