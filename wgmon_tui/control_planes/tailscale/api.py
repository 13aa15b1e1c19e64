"""Tailscale's API v2, which headscale offers too from 0.30 on.

Source: the OpenAPI description of api.tailscale.com, and tailscale-client-go-v2's records.
"""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.checks.expiry import Expires, name_with_id
from wgmon_tui.control_planes.api import ApiRequest
from wgmon_tui.control_planes.json_fields import Drift, Fields

DEVICES_PATH = "/api/v2/tailnet/-/devices?fields=all"
KEYS_PATH = "/api/v2/tailnet/-/keys?all=true"


class TailscaleApi:
    """Devices and keys of the tailnet that the token belongs to."""

    requests = (
        ApiRequest("devices", (DEVICES_PATH,)),
        ApiRequest("keys", (KEYS_PATH,), optional=True),
    )

    def headers(self, token: str) -> Mapping[str, str]:
        """A bearer token: an API access token, or one of an OAuth client."""
        return {"Authorization": f"Bearer {token}"}

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Read devices, and the ends of keys where the token may list them."""
        drift = Drift()
        nodes = read_devices(answers.get("devices"), drift)
        expiries = read_keys(answers["keys"]) if "keys" in answers else ()
        return ControlPlaneReport(nodes, expiries=expiries, drift=drift.names)


def read_devices(answer: object, drift: Drift) -> tuple[Node, ...]:
    """Read the answer to DEVICES_PATH."""
    return tuple(_read_device(each) for each in Fields(answer, "", drift).children("devices"))


def _read_device(device: Fields) -> Node:
    # headscale has neither nodeId nor key expiry settings; older answers have no connectedToControl.
    never_expires = device.flag("keyExpiryDisabled", optional=True)
    expiry = device.time("expires")
    return Node(
        id=device.text("nodeId", optional=True) or device.text("id"),
        name=device.text("name"),
        addresses=device.addresses("addresses"),
        online=device.flag("connectedToControl", optional=True),
        last_seen=device.time("lastSeen"),
        key_expiry=None if never_expires else expiry,
        version=device.text("clientVersion", optional=True),
        tags=device.texts("tags", optional=True),
        routes=device.texts("enabledRoutes", optional=True),
        relay=device.child("clientConnectivity", optional=True).text("derp", optional=True),
        trouble=_find_trouble(device),
    )


def _find_trouble(device: Fields) -> str:
    if device.flag("authorized", optional=True) is False:
        return "it is not authorized"
    if error := device.text("tailnetLockError", optional=True):
        return f"tailnet lock: {error}"
    return ""


def read_keys(answer: object) -> tuple[Expires, ...]:
    """The ends of the keys in the answer to KEYS_PATH.

    Releases differ in what they list of a key, so nothing here counts as drift.
    """
    found = []
    for key in Fields(answer, "", Drift()).children("keys", optional=True):
        end = key.time("expires")
        if end is not None and not key.time("revoked"):
            name = name_with_id(key.text("description", optional=True), key.text("id", optional=True))
            found.append(Expires(_KINDS.get(key.text("keyType", optional=True), "key"), name, end))
    return tuple(found)


_KINDS = {"auth": "auth key", "api": "API key", "client": "OAuth client"}
