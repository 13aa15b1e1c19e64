"""Streams of VLESS. Sans-I/O.

    request    version 0, user id, length of the addons, command, port, address; data follows
    response   version 0, length of the addons, addons; data follows

Source: XTLS/Xray-core#5201, which shows both layouts.
"""

from __future__ import annotations

from uuid import UUID

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError
from wgmon_tui.protocols.proxies.vless.vision import Unpadding, pad_once

NAME = "vless"
TCP, UDP = 1, 2
_VERSION = 0
_FLOW_FIELD = 0x0A
"""The field `Flow` of the addons, a message of protocol buffers."""
_HTTP = b"HTTP/"
_IPV4, _NAME, _IPV6 = 1, 2, 3
"""The numbers of the address types; they differ from SOCKS5."""


class VlessStream:
    """One connection. A response header can be made by anybody, so it proves nothing."""

    name = NAME
    is_open = False
    is_proven = False

    def __init__(
        self, user_id: UUID, destination: Destination, command: int = TCP, *, flow: str = ""
    ) -> None:
        """`flow` is FLOW of vision.py, or "" without padding."""
        addons = bytes([_FLOW_FIELD, len(flow)]) + flow.encode("ascii") if flow else b""
        self._unpadding = Unpadding(user_id, NAME) if flow else None
        self.may_be_direct = bool(flow)
        self._user_id = user_id
        address = destination.port.to_bytes(2, "big") + destination.encode_host(_IPV4, _NAME, _IPV6)
        self._header = bytes([_VERSION]) + user_id.bytes + bytes([len(addons)]) + addons
        self._header += bytes([command]) + address
        self._buffer: bytearray | None = bytearray()

    def open(self) -> bytes:
        """There is no handshake: the header goes with the first data."""
        self.is_open = True
        return b""

    def wrap(self, data: bytes) -> bytes:
        """Put the header before the first data."""
        header, self._header = self._header, b""
        if header and self._unpadding:
            data = pad_once(self._user_id, data)
        return header + data

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take the response header away."""
        if self._buffer is None:
            return self._unpad(received)
        self._buffer += received
        if self._buffer and self._buffer[0] != _VERSION:
            if self._buffer.startswith(_HTTP):
                raise StreamLayerError(NAME, "http", "the answer is one of HTTP, as web sites give it")
            raise StreamLayerError(NAME, "malformed", "the answer is not a response of VLESS")
        if len(self._buffer) < 2 or len(self._buffer) < 2 + self._buffer[1]:
            return LayerOutput()
        data = bytes(self._buffer[2 + self._buffer[1] :])
        self._buffer = None
        return self._unpad(data)

    def _unpad(self, data: bytes) -> LayerOutput:
        if self._unpadding is None:
            return LayerOutput(data)
        content = self._unpadding.take(data)
        return LayerOutput(content, is_direct=self._unpadding.is_direct)
