"""The layers of a stream through a proxy, such as TLS, WebSocket and the proxy protocol itself. Sans-I/O.

A layer turns data into the bytes of the layer below it, and back. A stack of layers sits on a TCP connection:

    TCP ─► TLS ─► WebSocket ─► proxy protocol ─► TLS of the page ─► HTTP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

_RECORD_HEADER = 5

LayerFault = Literal[
    "not-authentic", "malformed", "http", "certificate", "alert", "status", "refused", "ended"
]
"""Why a layer gives up.

`not-authentic`: the bytes do not decrypt with the configured secret. `malformed`: they are not this protocol.
`http`: they are an answer of HTTP instead. `certificate` and `alert` are of TLS, `status` of HTTP. `refused`:
the server says no in the protocol's words. `ended`: it ends the stream, as a closed connection does.
"""


class StreamLayerError(Exception):
    """A layer gave up. `reason` is a phrase without anything secret."""

    def __init__(self, layer: str, fault: LayerFault, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer, self.fault, self.reason = layer, fault, reason


@dataclass(frozen=True, slots=True)
class LayerOutput:
    """What came of received bytes: data for the layer above, and bytes to send back at once."""

    data: bytes = b""
    reply: bytes = b""
    is_over: bool = False
    """Whether the server ended the stream of this layer: nothing more comes, even if the connection stays."""
    is_direct: bool = False
    """Whether the connection carries the data of the layer above as it is from now on (Vision)."""


class StreamLayer(Protocol):
    """One layer. Its methods raise StreamLayerError."""

    name: str
    is_open: bool
    """Whether it can wrap data. A layer with a handshake opens when that is done."""
    is_proven: bool
    """Whether received bytes authenticated with the secret of the link."""
    may_be_direct: bool
    """Whether its output may be `is_direct`: then the records of the TLS below are taken one by one."""

    def open(self) -> bytes:
        """Begin. Returns the first bytes of a handshake; empty if there is none."""

    def wrap(self, data: bytes) -> bytes:
        """Turn data into bytes for the layer below."""

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take bytes of the layer below."""


class RecordSplitter:
    """Cuts the bytes of a connection into whole records of TLS (RFC 8446 §5.1)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def add(self, received: bytes) -> None:
        """Take bytes of the connection."""
        self._buffer += received

    def take(self, *, is_direct: bool) -> bytes:
        """The next whole record; empty if there is none. All bytes if they are no longer records."""
        size = _RECORD_HEADER + int.from_bytes(self._buffer[3:_RECORD_HEADER], "big")
        if is_direct:
            size = len(self._buffer)
        elif len(self._buffer) < max(size, _RECORD_HEADER):
            return b""
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


class StreamStack:
    """Layers on top of each other, the lowest first. Data waits until all layers are open."""

    def __init__(self, layers: Sequence[StreamLayer]) -> None:
        self.layers = tuple(layers)
        self._lowest = 0
        """The layer that takes the bytes of the connection."""
        self._splitter = RecordSplitter() if any(each.may_be_direct for each in layers) else None
        self.opened: list[str] = []
        """The names of the layers that are open, in the order in which they opened."""
        self._waiting = bytearray()

    @property
    def is_open(self) -> bool:
        """Whether all layers are open."""
        return len(self.opened) == len(self.layers)

    @property
    def is_proven(self) -> bool:
        """Whether a layer has authenticated data that the server made with the secret of the link."""
        return any(each.is_proven for each in self.layers)

    def begin(self) -> bytes:
        """Open the lowest layers. Returns bytes to send."""
        return self._advance(must_open=True)

    def send(self, data: bytes) -> bytes:
        """Send data. Returns the bytes to send now; none while a layer is not open."""
        self._waiting += data
        return self._flush()

    def receive(self, received: bytes) -> LayerOutput:
        """Take bytes of the connection. Returns data of the highest layer, and bytes to send."""
        if self._splitter is None:
            return self._receive(received)
        self._splitter.add(received)
        data, to_send, is_over = b"", b"", False
        while part := self._splitter.take(is_direct=self._lowest > 0):
            output = self._receive(part)
            data, to_send, is_over = data + output.data, to_send + output.reply, is_over or output.is_over
        return LayerOutput(data, to_send, is_over)

    def _receive(self, received: bytes) -> LayerOutput:
        to_send, is_over = b"", False
        data = received
        for number, layer in enumerate(self.layers[self._lowest :], self._lowest):
            if number > len(self.opened):
                break
            unwrapped = layer.unwrap(data)
            is_over |= unwrapped.is_over
            if unwrapped.is_direct:
                self._lowest = number + 1
            to_send += self._wrap_below(number, unwrapped.reply)
            data = unwrapped.data
            if number == len(self.opened):
                if layer.is_open:
                    to_send += self._advance(must_open=False)
                else:
                    data = b""
                    break
        if not self.is_open:
            data = b""
        return LayerOutput(data, to_send + self._flush(), is_over)

    def _advance(self, *, must_open: bool) -> bytes:
        """Count the layers that are open by now, and begin the next one."""
        to_send = b""
        while not self.is_open:
            number = len(self.opened)
            layer = self.layers[number]
            if must_open:
                to_send += self._wrap_below(number, layer.open())
            if not layer.is_open:
                break
            self.opened.append(layer.name)
            must_open = True
        return to_send + self._flush()

    def _flush(self) -> bytes:
        if not self.is_open or not self._waiting:
            return b""
        data = bytes(self._waiting)
        self._waiting.clear()
        return self._wrap_below(len(self.layers), data)

    def _wrap_below(self, number: int, data: bytes) -> bytes:
        """Wrap data with the layers below a layer."""
        if not data:
            return b""
        for layer in reversed(self.layers[:number]):
            data = layer.wrap(data)
        return data
