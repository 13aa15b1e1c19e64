"""Messages of OpenVPN itself inside the data channel, which are no IP packets.

Sources: OpenVPN 2.6, src/openvpn/ping.c and occ.h.
"""

from __future__ import annotations

PING = bytes.fromhex("2a187bf3641eb4cb07ed2d0a981fc748")
"""The keepalive. A peer that gets nothing for ping-restart seconds restarts the session."""

_OCC_MAGIC = bytes.fromhex("287f346bd4ef7a812d56b8d3afc5459c")
(
    _OCC_REQUEST,
    _OCC_REPLY,
    _OCC_MTU_LOAD_REQUEST,
    _OCC_MTU_LOAD,
    _OCC_MTU_REQUEST,
    _OCC_MTU_REPLY,
    _OCC_EXIT,
) = range(7)

OCC_EXIT = _OCC_MAGIC + bytes((_OCC_EXIT,))
"""Exit notification: the server frees the session and its address within seconds."""

_OCC_WORDS = {
    _OCC_REQUEST: "request for the options",
    _OCC_REPLY: "options of the peer",
    _OCC_MTU_LOAD_REQUEST: "request for a packet of a size",
    _OCC_MTU_LOAD: "packet of a size",
    _OCC_MTU_REQUEST: "request for the packet sizes",
    _OCC_MTU_REPLY: "packet sizes",
    _OCC_EXIT: "exit notification",
}


def is_foreign(payload: bytes) -> bool:
    """Whether a payload is neither an IP packet nor a message of OpenVPN: the peer frames it otherwise."""
    is_message = payload == PING or payload.startswith(_OCC_MAGIC)
    return not is_message and (not payload or payload[0] >> 4 not in (4, 6))


def describe_payload(payload: bytes) -> str:
    """What the payload of a data packet is, in a few words."""
    if payload == PING:
        return "keepalive"
    if payload.startswith(_OCC_MAGIC):
        return _OCC_WORDS.get(
            payload[len(_OCC_MAGIC)] if len(payload) > len(_OCC_MAGIC) else -1, "OCC message"
        )
    version = payload[0] >> 4 if payload else 0
    return f"IPv{version} packet" if version in (4, 6) else "unknown payload"
