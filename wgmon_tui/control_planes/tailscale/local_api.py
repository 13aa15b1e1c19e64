"""The local API of tailscaled, on a Unix socket of this machine. `tailscale status --json` prints the same.

Source: ipn/ipnstate/ipnstate.go and ipn/localapi of tailscale/tailscale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node, Part
from wgmon_tui.control_planes.api import DERP_MAP, ApiRequest
from wgmon_tui.control_planes.json_fields import Drift, Fields

STATUS_PATH = "/localapi/v0/status"

_RUNNING = "Running"
_MOST_WARNINGS = 20


class TailscaledApi:
    """What tailscaled on this machine knows: its own state, the peers in its network map, its warnings."""

    requests = (
        ApiRequest("status", (STATUS_PATH,)),
        ApiRequest(DERP_MAP, ("/localapi/v0/derpmap",), optional=True),
    )

    def headers(self, token: str) -> Mapping[str, str]:
        """No headers: tailscaled identifies the account by the socket."""
        return {}

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Read the peers, and the state of tailscaled as its parts."""
        drift = Drift()
        status = Fields(answers.get("status", {}), "", drift)
        return ControlPlaneReport(
            tuple(_read_peer(each) for each in status.values("Peer")),
            tuple(_read_parts(status)) if "status" in answers else (),
            version=status.text("Version", optional=True),
            drift=drift.names,
            warnings=status.texts("Health", optional=True)[:_MOST_WARNINGS],
        )


def _read_parts(status: Fields) -> Iterator[Part]:
    """Whether tailscaled is connected, and whether it is in the network map of its control plane.

    It keeps saying that it runs where the control plane no longer knows it.
    """
    state = status.text("BackendState")
    if state:
        yield Part("connection to the mesh", state == _RUNNING, "" if state == _RUNNING else state)
    in_map = status.child("Self", optional=True).flag("InNetworkMap", optional=True)
    if in_map is not None and state == _RUNNING:
        yield Part("entry in the network map", in_map)


def _read_peer(peer: Fields) -> Node:
    expired = peer.flag("Expired", optional=True)
    return Node(
        id=peer.text("ID", optional=True) or peer.text("PublicKey"),
        name=peer.text("DNSName", optional=True).rstrip(".") or peer.text("HostName"),
        addresses=peer.addresses("TailscaleIPs"),
        online=peer.flag("Online"),
        last_seen=peer.time("LastSeen"),
        last_handshake=peer.time("LastHandshake"),
        key_expiry=peer.time("KeyExpiry"),
        tags=peer.texts("Tags", optional=True),
        routes=peer.texts("PrimaryRoutes", optional=True),
        endpoint=peer.text("CurAddr", optional=True),
        relay=peer.text("Relay", optional=True),
        trouble="its key has expired" if expired else "",
    )
