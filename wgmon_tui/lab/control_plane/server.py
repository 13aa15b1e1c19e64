"""A control plane that answers like headscale, on loopback: its health, its nodes, and its keys.

Source: gen/openapiv2/headscale/v1/headscale.swagger.json of juanfont/headscale, release 0.29.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address

from wgmon_tui.lab.stream_server import LabStreamServer

_VERSION = "v0.29.0"
_DAY_S = 86400.0
_API_KEY_LIFE_S, _PREAUTH_KEY_LIFE_S = 19.5 * _DAY_S, 5.5 * _DAY_S
_WITHOUT_TOKEN = ("/health", "/version")
_USER = {"id": "1", "name": "ops", "displayName": "", "email": ""}


@dataclass(frozen=True, slots=True)
class LabNode:
    """A node as this control plane reports it, whatever is true of it.

    `seen_ago` and `key_left` are in seconds; a key that has ended has less than none left.
    """

    name: str
    address: IPv4Address
    tags: tuple[str, ...] = ()
    is_online: bool = True
    seen_ago: float = 0.0
    key_left: float = 60.5 * _DAY_S
    routes: tuple[str, ...] = ()


class LabControlPlane(LabStreamServer):
    """The control plane. The constructor binds the port. Raises OSError."""

    def __init__(self, token: str, nodes: Sequence[LabNode], latency: float = 0.0) -> None:
        """Each answer comes after `latency`, in seconds."""
        super().__init__()
        self._token, self._nodes, self._latency = token, nodes, latency
        self._began = time.time()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client has no more."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ")[1]
            is_allowed = f"authorization: bearer {self._token}".lower() in head.lower()
            status, answer = "401 Unauthorized", b"Unauthorized"
            if is_allowed or path in _WITHOUT_TOKEN:
                found = self._answer(path)
                status = "404 Not Found" if found is None else "200 OK"
                answer = json.dumps(found).encode()
            await asyncio.sleep(self._latency)
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()

    def _answer(self, path: str) -> object:
        match path:
            case "/health":
                return {"status": "pass"}
            case "/version":
                return {"version": _VERSION, "commit": "", "buildTime": "", "dirty": False}
            case "/api/v1/health":
                return {"databaseConnectivity": True}
            case "/api/v1/node":
                return {"nodes": [self._describe(number, each) for number, each in enumerate(self._nodes, 1)]}
            case "/api/v1/apikey":
                api_key = {"id": "1", "prefix": "monitor", "lastSeen": None, **self._ends(_API_KEY_LIFE_S)}
                return {"apiKeys": [api_key]}
            case "/api/v1/preauthkey":
                state = {"reusable": True, "used": False, "user": _USER, "aclTags": []}
                key = {"id": "1", "key": "hskey-auth-***", **self._ends(_PREAUTH_KEY_LIFE_S)}
                return {"preAuthKeys": [key | state]}
        return None

    def _ends(self, life_s: float) -> dict[str, str]:
        return {"expiration": _iso(self._began + life_s), "createdAt": _iso(self._began)}

    def _describe(self, number: int, node: LabNode) -> dict[str, object]:
        now = time.time()
        return {
            "id": str(number),
            "machineKey": f"mkey:{number:064x}",
            "nodeKey": f"nodekey:{number:064x}",
            "discoKey": f"discokey:{number:064x}",
            "name": node.name,
            "givenName": node.name,
            "ipAddresses": [str(node.address)],
            "user": _USER,
            "online": node.is_online,
            "lastSeen": _iso(now if node.is_online else self._began - node.seen_ago),
            "expiry": _iso(self._began + node.key_left),
            "createdAt": _iso(self._began - 90 * _DAY_S),
            "preAuthKey": None,
            "registerMethod": "REGISTER_METHOD_AUTH_KEY",
            "approvedRoutes": list(node.routes),
            "availableRoutes": list(node.routes),
            "subnetRoutes": list(node.routes),
            "tags": list(node.tags),
        }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
