"""The padding of the flow xtls-rprx-vision, which hides the sizes of an inner handshake. Sans-I/O.

    [user id, before the first block] command, length of content, length of padding, content, padding

A block says whether further ones follow, whether data goes on as it is, or whether it goes on outside of the
outer TLS. The last one comes only with a page over TLS 1.3: from there on the connection carries the records
of the page's own TLS. This side never leaves the outer TLS, which servers accept.
Source: XTLS/Xray-core, proxy/proxy.go.
"""

from __future__ import annotations

import os
from uuid import UUID

from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError

FLOW = "xtls-rprx-vision"
_CONTINUE, _END, _DIRECT = 0, 1, 2
_USER = 16
_HEADER = 5
_LARGEST = 0xFFFF
_MOST_PADDING = 256


def pad_once(user_id: UUID, data: bytes) -> bytes:
    """The first data of a client as one block, after which data goes on as it is."""
    padding = os.urandom(os.urandom(1)[0] % _MOST_PADDING)
    content, rest = data[:_LARGEST], data[_LARGEST:]
    lengths = len(content).to_bytes(2, "big") + len(padding).to_bytes(2, "big")
    return user_id.bytes + bytes([_END]) + lengths + content + padding + rest


class Unpadding:
    """Takes the padding from what a server sends."""

    def __init__(self, user_id: UUID, name: str) -> None:
        """`name` is that of the layer, for errors."""
        self._user, self._name = user_id.bytes, name
        self._buffer = bytearray()
        self._has_begun, self._is_padded = False, True
        self.is_direct = False
        """Whether what follows the last block comes outside of the outer TLS."""

    def take(self, received: bytes) -> bytes:
        """The content of the blocks that are whole."""
        self._buffer += received
        if not self._has_begun and not self._begin():
            return b""
        data = b""
        while self._is_padded and (content := self._next_block()) is not None:
            data += content
        if not self._is_padded:
            data += bytes(self._buffer)
            self._buffer.clear()
        return data

    def _begin(self) -> bool:
        """Skip the user id. A server that pads nothing sends none."""
        if len(self._buffer) < _USER and self._user.startswith(self._buffer):
            return False
        self._has_begun = True
        if self._buffer.startswith(self._user):
            del self._buffer[:_USER]
        else:
            self._is_padded = False
        return True

    def _next_block(self) -> bytes | None:
        if len(self._buffer) < _HEADER:
            return None
        command = self._buffer[0]
        size = int.from_bytes(self._buffer[1:3], "big")
        padding = int.from_bytes(self._buffer[3:5], "big")
        if len(self._buffer) < _HEADER + size + padding:
            return None
        content = bytes(self._buffer[_HEADER : _HEADER + size])
        del self._buffer[: _HEADER + size + padding]
        if command not in (_CONTINUE, _END, _DIRECT):
            raise StreamLayerError(self._name, "malformed", "a block of the flow has an unknown command")
        self.is_direct = command == _DIRECT
        self._is_padded = command == _CONTINUE
        return content
