"""Which peers may speak for others: the proxies that the operator named; pure."""

from collections.abc import Iterable
from functools import lru_cache

from attrs import frozen

from semaphore_twisted.model import ip


@lru_cache(maxsize=1024)  # the same few clients ask again and again
def _within(text: str, networks: tuple[ip.Network, ...]) -> bool:
    found = ip.address(text)
    return found is not None and any(found in each for each in networks)


@frozen
class Trust:
    """The proxies of ``trusted_proxies``: addresses and networks."""

    networks: tuple[ip.Network, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Trust":
        """Return the trust in *texts*, which may have host bits.

        Raises :class:`ValueError`.
        """
        return cls(tuple(map(ip.network, texts)))

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
        return not tls and (address is None or ip.is_loopback(address))


#: What holds where the operator named nobody.
NOBODY = Trust()
