"""headscale's API: v1 of the releases 0.23 to 0.29, and Tailscale's v2, which 0.30 brings beside it.

Sources: gen/openapiv2/headscale/v1/headscale.swagger.json of the tags, hscontrol/testdata/apiv1_golden and
hscontrol/api/v2 of 0.30. The version page came with 0.27, and so did the database in v1. Until 0.27, preauth
keys are listed for one user only, so they are not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node, Part
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.control_planes.api import ApiRequest
from wgmon_tui.control_planes.json_fields import Drift, Fields
from wgmon_tui.control_planes.tailscale.api import DEVICES_PATH, KEYS_PATH, read_devices, read_keys

_TAG_FIELDS = ("tags", "forcedTags", "validTags")
"""0.28 replaced the other two by the first."""

_HEALTH = {"pass": True, "fail": False}
"""What /health answers. Any other word is no statement about the database."""

_ROUTE_FIELDS = ("subnetRoutes", "approvedRoutes")


class HeadscaleApi:
    """Nodes, the ends of API and preauth keys, and the database."""

    requests = (
        ApiRequest("health", ("/health",), needs_token=False),
        ApiRequest("version", ("/version",), needs_token=False, optional=True),
        ApiRequest("nodes", ("/api/v1/node", DEVICES_PATH)),
        ApiRequest("database", ("/api/v1/health",), optional=True),
        ApiRequest("api keys", ("/api/v1/apikey",), optional=True),
        ApiRequest("preauth keys", ("/api/v1/preauthkey", KEYS_PATH), optional=True),
    )

    def headers(self, token: str) -> Mapping[str, str]:
        """A bearer token: an API key."""
        return {"Authorization": f"Bearer {token}"}

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Read whatever of the answers this release gives."""
        drift = Drift()
        expiries = [*_read_keys(answers, "api keys", "apiKeys", "API key", "prefix")]
        expiries += _read_preauth_keys(answers)
        version = Fields(answers.get("version", {}), "", Drift()).text("version", optional=True)
        return ControlPlaneReport(
            _read_nodes(answers.get("nodes"), drift),
            _read_parts(answers, drift),
            tuple(expiries),
            version,
            drift.names,
        )


def _read_nodes(answer: object, drift: Drift) -> tuple[Node, ...]:
    if isinstance(answer, dict) and "devices" in answer:
        return tuple(map(_as_headscale_means_it, read_devices(answer, drift)))
    return tuple(_read_node(each) for each in Fields(answer, "", drift).children("nodes"))


def _as_headscale_means_it(node: Node) -> Node:
    """headscale's v2 has no field for the state: it tells when a node was last seen only if it is offline."""
    return replace(node, online=False) if node.online is None and node.last_seen is not None else node


def _read_node(node: Fields) -> Node:
    return Node(
        id=node.text("id"),
        name=node.text("givenName", optional=True) or node.text("name"),
        addresses=node.addresses("ipAddresses"),
        online=node.flag("online"),
        last_seen=node.time("lastSeen"),
        key_expiry=node.time("expiry"),
        tags=_first_texts(node, _TAG_FIELDS),
        routes=_first_texts(node, _ROUTE_FIELDS),
    )


def _first_texts(node: Fields, names: tuple[str, ...]) -> tuple[str, ...]:
    """All texts of those of these fields that the release has, each once."""
    return tuple(dict.fromkeys(text for name in names for text in node.texts(name, optional=True)))


def _read_parts(answers: Mapping[str, object], drift: Drift) -> tuple[Part, ...]:
    parts = []
    if "health" in answers:
        health = Fields(answers["health"], "", drift)
        status = health.text("status")
        if status in _HEALTH:
            parts.append(Part("health check", _HEALTH[status]))
        elif status:
            drift.note("status")
    if "database" in answers:
        works = Fields(answers["database"], "", drift).flag("databaseConnectivity")
        if works is not None:
            parts.append(Part("database", works))
    return tuple(parts)


def _read_preauth_keys(answers: Mapping[str, object]) -> Sequence[Expires]:
    answer = answers.get("preauth keys")
    if isinstance(answer, dict) and "keys" in answer:
        return read_keys(answer)
    return _read_keys(answers, "preauth keys", "preAuthKeys", "preauth key", "id")


def _read_keys(
    answers: Mapping[str, object], request: str, items: str, kind: str, name: str
) -> tuple[Expires, ...]:
    """The ends of keys that still count. An answer is optional, so nothing here counts as drift."""
    found = []
    for key in Fields(answers.get(request, {}), "", Drift()).children(items, optional=True):
        end = key.time("expiration")
        is_spent = key.flag("used", optional=True) and not key.flag("reusable", optional=True)
        if end is not None and not is_spent:
            found.append(Expires(kind, key.text(name, optional=True), end))
    return tuple(found)
