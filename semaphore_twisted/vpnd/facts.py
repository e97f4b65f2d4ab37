"""What the companion tells the program that judges it."""

import msgspec

from semaphore_twisted.wireguard.settings import TunnelSettings
from semaphore_twisted.wireguard.wire import Welcome


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The companion's state; *forwarded*, *granted* and *closed* are families (4, 6).

    *is_intact* is whether the nft table is the one that was loaded, *chains* the JSON
    of ``nft list chains``, *problem* why these two are unknown.
    """

    settings: TunnelSettings
    welcome: Welcome
    drift: tuple[str, ...]
    forwarded: tuple[int, ...]
    granted: tuple[int, ...]
    closed: tuple[int, ...]
    is_intact: bool
    chains: bytes
    problem: str
