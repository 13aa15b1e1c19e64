"""Netmaker's API: hosts have the WireGuard key and endpoint, nodes the state.

Source: models/api_host.go, models/api_node.go and controllers/server.go of gravitl/netmaker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node, Part
from wgmon_tui.control_planes.api import ApiRequest
from wgmon_tui.control_planes.json_fields import Drift, Fields, objects_of
from wgmon_tui.net.addresses import Endpoint

_TROUBLES = {"warning": "Netmaker warns about it", "error": "Netmaker reports an error of it"}


class NetmakerApi:
    """Nodes joined with their hosts, and the parts of the server."""

    requests = (
        ApiRequest("status", ("/api/server/status",), needs_token=False),
        ApiRequest("hosts", ("/api/hosts",)),
        ApiRequest("nodes", ("/api/nodes",)),
    )

    def headers(self, token: str) -> Mapping[str, str]:
        """A bearer token: the master key, or that of a user."""
        return {"Authorization": f"Bearer {token}"}

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Join nodes with their hosts by the host's id."""
        drift = Drift()
        hosts = {host.text("id"): host for host in objects_of(answers.get("hosts"), drift)}
        raw = objects_of(answers.get("nodes"), drift)
        nodes = tuple(_read_node(each, hosts.get(each.text("hostid"))) for each in raw)
        status = Fields(answers.get("status"), "", drift)
        return ControlPlaneReport(nodes, tuple(_read_parts(status)), drift=drift.names)


def _read_node(node: Fields, host: Fields | None) -> Node:
    status = node.text("status", optional=True)
    found = Node(
        id=node.text("id"),
        name=node.text("id"),
        addresses=(*node.address("address"), *node.address("address6")),
        online=(status != "offline") if status else node.flag("connected", optional=True),
        last_seen=node.unix_time("lastcheckin"),
        key_expiry=node.unix_time("expdatetime"),
        routes=node.texts("egressgatewayranges", optional=True),
        relay=node.text("relayedby", optional=True),
        trouble=_TROUBLES.get(status, ""),
    )
    if host is None:
        return found
    return replace(
        found,
        name=host.text("name"),
        version=host.text("version", optional=True),
        public_key=host.key("publickey"),
        endpoint=_find_endpoint(host),
    )


def _find_endpoint(host: Fields) -> str:
    """The address of the host, and the port that others reach. Behind NAT, it listens on another one."""
    port = host.number("wg_public_listen_port", optional=True) or host.number("listenport", optional=True)
    address = host.address("endpointip")
    if not address or not port or not 0 < port < 2**16:
        return ""
    return str(Endpoint(str(address[0]), port))


def _read_parts(status: Fields) -> Iterator[Part]:
    for name, field in (("database", "db_connected"), ("broker", "broker_connected")):
        works = status.flag(field)
        if works is not None:
            yield Part(name, works)
    if error := status.text("license_error", optional=True):
        yield Part("license", False, error)
