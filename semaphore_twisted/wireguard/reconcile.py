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


def plan(
    actual: DeviceState, desired: Sequence[DesiredPeer], *, exclusive: bool = True
) -> tuple[Change, ...]:
    """Return the changes from *actual* to *desired*: removals first, empty if equal.

    Undesired peers are removed if *exclusive*, else left. The order of the peers on
    either side does not matter. A desired peer with the device's own key is skipped,
    because the device would ignore it silently.

    :raises ValueError: if two desired peers have one key or one address.
    """
    wanted = {
        each.public_key: each
        for each in desired
        if each.public_key != actual.public_key
    }
    _check(desired)
    present = {each.public_key: each for each in actual.peers}
    gone = sorted(present.keys() - wanted.keys()) if exclusive else []
    removals: list[Change] = [RemovePeer(key) for key in gone]
    sets = [
        _set(wanted[key])
        for key in sorted(wanted)
        if not _equal(present.get(key), wanted[key])
    ]
    return (*removals, *sets)


def _check(desired: Sequence[DesiredPeer]) -> None:
    """Refuse a desired state that no device can have."""
    if len({each.public_key for each in desired}) != len(desired):
        raise ValueError("two desired peers have one public key")
    addresses = [address for each in desired for address in each.addresses]
    if len(set(addresses)) != len(addresses):
        raise ValueError("two desired peers have one address")


def _prefixes(peer: DesiredPeer) -> tuple[str, ...]:
    return tuple(map(prefix_of, peer.addresses))


def _set(peer: DesiredPeer) -> SetPeer:
    return SetPeer(
        public_key=peer.public_key,
        allowed_ips=_prefixes(peer),
        preshared_key=peer.preshared_key,
    )


def _equal(present: DevicePeer | None, peer: DesiredPeer) -> bool:
    """Whether a peer on the device matches the desired *peer*."""
    return (
        present is not None
        and present.keepalive == 0
        and present.allowed_ips == frozenset(_prefixes(peer))
        and compare_digest(
            present.preshared_key or keys.ZERO, peer.preshared_key or keys.ZERO
        )
    )


def is_unsafe(actual: DeviceState, desired: Sequence[DesiredPeer]) -> bool:
    """Whether more than half of ten or more peers would be removed at once.

    An unreadable database would look like this.
    """
    wanted = {each.public_key for each in desired}
    gone = sum(each.public_key not in wanted for each in actual.peers)
    return len(actual.peers) >= _FEW and gone * 2 > len(actual.peers)


def describe(
    change: Change,
    actual: DeviceState | None = None,
    names: Mapping[bytes, str] | None = None,
) -> str:
    """Return a sentence that describes *change*; it shows public keys only.

    With *actual*, the sentence distinguishes a new peer from a changed one and states
    the differences; *names* maps public keys to names of peers.
    """
    return describe_all((change,), actual, names)[0]


def describe_all(
    changes: Sequence[Change],
    actual: DeviceState | None = None,
    names: Mapping[bytes, str] | None = None,
) -> tuple[str, ...]:
    """Return a sentence for each of *changes*, as :func:`describe` does for one."""
    states = () if actual is None else actual.peers
    present = {each.public_key: each for each in states}
    holders = {
        prefix: each.public_key for each in states for prefix in each.allowed_ips
    }
    return tuple(_sentence(each, present, holders, names) for each in changes)


def _sentence(
    change: Change,
    states: Mapping[bytes, DevicePeer],
    holders: Mapping[str, bytes],
    names: Mapping[bytes, str] | None,
) -> str:
    peer = _shown(change.public_key, names)
    if isinstance(change, RemovePeer):
        return f"Remove peer {peer}"
    present = states.get(change.public_key)
    addresses = ", ".join(change.allowed_ips) or "no address"
    if present is None:
        sentence = f"Add peer {peer} with {addresses}"
    else:
        differences = ", ".join(_differences(present, change))
        sentence = f"Change peer {peer}: {differences or 'write it again'}"
    for prefix in change.allowed_ips:
        holder = holders.get(prefix, change.public_key)
        if holder != change.public_key:
            sentence += f"; take {prefix} back from peer {_shown(holder, names)}"
    return sentence


def _differences(present: DevicePeer, change: SetPeer) -> list[str]:
    """Return the differences that *change* makes to a peer, without secrets."""
    differences = []
    if present.allowed_ips != frozenset(change.allowed_ips):
        before = ", ".join(sorted(present.allowed_ips)) or "none"
        after = ", ".join(change.allowed_ips) or "none"
        differences.append(f"addresses {before} to {after}")
    if not compare_digest(
        present.preshared_key or keys.ZERO, change.preshared_key or keys.ZERO
    ):
        kind = "another" if change.preshared_key else "no"
        differences.append(f"{kind} preshared key")
    if present.keepalive != change.keepalive:
        differences.append(
            f"keepalive {present.keepalive or 'off'} to {change.keepalive or 'off'}"
        )
    return differences


def _shown(key: bytes, names: Mapping[bytes, str] | None) -> str:
    name = (names or {}).get(key)
    return keys.format(key) if name is None else f"{name} ({keys.format(key)})"
