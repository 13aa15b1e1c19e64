"""The program `tailscale` on this machine, asked about one node.

`tailscale ping --tsmp` goes through WireGuard and is answered by tailscaled of the node, before the node's
own network stack: neither a firewall of the node nor an access rule stops it. Source:
cmd/tailscale/cli/ping.go and wgengine/filter of tailscale/tailscale.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

from wgmon_tui.checks.control_plane_report import Node
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.control_planes.local_program import LocalProgram, ProgramFailedError, ProgramStatus
from wgmon_tui.control_planes.tailscale.local_api import TailscaledApi
from wgmon_tui.net.addresses import Address

NAME = "tailscale"
_STATUS = ("status", "--json")
_MORE_S = 1.0
"""How much longer than its own limit the program may run."""

_PONG = re.compile(
    rb"^pong from .* via TSMP in ([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|\xc2\xb5s|us|ms|s)\b", re.MULTILINE
)
_UNITS = {b"ns": 1e-9, b"\xc2\xb5s": 1e-6, b"us": 1e-6, b"ms": 1e-3, b"s": 1.0}
"""How Go writes durations (time.Duration.String)."""

_SILENT = re.compile(r"timed out|no reply|timeout", re.IGNORECASE)
_UNKNOWN = re.compile(r"no matching peer|unknown peer", re.IGNORECASE)


class TailscaleClient:
    """Asks for the status of all peers, and pings one through WireGuard."""

    def __init__(self) -> None:
        self._program = LocalProgram(NAME, _read_status)

    async def query_peer(self, address: Address, timeout_s: float) -> MeshPeer:
        """What it knows of an address."""
        try:
            status = await self._program.read_status(_STATUS, timeout_s)
            node = status.by_address.get(address)
            if node is None and status.trouble:
                return MeshPeer(NAME, trouble=status.trouble)
            if node is None:
                return MeshPeer(NAME, is_known=False)
            return await self._ping(_peer_of(node, time.time()), address, timeout_s)
        except ProgramFailedError as error:
            return MeshPeer(NAME, trouble=str(error))

    async def _ping(self, peer: MeshPeer, address: Address, timeout_s: float) -> MeshPeer:
        command = ("ping", "--tsmp", "--c", "1", "--timeout", f"{timeout_s:.3f}s", str(address))
        try:
            answer = await self._program.ask(command, timeout_s + _MORE_S)
        except ProgramFailedError:
            return peer
        if answer.is_success and (pong := _PONG.search(answer.output)):
            return replace(peer, is_answered=True, rtt=float(pong[1]) * _UNITS[pong[2]])
        if _UNKNOWN.search(answer.message):
            return MeshPeer(NAME, is_known=False)
        return replace(peer, is_answered=False) if _SILENT.search(answer.message) else peer


def _read_status(value: object) -> ProgramStatus[Node]:
    report = TailscaledApi().read({"status": value})
    if broken := next((part for part in report.parts if not part.works), None):
        return ProgramStatus({}, f"{broken.name}: {broken.detail or 'missing'}")
    trouble = f"fields are missing or changed: {', '.join(report.drift)}" if report.drift else ""
    return ProgramStatus({address: node for node in report.nodes for address in node.addresses}, trouble)


def _peer_of(node: Node, now: float) -> MeshPeer:
    """A node as tailscaled on this machine knows it. Before data flows, it has no path."""
    is_direct = bool(node.endpoint) if node.endpoint or node.relay else None
    return MeshPeer(
        NAME,
        is_known=True,
        is_direct=is_direct,
        relay="" if is_direct else node.relay,
        handshake_age=max(0.0, now - node.last_handshake) if node.last_handshake is not None else None,
        has_expired=bool(node.trouble),
    )
