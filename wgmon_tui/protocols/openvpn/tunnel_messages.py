"""Messages of OpenVPN itself inside the data channel, which are no IP packets.

Sources: OpenVPN 2.6, src/openvpn/ping.c and occ.h.
"""

from __future__ import annotations

PING = bytes.fromhex("2a187bf3641eb4cb07ed2d0a981fc748")
"""The keepalive. A peer that gets nothing for ping-restart seconds restarts the session."""

_OCC_MAGIC = bytes.fromhex("287f346bd4ef7a812d56b8d3afc5459c")
_OCC_EXIT = 6

OCC_EXIT = _OCC_MAGIC + bytes((_OCC_EXIT,))
"""Exit notification: the server frees the session and its address within seconds."""


def is_foreign(payload: bytes) -> bool:
    """Whether a payload is neither an IP packet nor a message of OpenVPN: the peer frames it otherwise."""
    is_message = payload == PING or payload.startswith(_OCC_MAGIC)
    return not is_message and (not payload or payload[0] >> 4 not in (4, 6))
