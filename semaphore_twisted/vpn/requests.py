"""Build requests to the companion, and the server's own findings; pure."""

from semaphore_twisted.vpn.state import IDesiredState
from semaphore_twisted.wireguard import wire, wire_answers
from semaphore_twisted.wireguard.vpn_state import VpnState


def sync(
    desired: IDesiredState, *, may_empty: bool, version: int = wire.VERSION
) -> wire.Sync:
    """Return the request that brings the device to *desired*.

    *version* is the companion's protocol version.
    """
    return wire.Sync(
        revision=desired.revision,
        peers=_peers(desired, with_expiry=version >= wire_answers.WITH_EXPIRY),
        grants=_grants(desired),
        may_empty=may_empty,
    )


def plan(desired: IDesiredState) -> wire.Plan:
    """Return the request for the changes that :func:`sync` would make."""
    return wire.Plan(peers=_peers(desired, with_expiry=False), grants=_grants(desired))


def _peers(desired: IDesiredState, *, with_expiry: bool) -> tuple[wire.WirePeer, ...]:
    return tuple(
        wire.WirePeer(
            peer.public_key,
            peer.addresses,
            peer.preshared_key,
            peer.expires if with_expiry else None,
        )
        for peer in desired.peers
    )


def _grants(desired: IDesiredState) -> tuple[wire.WireGrant, ...]:
    return tuple(
        wire.WireGrant(grant.address, grant.network) for grant in desired.grants
    )


def findings(state: VpnState) -> tuple[wire.Finding, ...]:
    """Return the server's own findings about its VPN."""
    found = []
    if state.connected:
        if state.error:
            found.append(wire.Finding("state", "error", state.error))
        elif state.revision == state.wanted and state.last_sync is not None:
            found.append(
                wire.Finding(
                    "state",
                    "ok",
                    f"the device has revision {state.revision}, read back at "
                    f"{state.last_sync:%Y-%m-%d %H:%M:%S} UTC",
                )
            )
        else:
            found.append(
                wire.Finding(
                    "state",
                    "warning",
                    f"the device has revision {state.revision}, {state.wanted} wanted",
                )
            )
    found += [
        wire.Finding("database", "error", f"left out: {damaged}")
        for damaged in state.damaged
    ]
    if state.drift_total:
        last = f", the last one: {state.drift[-1]}" if state.drift else ""
        found.append(
            wire.Finding(
                "drift",
                "warning",
                f"{state.drift_total} changes by others were undone since the "
                f"start{last}",
            )
        )
    return tuple(found)
