"""Streams of VLESS. Sans-I/O.

    request    version 0, user id, length of the addons, command, port, address; data follows
    response   version 0, length of the addons, addons; data follows

Source: XTLS/Xray-core#5201, which shows both layouts.
"""

from __future__ import annotations

from uuid import UUID

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

NAME = "vless"
TCP, UDP = 1, 2
_VERSION = 0
_IPV4, _NAME, _IPV6 = 1, 2, 3
"""The numbers of the address types; they differ from SOCKS5."""


class VlessStream:
    """One connection. A response header can be made by anybody, so it proves nothing."""

    name = NAME
    is_open = False
    is_proven = False

    def __init__(self, user_id: UUID, destination: Destination, command: int = TCP) -> None:
        address = destination.port.to_bytes(2, "big") + destination.encode_host(_IPV4, _NAME, _IPV6)
        self._header = bytes([_VERSION]) + user_id.bytes + bytes([0, command]) + address
        self._buffer: bytearray | None = bytearray()

    def open(self) -> bytes:
        """There is no handshake: the header goes with the first data."""
        self.is_open = True
        return b""

    def wrap(self, data: bytes) -> bytes:
        """Put the header before the first data."""
        header, self._header = self._header, b""
        return header + data

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take the response header away."""
        if self._buffer is None:
            return LayerOutput(received)
        self._buffer += received
        if self._buffer and self._buffer[0] != _VERSION:
            raise StreamLayerError(NAME, "malformed", "the answer is not a response of VLESS")
        if len(self._buffer) < 2 or len(self._buffer) < 2 + self._buffer[1]:
            return LayerOutput()
        data = bytes(self._buffer[2 + self._buffer[1] :])
        self._buffer = None
        return LayerOutput(data)
