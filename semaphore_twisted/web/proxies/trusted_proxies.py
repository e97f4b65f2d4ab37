"""The trusted proxies, whose forwarding headers count; pure."""

from collections.abc import Iterable
from functools import lru_cache

from attrs import frozen

from semaphore_twisted.model import ip


@lru_cache(maxsize=1024)  # the same few clients are checked again and again
def _within(text: str, networks: tuple[ip.Network, ...]) -> bool:
    parsed = ip.address(text)
    return parsed is not None and any(parsed in each for each in networks)


@frozen
class TrustedProxies:
    """The proxies of ``trusted_proxies``: addresses and networks."""

    networks: tuple[ip.Network, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "TrustedProxies":
        """Return the trust in the networks *texts*, which may have host bits.

        :raises ValueError: if one of *texts* is not a network
        """
        return cls(tuple(map(ip.network, texts)))

    def names(self, address: str | None) -> bool:
        """Return whether *address* is a configured proxy.

        A UNIX socket, ``None``, is not.
        """
        return bool(self.networks and address) and _within(address or "", self.networks)

    def relays(self, address: str | None, *, tls: bool) -> bool:
        """Return whether the forwarding headers of a peer at *address* count.

        A peer on this machine or a UNIX socket counts as a proxy if it speaks plain
        HTTP. Over TLS, and from other machines, only a configured proxy counts.
        """
        if self.names(address):
            return True
        return not tls and (address is None or ip.is_loopback(address))


#: No configured proxies.
NO_PROXIES = TrustedProxies()
