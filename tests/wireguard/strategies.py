"""Devices and changes, drawn at random."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import (
    Change,
    DevicePeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)

#: The private key of a device that was drawn with a key.
PRIVATE = b"private-key-private-key-private!"


def _plain(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv4Address) or address.ipv4_mapped is None


public_keys = st.binary(min_size=32, max_size=32)
secrets = st.none() | public_keys.filter(any)
networks = st.one_of(
    st.ip_addresses(v=4).map(lambda each: f"{each}/32"),
    st.ip_addresses(v=6).filter(_plain).map(lambda each: f"{each}/128"),
    st.sampled_from(["0.0.0.0/0", "::/0", "10.20.0.0/16", "fd20::/64"]),
)
endpoints = st.none() | st.sampled_from(
    ["192.0.2.1:51820", "[2001:db8::1]:4000", "[fe80::1%eth0]:1"]
)
counters = st.integers(0, 2**63)


def changes() -> st.SearchStrategy[Change]:
    """Draw a change."""
    return st.one_of(
        st.builds(RemovePeer, public_keys),
        st.builds(
            SetPeer,
            public_key=public_keys,
            allowed_ips=st.lists(networks, max_size=3).map(tuple),
            preshared_key=secrets,
            keepalive=st.sampled_from([0, 1, 25]),
            endpoint=endpoints,
        ),
    )


def peers() -> st.SearchStrategy[DevicePeer]:
    """Draw a peer as a device has it."""
    return st.builds(
        DevicePeer,
        public_key=public_keys,
        allowed_ips=st.frozensets(networks, max_size=4),
        preshared_key=secrets,
        endpoint=endpoints,
        keepalive=st.integers(0, 65535),
        handshake=counters,
        received=counters,
        sent=counters,
    )


def devices() -> st.SearchStrategy[DeviceState]:
    """Draw a device; its key is that of :data:`PRIVATE`, or it has none."""
    return st.builds(
        DeviceState,
        public_key=st.sampled_from([None, keys.public_of(PRIVATE)]),
        port=st.integers(0, 65535),
        peers=st.lists(peers(), max_size=4).map(tuple),
    )
