"""A control plane that answers like Netmaker, on loopback: its state, its hosts, and its nodes.

Source: models/api_host.go, models/api_node.go and controllers/server.go of gravitl/netmaker.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.lab.stream_server import LabStreamServer
from wgmon_tui.net.addresses import Endpoint

_KEY_LIFE_S = 41 * 86400.0
_STATUS = {"db_connected": True, "broker_connected": True, "is_broker_conn_open": True, "license_error": ""}


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node as this control plane reports it, whatever is true of it. `seen_ago` is in seconds."""

    name: str
    address: IPv4Address
    address6: IPv6Address
    public_key: str
    endpoint: Endpoint
    is_online: bool = True
    seen_ago: float = 0.0


class LabControlPlane(LabStreamServer):
    """The control plane. It answers who has its token."""

    def __init__(self, token: str, nodes: Sequence[LabNode]) -> None:
        super().__init__()
        self._token, self._nodes = token, nodes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client closes the connection."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ")[1]
            is_allowed = f"authorization: bearer {self._token}".lower() in head.lower()
            answer = self._answer(path) if is_allowed or path == "/api/server/status" else None
            body = json.dumps(answer if answer is not None else {"Message": "unauthorized"}).encode()
            status = "200 OK" if answer is not None else "401 Unauthorized"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()

    def _answer(self, path: str) -> object:
        match path:
            case "/api/server/status":
                return _STATUS
            case "/api/hosts":
                return [_host_of(each) for each in self._nodes]
            case "/api/nodes":
                return [_node_of(each) for each in self._nodes]
        return None


def _host_of(node: LabNode) -> dict[str, object]:
    return {
        "id": f"host-{node.name}",
        "name": node.name,
        "version": "v1.1.0",
        "endpointip": node.endpoint.host,
        "listenport": node.endpoint.port,
        "wg_public_listen_port": node.endpoint.port,
        "publickey": node.public_key,
    }


def _node_of(node: LabNode) -> dict[str, object]:
    now = time.time()
    return {
        "id": f"node-{node.name}",
        "hostid": f"host-{node.name}",
        "address": f"{node.address}/24",
        "address6": f"{node.address6}/64",
        "network": "demo",
        "connected": node.is_online,
        "lastcheckin": int(now - node.seen_ago),
        "expdatetime": int(now + _KEY_LIFE_S),
        "egressgatewayranges": [],
        "relayedby": "",
        "status": "online" if node.is_online else "offline",
    }
