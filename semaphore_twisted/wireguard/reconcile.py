"""Compute the changes that bring a device to its desired state.

WireGuard reports no error where one would be expected. A prefix given to one peer is
silently removed from the peer that had it; a peer with the device's own key is silently
ignored. So each peer that differs is written completely, which takes its prefixes back
from other peers, and a peer that matches is not written. A peer is never removed and
added again: its client would need 16 seconds to notice.
"""

from collections.abc import Mapping, Sequence
from hmac import compare_digest

from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.addresses import prefix_of
from semaphore_twisted.wireguard.state import (
    Change,
    DesiredPeer,
    DevicePeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)

#: A device with fewer peers is exempt from the check for a mass removal.
_FEW = 10


def plan(actual: DeviceState, desired: Sequence[DesiredPeer]) -> tuple[Change, ...]:
    """Return the changes from *actual* to *desired*: removals first, empty if equal.

    No two desired peers have one key or one address. A desired peer with the device's
    own key is skipped, because the device would ignore it silently.
    """
    wanted = {x.public_key: x for x in desired if x.public_key != actual.public_key}
    present = {each.public_key: each for each in actual.peers}
    removals: list[Change] = [
        RemovePeer(key) for key in sorted(present.keys() - wanted.keys())
    ]
    sets = [
        SetPeer(
            public_key=key,
            allowed_ips=_prefixes(wanted[key]),
            preshared_key=wanted[key].preshared_key,
        )
        for key in sorted(wanted)
        if not _equal(present.get(key), wanted[key])
    ]
    return (*removals, *sets)


def _prefixes(peer: DesiredPeer) -> tuple[str, ...]:
    return tuple(map(prefix_of, peer.addresses))


def _equal(present: DevicePeer | None, peer: DesiredPeer) -> bool:
    """Whether a peer on the device matches the desired *peer*."""
    return (
        present is not None
        and present.keepalive == 0
        and present.allowed_ips == frozenset(_prefixes(peer))
        and _is_same(present.preshared_key, peer.preshared_key)
    )


def _is_same(one: bytes | None, other: bytes | None) -> bool:
    """Whether two preshared keys are equal."""
    return compare_digest(one or keys.ZERO, other or keys.ZERO)


def is_unsafe(actual: DeviceState, desired: Sequence[DesiredPeer]) -> bool:
    """Whether more than half of ten or more peers would be removed at once.

    An unreadable database would look like this.
    """
    wanted = {each.public_key for each in desired}
    gone = sum(each.public_key not in wanted for each in actual.peers)
    return len(actual.peers) >= _FEW and gone * 2 > len(actual.peers)


def describe(changes: Sequence[Change], actual: DeviceState) -> tuple[str, ...]:
    """Return a sentence for each of *changes*, with public keys only."""
    present = {each.public_key: each for each in actual.peers}
    holders = {
        prefix: each.public_key for each in actual.peers for prefix in each.allowed_ips
    }
    return tuple(_sentence(each, present, holders) for each in changes)


def _sentence(
    change: Change, states: Mapping[bytes, DevicePeer], holders: Mapping[str, bytes]
) -> str:
    peer = keys.format(change.public_key)
    if isinstance(change, RemovePeer):
        return f"Remove peer {peer}"
    present = states.get(change.public_key)
    if present is None:
        addresses = ", ".join(change.allowed_ips) or "no address"
        sentence = f"Add peer {peer} with {addresses}"
    else:
        differences = ", ".join(_differences(present, change))
        sentence = f"Change peer {peer}: {differences or 'write it again'}"
    for prefix in change.allowed_ips:
        holder = holders.get(prefix, change.public_key)
        if holder != change.public_key:
            sentence += f"; take {prefix} back from peer {keys.format(holder)}"
    return sentence


def _differences(present: DevicePeer, change: SetPeer) -> list[str]:
    """Return the differences that *change* makes to a peer, without secrets."""
    differences = []
    if present.allowed_ips != frozenset(change.allowed_ips):
        before = ", ".join(sorted(present.allowed_ips)) or "none"
        differences.append(
            f"addresses {before} to {', '.join(change.allowed_ips) or 'none'}"
        )
    if not _is_same(present.preshared_key, change.preshared_key):
        differences.append(
            f"{'another' if change.preshared_key else 'no'} preshared key"
        )
    if present.keepalive != change.keepalive:
        differences.append(
            f"keepalive {present.keepalive or 'off'} to {change.keepalive or 'off'}"
        )
    return differences
