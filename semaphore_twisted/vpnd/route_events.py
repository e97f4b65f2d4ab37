"""Filters the kernel's route messages for those that concern the tunnel.

A router may have thousands of route changes a second. Only routes to the pools matter,
besides links, addresses and policy rules.
"""

from semaphore_twisted.runtime.netlink import messages
from semaphore_twisted.wireguard.settings import TunnelSettings

#: Links, addresses, routes and policy rules of both families (``linux/rtnetlink.h``).
GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000

_NEW_ROUTE, _DEL_ROUTE = 24, 25


def matters(content: bytes, settings: TunnelSettings) -> bool:
    """Whether a datagram has a message that concerns the tunnel of *settings*.

    A route is matched by the bytes of a pool; a false match causes only a check.
    """
    pools = [each.network_address.packed for each in settings.pools]
    return any(
        kind not in {_NEW_ROUTE, _DEL_ROUTE} or any(each in message for each in pools)
        for kind, message in messages(content)
    )
