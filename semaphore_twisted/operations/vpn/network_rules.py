"""Validation of the VPN's settings; errors name the field."""

import ipaddress
from collections.abc import Iterable

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.operations.vpn.peer_rules import in_field
from semaphore_twisted.wireguard import addresses, endpoints, key_pairs, pool_addresses
from semaphore_twisted.wireguard.settings import INTERFACE

#: Minimum and maximum prefix lengths of a pool, the same as in the companion.
_LENGTHS = {4: (8, 30), 6: (48, 120)}

#: The largest integer that every JSON reader represents exactly.
_EXACT = 2**53 - 1

#: Minimum and maximum MTU of the tunnel.
MTU = (1280, 9000)


class Pool(msgspec.Struct, frozen=True):
    """The pool of one address family, and the server's address; empty for none."""

    network: str
    server: str


class NewNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that ``vpn init`` requests.

    *pool6* is empty without IPv6 inside the VPN; the default server address is the
    first of its pool. *public_key* is the server's public key as text.
    """

    interface: str
    endpoint: str
    pool4: str
    pool6: str = ""
    server4: str = ""
    server6: str = ""
    public_key: str
    mtu: int = 1420


def columns_of(new: NewNetwork) -> dict[str, object]:
    """Return the columns for *new*."""
    if not INTERFACE.fullmatch(new.interface) or new.interface in {".", ".."}:
        raise Invalid(
            invalid(
                "interface",
                new.interface,
                "a name of up to 15 letters, digits and _=+.-",
            )
        )
    pool4 = _pool("pool4", new.pool4, 4)
    pool6 = _pool("pool6", new.pool6, 6) if new.pool6 else ""
    if new.server6 and not pool6:
        raise Invalid("server6: there is no pool6 that it could be in")
    return {
        "interface": new.interface,
        "endpoint": in_field("endpoint", endpoints.parse_endpoint, new.endpoint),
        "pool4": pool4,
        "pool6": pool6,
        "server4": _server("server4", new.server4, pool4),
        "server6": _server("server6", new.server6, pool6) if pool6 else "",
        "public_key": key_of(new.public_key),
        "mtu": mtu_of(new.mtu),
    }


def key_of(text: str) -> bytes:
    """Return the public key in *text*.

    :raises Invalid: naming the field, if it is not a key.
    """
    try:
        return key_pairs.parse_key(text)
    except Invalid as error:
        raise Invalid(f"public_key: {error.message}") from None


def _pool(name: str, text: str, version: int) -> str:
    pool = in_field(name, addresses.parse_network, text)
    network = ipaddress.ip_network(pool)
    widest, narrowest = _LENGTHS[version]
    if network.version != version or not widest <= network.prefixlen <= narrowest:
        raise Invalid(
            invalid(
                name, pool, f"a network of IPv{version} from /{widest} to /{narrowest}"
            )
        )
    return pool


def _server(name: str, text: str, pool: str) -> str:
    if not text:
        return pool_addresses.server_address(pool)
    address = in_field(name, addresses.parse_address, text)
    network = ipaddress.ip_network(pool)
    parsed = ipaddress.ip_address(address)
    ends = {network.network_address, network.broadcast_address}
    if parsed not in network or parsed in ends:
        raise Invalid(f"{name}: {address} is not an address of a host in {pool}")
    return address


def mtu_of(mtu: int) -> int:
    """Return *mtu* if it is in the accepted range.

    :raises Invalid: if not.
    """
    least, most = MTU
    if not least <= mtu <= most:
        raise Invalid(invalid("mtu", mtu, f"{least} to {most}"))
    return mtu


def check_apart(network: str, pools: Iterable[str], name: str) -> None:
    """Accept a site *network* that does not overlap the *pools*.

    :raises Invalid: naming the field *name*.
    """
    parsed = ipaddress.ip_network(network)
    for pool in filter(None, pools):
        other = ipaddress.ip_network(pool)
        if parsed.version == other.version and parsed.overlaps(other):
            raise Invalid(
                f"{name}: the network {network} behind the server overlaps the pool "
                f"{pool}"
            )


def keeps_files(before: Pool, after: Pool) -> bool:
    """Return whether clients' files remain valid when the pool changes.

    A file contains the client's address and the server's, so a pool may be extended if
    both stay the same, and one may be added if there was none.
    """
    if not before.network:
        return True
    if not after.network or before.server != after.server:
        return False
    old, new = map(ipaddress.ip_network, (before.network, after.network))
    # networks of different families have no subnet relation
    return old.version == new.version and old.subnet_of(new)  # type: ignore[arg-type]


def size_of(pool: str) -> int:
    """Return the maximum number of peers in *pool*: all but three addresses.

    The result is limited to the largest integer that JSON represents exactly.
    """
    return min(ipaddress.ip_network(pool).num_addresses - 3, _EXACT)
