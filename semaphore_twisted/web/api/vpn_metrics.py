"""Metrics of the VPN for Prometheus, without names, keys and addresses."""

from semaphore_twisted.model.peers import PeerLifecycle
from semaphore_twisted.operations import metrics as operations
from semaphore_twisted.operations.metrics import PeerFigures
from semaphore_twisted.web.http.context import RequestContext
from semaphore_twisted.web.http.prometheus import Metric
from semaphore_twisted.wireguard.vpn_state import VpnState


async def figures(context: RequestContext) -> list[Metric]:
    """Return the metrics; none without a VPN."""
    service = context.services.peers
    if service is None:
        return []
    peer_figures = await context.read_unchecked(operations.peer_figures)
    failed = context.services.redeem_limit.failed
    return [
        *_peers(peer_figures),
        *_device(service.state(), peer_figures.revision),
        _one("failed_redeems_total", "Invites that could not be used.", failed),
    ]


def _one(name: str, help_: str, value: float, kind: str = "counter") -> Metric:
    return Metric(f"semaphore_vpn_{name}", kind, help_, [({}, value)])


def _peers(peer_figures: PeerFigures) -> list[Metric]:
    return [
        Metric(
            "semaphore_vpn_peers",
            "gauge",
            "Peers by state.",
            [
                ({"state": each}, peer_figures.by_state.get(each, 0))
                for each in PeerLifecycle
            ],
        ),
        Metric(
            "semaphore_vpn_peers_seen",
            "gauge",
            "Active peers whose last handshake is so many seconds old at most.",
            [
                ({"seconds": f"{age}"}, count)
                for age, count in peer_figures.seen.items()
            ],
        ),
        _one(
            "received_bytes_total", "Bytes received from peers.", peer_figures.received
        ),
        _one("sent_bytes_total", "Bytes sent to peers.", peer_figures.sent),
    ]


def _device(state: VpnState, wanted: int) -> list[Metric]:
    def gauge(name: str, help_: str, value: float) -> Metric:
        return _one(name, help_, value, kind="gauge")

    return [
        gauge("companion_up", "Whether the companion is there.", state.connected),
        gauge("device_up", "Whether it has a device.", state.available),
        gauge("wanted_revision", "The desired state of the database.", wanted),
        gauge("device_revision", "The desired state on the device.", state.revision),
        gauge("sync_seconds", "How long the last sync took.", state.sync_seconds),
        gauge("device_peers", "Peers on the device.", state.peers),
        _one("syncs_total", "Syncs that the device confirmed.", state.syncs_total),
        _one("failed_syncs_total", "Syncs that failed.", state.failed_syncs_total),
        _one("changes_total", "Writes to the device.", state.changes_total),
        _one("drift_total", "Foreign changes that were undone.", state.drift_total),
    ]
