"""WebSocket (RFC 6455) and plain HTTP Upgrade as layers of a stream. Sans-I/O."""

from __future__ import annotations

import base64
import hashlib
import os
import re

from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

NAME = "websocket"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEAD = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]")
_SWITCHING = 101
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
_LARGEST_FRAME = 2**20


class UpgradeLayer:
    """An HTTP/1.1 request to upgrade, and then data as it is."""

    name = "http-upgrade"
    protocol = "websocket"
    is_open = False
    is_proven = False
    may_be_direct = False

    def __init__(self, path: str, host: str) -> None:
        self._path, self._host = path, host
        self._head = bytearray()
        self.status: int | None = None
        """The HTTP status with which the server answered."""

    def open(self) -> bytes:
        """The request."""
        lines = (
            f"GET {self._path} HTTP/1.1",
            f"Host: {self._host}",
            "User-Agent: Mozilla/5.0",
            f"Upgrade: {self.protocol}",
            "Connection: Upgrade",
            *self._headers(),
        )
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8")

    def wrap(self, data: bytes) -> bytes:
        """Data as it is."""
        return data

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take the response to the request, then data."""
        if self.is_open:
            return self._take(received)
        self._head += received
        start = self._head[:9]
        if not start.startswith(b"HTTP/1."[: len(start)]):
            raise StreamLayerError(self.name, "malformed", "the answer is not HTTP")
        head, found, rest = bytes(self._head).partition(b"\r\n\r\n")
        if not found:
            if len(head) > _MAX_HEAD:
                raise StreamLayerError(self.name, "malformed", "the head of the answer is too long")
            return LayerOutput()
        self._check_head(head)
        self.is_open = True
        return self._take(rest)

    def _check_head(self, head: bytes) -> None:
        match = _STATUS.match(head)
        self.status = int(match[1]) if match else None
        if self.status is None:
            raise StreamLayerError(self.name, "malformed", "the answer is not valid HTTP")
        if self.status != _SWITCHING:
            raise StreamLayerError(self.name, "status", f"the server answers {self.status}, expected 101")

    def _headers(self) -> tuple[str, ...]:
        return ()

    def _take(self, received: bytes) -> LayerOutput:
        return LayerOutput(received)


class WebSocketLayer(UpgradeLayer):
    """WebSocket: every write is a binary message."""

    name = NAME

    def __init__(self, path: str, host: str) -> None:
        super().__init__(path, host)
        self._key = base64.b64encode(os.urandom(16))
        self._buffer = bytearray()

    def wrap(self, data: bytes) -> bytes:
        """A masked frame (RFC 6455 §5.2)."""
        return self._frame(_BINARY, data)

    def _headers(self) -> tuple[str, ...]:
        return (f"Sec-WebSocket-Key: {self._key.decode()}", "Sec-WebSocket-Version: 13")

    def _check_head(self, head: bytes) -> None:
        super()._check_head(head)
        digest = hashlib.sha1(self._key + _GUID, usedforsecurity=False).digest()
        if base64.b64encode(digest) not in head:
            raise StreamLayerError(self.name, "malformed", "the answer is not one of WebSocket")

    def _take(self, received: bytes) -> LayerOutput:
        self._buffer += received
        data, reply, is_over = bytearray(), bytearray(), False
        while (frame := self._next_frame()) is not None:
            kind, payload = frame
            if kind in (_CONTINUATION, _TEXT, _BINARY):
                data += payload
            elif kind == _PING:
                reply += self._frame(_PONG, payload)
            elif kind == _CLOSE:
                is_over = True
        return LayerOutput(bytes(data), bytes(reply), is_over)

    def _frame(self, kind: int, payload: bytes) -> bytes:
        mask, size = os.urandom(4), len(payload)
        if size < _LENGTH_16:
            length = bytes([_MASKED | size])
        elif size < 2**16:
            length = bytes([_MASKED | _LENGTH_16]) + size.to_bytes(2, "big")
        else:
            length = bytes([_MASKED | _LENGTH_64]) + size.to_bytes(8, "big")
        return bytes([_FINAL | kind]) + length + mask + _mask(payload, mask)

    def _next_frame(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2:
            return None
        kind, length = self._buffer[0] & 0x0F, self._buffer[1]
        if length & _MASKED:
            raise StreamLayerError(self.name, "malformed", "the server masks its frames")
        at = 2
        if length >= _LENGTH_16:
            at += 2 if length == _LENGTH_16 else 8
            if len(self._buffer) < at:
                return None
            length = int.from_bytes(self._buffer[2:at], "big")
        if length > _LARGEST_FRAME:
            raise StreamLayerError(self.name, "malformed", "a frame of the server is too large")
        if len(self._buffer) < at + length:
            return None
        payload = bytes(self._buffer[at : at + length])
        del self._buffer[: at + length]
        return kind, payload


def _mask(payload: bytes, mask: bytes) -> bytes:
    """XOR with the mask, as one large number: a loop over bytes is slow."""
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
