"""The program `netbird` on this machine, asked about one node.

Source: client/status/status.go of netbirdio/netbird. It has no ping of its own. A peer that is idle may be
one whose connection opens with the first packet, so that is no trouble.
"""

from __future__ import annotations

import time

from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.control_planes.json_fields import Drift, Fields
from wgmon_tui.control_planes.local_program import LocalProgram, ProgramFailedError
from wgmon_tui.net.addresses import Address

NAME = "netbird"
_STATUS = ("status", "--json")
_CONNECTED = "Connected"
_DIRECT = {"P2P": True, "Relayed": False}


class NetbirdClient:
    """Asks for the status of all peers."""

    def __init__(self) -> None:
        self._program = LocalProgram(NAME)

    async def look(self, address: Address, timeout_s: float) -> MeshPeer:
        """What it knows of an address."""
        try:
            status = await self._program.read_status(_STATUS, timeout_s)
        except ProgramFailedError as error:
            return MeshPeer(NAME, trouble=str(error))
        return read_peer(status, address, time.time())


def read_peer(value: object, address: Address, now: float) -> MeshPeer:
    """Read a peer of the status. Never raises."""
    drift = Drift()
    status = Fields(value, "", drift)
    state = status.text("daemonStatus", optional=True)
    if state not in ("", _CONNECTED):
        return MeshPeer(NAME, trouble=f"it is not connected to its mesh: {state}")
    for peer in status.child("peers").children("details"):
        if address in (*peer.address("netbirdIp"), *peer.address("netbirdIpv6")):
            handshake = peer.time("lastWireguardHandshake")
            is_direct = _DIRECT.get(peer.text("connectionType", optional=True))
            return MeshPeer(
                NAME,
                is_known=True,
                is_direct=is_direct,
                relay=peer.text("relayAddress", optional=True) if is_direct is False else "",
                handshake_age=max(0.0, now - handshake) if handshake is not None else None,
            )
    if drift.names:
        return MeshPeer(NAME, trouble=f"fields are missing or changed: {', '.join(drift.names)}")
    return MeshPeer(NAME, is_known=False)
