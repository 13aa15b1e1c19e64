"""Innernet's API, which answers inside of its own tunnel only.

Source: shared/src/types.rs and server/src/api/user.rs of tonarino/innernet.
"""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.control_planes.api import ApiRequest
from wgmon_tui.control_planes.json_fields import Drift, Fields


class InnernetApi:
    """Peers, and the ends of invitations. The server knows callers by their inner address.

    The "token" is the server's public key: a guard against other HTTP servers, and no secret.
    """

    requests = (ApiRequest("state", ("/v1/user/state",)),)

    def headers(self, token: str) -> Mapping[str, str]:
        """The header that names the server."""
        return {"X-Innernet-Server-Key": token}

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Read the peers that the caller may see. Innernet does not know who is online."""
        drift = Drift()
        peers = list(Fields(answers.get("state"), "", drift).children("peers"))
        invitations = tuple(
            Expires("invitation", peer.text("name"), end)
            for peer in peers
            if peer.flag("is_redeemed") is False and (end := peer.time("invite_expires")) is not None
        )
        return ControlPlaneReport(tuple(map(_read_peer, peers)), expiries=invitations, drift=drift.names)


def _read_peer(peer: Fields) -> Node:
    return Node(
        id=str(peer.number("id")),
        name=peer.text("name"),
        addresses=peer.address("ip"),
        public_key=peer.key("public_key"),
        endpoint=peer.text("endpoint", optional=True),
        trouble=_find_trouble(peer),
    )


def _find_trouble(peer: Fields) -> str:
    if peer.flag("is_disabled"):
        return "it is disabled"
    return "its invitation is not redeemed" if peer.flag("is_redeemed") is False else ""
