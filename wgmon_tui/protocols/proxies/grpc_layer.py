"""gRPC as a layer of a stream: one call of the method `Tun`, whose messages carry the bytes. Sans-I/O.

    HTTP/2 frames ─► gRPC messages ─► Hunk { bytes data = 1 }

Only what such a call needs of HTTP/2 is here: its headers are literals, and of a response's headers only the
status is read. Sources: RFC 9113, RFC 7541, gRPC over HTTP/2, v2fly/v2ray-core transport/internet/grpc.
"""

from __future__ import annotations

from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

NAME = "grpc"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 0x1
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20
_STREAM = 1
_FRAME_HEADER, _MESSAGE_HEADER = 9, 5
_LARGEST_FRAME = 2**14
_CHUNK = 8192
_LARGEST_MESSAGE = 2**22
_WINDOW = 2**24
_FIELD = 0x0A
"""The key of the field `data` of a Hunk: number 1, with a length."""

_STATUSES = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
"""The statuses of HPACK's static table (RFC 7541, appendix A)."""

ACCEPTED = "the service is there, but the server ends the call"
"""The reason if the service exists: a wrong service name gets status 404."""


class GrpcLayer:
    """A call. It is open at once: a server answers with its first data."""

    name = NAME
    is_open = False
    is_proven = False
    may_be_direct = False

    def __init__(self, service_name: str, authority: str, *, is_tls: bool) -> None:
        self._headers = (
            (":method", "POST"),
            (":scheme", "https" if is_tls else "http"),
            (":path", f"/{service_name}/Tun"),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("user-agent", "grpc-go/1.60.0"),
            ("te", "trailers"),
        )
        self._frames, self._messages = bytearray(), bytearray()
        self._has_status = self._is_over = False

    def open(self) -> bytes:
        """The preface, the settings, and the headers of the call."""
        self.is_open = True
        block = b"".join(b"\0" + _text(name) + _text(value) for name, value in self._headers)
        grown = (_WINDOW - 2**16 + 1).to_bytes(4, "big")
        settings = b"\x00\x04" + _WINDOW.to_bytes(4, "big")  # SETTINGS_INITIAL_WINDOW_SIZE
        return (
            _PREFACE
            + _frame(_SETTINGS, 0, 0, settings)
            + _frame(_WINDOW_UPDATE, 0, 0, grown)
            + _frame(_HEADERS, _END_HEADERS, _STREAM, block)
        )

    def wrap(self, data: bytes) -> bytes:
        """Messages of data."""
        frames = b""
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK]
            hunk = bytes([_FIELD]) + _varint(len(chunk)) + chunk
            message = b"\0" + len(hunk).to_bytes(4, "big") + hunk
            frames += _frame(_DATA, 0, _STREAM, message)
        return frames

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take frames."""
        self._frames += received
        data, reply = b"", b""
        if self._is_over:
            raise self._ended()
        while (frame := self._next_frame()) is not None:
            kind, flags, payload = frame
            self._is_over |= kind in (_DATA, _HEADERS) and bool(flags & _END_STREAM)
            if kind == _DATA:
                data += self._take_data(_unpadded(flags, payload))
                if payload:
                    size = len(payload).to_bytes(4, "big")
                    reply += _frame(_WINDOW_UPDATE, 0, 0, size) + _frame(_WINDOW_UPDATE, 0, _STREAM, size)
            else:
                reply += self._take_control(kind, flags, payload)
        if self._is_over and not data:
            raise self._ended()
        return LayerOutput(data, reply, self._is_over)

    def _ended(self) -> StreamLayerError:
        return StreamLayerError(NAME, "ended", ACCEPTED if self._has_status else "the server ends the call")

    def _take_control(self, kind: int, flags: int, payload: bytes) -> bytes:
        """Take a frame without data. Returns the answer to it."""
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            return _frame(kind, _ACK, 0, payload if kind == _PING else b"")
        if kind == _HEADERS and not self._has_status:
            self._has_status = True
            block = _unpadded(flags, payload)[5 if flags & _PRIORITY else 0 :]
            status = _STATUSES.get(block[0]) if block else None
            if status != 200:
                raise StreamLayerError(NAME, "status", f"the server answers {status or 'an unknown status'}")
        elif kind == _HEADERS or kind in (_RST_STREAM, _GOAWAY):  # trailers end a call, too
            self._is_over = True
        return b""

    def _next_frame(self) -> tuple[int, int, bytes] | None:
        if len(self._frames) < _FRAME_HEADER:
            return None
        size = int.from_bytes(self._frames[:3], "big")
        if size > _LARGEST_FRAME:
            raise StreamLayerError(NAME, "malformed", "the answer is not HTTP/2")
        if len(self._frames) < _FRAME_HEADER + size:
            return None
        kind, flags = self._frames[3], self._frames[4]
        payload = bytes(self._frames[_FRAME_HEADER : _FRAME_HEADER + size])
        del self._frames[: _FRAME_HEADER + size]
        return kind, flags, payload

    def _take_data(self, received: bytes) -> bytes:
        """Take the data out of the messages that are whole."""
        self._messages += received
        data = b""
        while len(self._messages) >= _MESSAGE_HEADER:
            size = int.from_bytes(self._messages[1:5], "big")
            if self._messages[0] or size > _LARGEST_MESSAGE:
                raise StreamLayerError(NAME, "malformed", "the answer is not a message of gRPC")
            if len(self._messages) < _MESSAGE_HEADER + size:
                break
            hunk = bytes(self._messages[_MESSAGE_HEADER : _MESSAGE_HEADER + size])
            del self._messages[: _MESSAGE_HEADER + size]
            data += _data_of(hunk)
        return data


def _data_of(hunk: bytes) -> bytes:
    if not hunk:
        return b""
    size, shift, at = 0, 0, 1
    while at < len(hunk) and at < 6:
        size |= (hunk[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not hunk[at - 1] & 0x80:
            break
    if hunk[0] != _FIELD or len(hunk) != at + size:
        raise StreamLayerError(NAME, "malformed", "a message of the answer has unknown fields")
    return hunk[at:]


def _unpadded(flags: int, payload: bytes) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & _PADDED and payload else payload


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _text(text: str) -> bytes:
    """A string of HPACK, not compressed (RFC 7541 §5.2)."""
    data = text.encode("ascii")
    if len(data) < 0x7F:
        return bytes([len(data)]) + data
    return b"\x7f" + _varint(len(data) - 0x7F) + data


def _varint(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first: HPACK and protocol buffers share that."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
