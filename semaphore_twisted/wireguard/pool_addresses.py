"""Pools of addresses: new ones, and the free addresses in them."""

import ipaddress
from collections.abc import Callable, Collection, Iterable
from functools import partial
from itertools import count, filterfalse
from socket import AF_INET, AF_INET6, AddressFamily, inet_pton

from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.wireguard.addresses import WrongAddress, parse_network


def _numbers(texts: Iterable[str], family: AddressFamily) -> Iterable[int]:
    """Return the addresses of one family as numbers; prefix lengths are ignored."""
    pack = partial(inet_pton, family)
    try:
        return map(int.from_bytes, set(map(pack, texts)))
    except (OSError, ValueError):  # some have prefix lengths or the other family
        bare = (each.partition("/")[0] for each in texts)
        wanted = [each for each in bare if (":" in each) == (family == AF_INET6)]
        try:
            return map(int.from_bytes, set(map(pack, wanted)))
        except (OSError, ValueError):
            raise WrongAddress("One of the addresses in use is invalid") from None


def next_free(
    pool: str, taken: Collection[str], reserved: Collection[str] = ()
) -> str | None:
    """Return the lowest free address of the network *pool*, ``None`` if none is free.

    The first and the last address of the pool are never returned, and neither are the
    addresses in *taken* and *reserved*, independent of their spelling and prefix
    length. The search takes at most as many steps as addresses are taken.
    """
    network = ipaddress.ip_network(parse_network(pool))
    family = AF_INET6 if network.version == 6 else AF_INET
    gone = {*_numbers(taken, family), *_numbers(reserved, family)}
    first = int(network.network_address)
    found = next(filterfalse(gone.__contains__, count(first + 1)))
    if found >= first + network.num_addresses - 1:
        return None
    return str(network.network_address + (found - first))


def pool6(entropy: Callable[[int], bytes]) -> str:
    """Return a random ``/64`` of the unique local IPv6 addresses (RFC 4193)."""
    prefix = b"\xfd" + entropy(7) + bytes(8)
    return f"{ipaddress.IPv6Address(prefix)}/64"


def server_address(pool: str) -> str:
    """Return the server's own address in *pool*: the first usable one.

    :raises WrongAddress: if *pool* has no room for a peer besides the server.
    """
    first = next_free(pool, ())
    if first is None or next_free(pool, (), (first,)) is None:
        raise WrongAddress(f"{quoted(pool)} has no room for a server and a peer")
    return first
