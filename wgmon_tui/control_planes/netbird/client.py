"""The program `netbird` on this machine, asked about one node.

Source: client/status/status.go of netbirdio/netbird. It has no ping command. The
connection of an idle peer may open with the first packet, so an idle peer is not a fault.
"""

from __future__ import annotations

import time
from dataclasses import replace

from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.control_planes.json_fields import Drift, Fields
from wgmon_tui.control_planes.local_program import LocalProgram, ProgramFailedError, ProgramStatus
from wgmon_tui.net.addresses import Address

NAME = "netbird"
_STATUS = ("status", "--json")
_CONNECTED = "Connected"
_Known = tuple[MeshPeer, float | None]
"""A peer, and when its last handshake was, in Unix seconds."""

_DIRECT = {"P2P": True, "Relayed": False}


class NetbirdClient:
    """Asks for the status of all peers."""

    def __init__(self) -> None:
        self._program = LocalProgram(NAME, _read_status)

    async def query_peer(self, address: Address, timeout_s: float) -> MeshPeer:
        """What it knows of an address."""
        try:
            status = await self._program.read_status(_STATUS, timeout_s)
        except ProgramFailedError as error:
            return MeshPeer(NAME, trouble=str(error))
        found = status.by_address.get(address)
        if found is None:
            return (
                MeshPeer(NAME, trouble=status.trouble) if status.trouble else MeshPeer(NAME, is_known=False)
            )
        peer, handshake = found
        age = max(0.0, time.time() - handshake) if handshake is not None else None
        return replace(peer, handshake_age=age)


def _read_status(value: object) -> ProgramStatus[_Known]:
    """Read the peers by their addresses. Never raises."""
    drift, known = Drift(), {}
    status = Fields(value, "", drift)
    state = status.text("daemonStatus", optional=True)
    if state not in ("", _CONNECTED):
        return ProgramStatus({}, f"it is not connected to its mesh: {state}")
    for peer in status.child("peers").children("details"):
        is_direct = _DIRECT.get(peer.text("connectionType", optional=True))
        relay = peer.text("relayAddress", optional=True) if is_direct is False else ""
        read = MeshPeer(NAME, is_known=True, is_direct=is_direct, relay=relay)
        for address in (*peer.address("netbirdIp"), *peer.address("netbirdIpv6")):
            known[address] = (read, peer.time("lastWireguardHandshake"))
    trouble = f"fields are missing or changed: {', '.join(drift.names)}" if drift.names else ""
    return ProgramStatus(known, trouble)
