"""Frames between the writer and a worker, over a socket pair that the worker inherits as its stdin."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from enum import IntEnum

_HEADER = struct.Struct("=IB")
"""The length of the content in bytes, and the kind of the frame. Both ends are on one machine."""

MAX_FRAME_BYTES = 1 << 28
"""The longest content, of the whole fleet with its secrets. A longer one is damage."""


class FrameKind(IntEnum):
    """What a frame contains; messages.py has the formats."""

    SETUP = 1
    ASSIGNMENT = 2
    RESTORE = 3
    CHECK = 4
    CANCEL = 5
    TRACE = 6
    READY = 16
    FAILED = 17
    CHECKED = 18
    SOAK_PROGRESS = 19
    NODE_REPORT = 20
    TRACE_PROGRESS = 21
    TRACED = 22
    TRACE_REFUSED = 23
    STATUS = 24


_GATHERED = {FrameKind.CHECK: 0.0, FrameKind.CHECKED: 0.02}
"""Kinds of which one frame contains many items, and the seconds for which the first item waits for others.

Waking the writer costs as much as reading a result. The times in a check do not depend on the wait. Requests
wait for one turn of the event loop, in which the engine starts all checks that are due.
"""


class BadFrameError(Exception):
    """The bytes are not a frame of this version. The message is one line."""


class FrameConnection(asyncio.Protocol):
    """One end of the socket pair. Frames arrive in order; requests and results share frames."""

    def __init__(
        self, on_frame: Callable[[FrameKind, bytes], None], on_lost: Callable[[BadFrameError | None], None]
    ) -> None:
        """`on_frame` may raise BadFrameError, which ends the connection.

        `on_lost` is called once, with that error if there was one.
        """
        self._on_frame, self._on_lost = on_frame, on_lost
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._gathered: dict[FrameKind, list[object]] = {}
        self._flushing: asyncio.Handle | None = None
        self._error: BadFrameError | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. Part of asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  tells mypy
        self._transport = transport

    def send(self, kind: FrameKind, content: bytes) -> None:
        """Send a frame, after what was gathered. Does nothing once the connection is lost."""
        self._flush(_encode(kind, content))

    def gather(self, kind: FrameKind, item: object) -> None:
        """Send an item as JSON, in one frame with others of its kind.

        Does nothing once the connection is lost.
        """
        if self._transport is None:
            return
        self._gathered.setdefault(kind, []).append(item)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_GATHERED[kind], self._flush)

    def close(self) -> None:
        """Send what was gathered, and close."""
        self._flush()
        if self._transport:
            self._transport.close()

    def _flush(self, frame: bytes = b"") -> None:
        """Send what was gathered, and then a frame."""
        if self._flushing:
            self._flushing.cancel()
            self._flushing = None
        gathered = (
            _encode(kind, json.dumps(items, separators=(",", ":")).encode())
            for kind, items in self._gathered.items()
        )
        if self._transport:
            self._transport.write(b"".join((*gathered, frame)))
        self._gathered.clear()

    def data_received(self, data: bytes) -> None:
        """Pass on each whole frame. Part of asyncio.Protocol."""
        received = self._received
        received += data
        start, size = 0, _HEADER.size
        try:
            while len(received) - start >= size and self._error is None:
                length, kind = _HEADER.unpack_from(received, start)
                if length > MAX_FRAME_BYTES:
                    raise BadFrameError(f"a frame of {length} bytes")
                end = start + size + length
                if len(received) < end:
                    break
                content = bytes(memoryview(received)[start + size : end])
                start = end
                self._on_frame(_kind_of(kind), content)
        except BadFrameError as error:
            self._error = error
            if self._transport:
                self._transport.abort()
            return
        del received[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner. Part of asyncio.Protocol."""
        self._transport = None
        self._gathered.clear()
        self._on_lost(self._error)


def _encode(kind: FrameKind, content: bytes) -> bytes:
    return _HEADER.pack(len(content), kind) + content


def _kind_of(number: int) -> FrameKind:
    try:
        return FrameKind(number)
    except ValueError:
        raise BadFrameError(f"a frame of the unknown kind {number}") from None
