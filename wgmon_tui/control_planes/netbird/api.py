"""NetBird's management API. Source: shared/management/http/api/openapi.yml of netbirdio/netbird."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.checks.expiry import Expires, name_with_id
from wgmon_tui.control_planes.api import ApiRequest
from wgmon_tui.control_planes.json_fields import Drift, Fields, objects_of


class NetbirdApi:
    """Peers, and the ends of setup keys. Peers have no WireGuard key in this API."""

    requests = (
        ApiRequest("peers", ("/api/peers",)),
        ApiRequest("setup keys", ("/api/setup-keys",), optional=True),
    )

    def headers(self, token: str) -> Mapping[str, str]:
        """A personal access token, which is no bearer token here."""
        return {"Authorization": f"Token {token}"}

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Read peers and setup keys."""
        drift = Drift()
        nodes = tuple(_read_peer(each) for each in objects_of(answers.get("peers"), drift))
        keys = objects_of(answers.get("setup keys", []), Drift())
        return ControlPlaneReport(
            nodes, expiries=tuple(filter(None, map(_read_setup_key, keys))), drift=drift.names
        )


def _read_peer(peer: Fields) -> Node:
    groups = [each.text("name") for each in peer.children("groups", optional=True)]
    return Node(
        id=peer.text("id"),
        name=peer.text("name"),
        addresses=peer.address("ip"),
        online=peer.flag("connected"),
        last_seen=peer.time("last_seen"),
        version=peer.text("version", optional=True),
        tags=tuple(groups),
        trouble=_find_trouble(peer),
    )


def _find_trouble(peer: Fields) -> str:
    if peer.flag("login_expired", optional=True):
        return "its login has expired"
    if peer.flag("approval_required", optional=True):
        return "it waits for approval"
    return ""


def _read_setup_key(key: Fields) -> Expires | None:
    end = key.time("expires")
    if end is None or not key.flag("valid", optional=True) or key.flag("revoked", optional=True):
        return None
    name = name_with_id(key.text("name", optional=True), key.text("id", optional=True))
    return Expires("setup key", name, end)
