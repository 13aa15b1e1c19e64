"""A fetch of one page over a TCP connection and the layers on it, with the time of each step.

The response decides: a proxy works if the page came through it as expected. Times are seconds since the fetch
began. Nothing is raised for what the network or a server does.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wgmon_tui.checks.check import Direction
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.net.tcp.http_response import HttpError, ResponseParser
from wgmon_tui.protocols.proxies.stream_layers import (
    LayerFault,
    StreamLayer,
    StreamLayerError,
    StreamStack,
)

PageFault = Literal[
    "unresolved",
    "unreachable",
    "refused",
    "silent",
    "reset",
    "closed",
    "layer",
    "no-response",
    "stalled",
    "slow",
    "not-http",
    "status",
    "text",
]
"""What is wrong with a fetch.

`silent`: no connection. `no-response`: a connection, and then nothing of the page. `layer`: a layer gave up.
"""

MAX_BODY_BYTES = 2**20
"""What a fetch reads at most."""

LIMIT_S = 15.0
"""The longest time of a fetch."""

_LEAST_MEASURED_BYTES = 16 * 1024
"""A smaller body arrives at once: its time says nothing about a rate."""

_LEAST_BEGUN_BYTES = 4096
"""So many bytes are a page that has begun, also if its first chunk is not whole yet."""

_CHUNK = 64 * 1024
_USUAL_STATUS = range(200, 400)
_UNREACHABLE = (errno.EHOSTUNREACH, errno.EHOSTDOWN)

PacketLog = Callable[[Direction, bytes], None]


@dataclass(frozen=True, slots=True)
class PageFetch:
    """What a fetch found.

    `opened` are the layers that opened, with their times. `layer`, `layer_fault` and `reason` say which one
    gave up. `received` counts the bytes that came over the connection. `is_proven`: data authenticated with
    the secret of the link. `date` is what the Date header of the response says. `text` is the start of the
    body.
    """

    fault: PageFault | None = None
    connected: float | None = None
    opened: tuple[tuple[str, float], ...] = ()
    responded: float | None = None
    ended: float = 0.0
    status: int | None = None
    size: int = 0
    rate: int | None = None
    received: int = 0
    is_proven: bool = False
    layer: str = ""
    layer_fault: LayerFault | None = None
    reason: str = ""
    date: str = ""
    text: bytes = b""

    @property
    def is_answered(self) -> bool:
        """Whether a page answered with HTTP, as expected or not."""
        return self.status is not None and self.fault in (None, "status", "text", "slow", "stalled")


class PageFetcher:
    """One fetch. Call `run` once."""

    def __init__(
        self,
        page: HttpTarget,
        layers: Sequence[StreamLayer],
        *,
        timeout_s: float,
        log: PacketLog | None = None,
    ) -> None:
        """`timeout_s` is how long a connection or an answer may take."""
        self._page, self._timeout_s, self._log = page, timeout_s, log
        self.stack = StreamStack(layers)
        self._response = ResponseParser()
        self._began = time.monotonic()
        self._found = PageFetch()
        self._progress_at = 0.0
        self._carried = 0
        """The bytes that came after all layers were open."""

    async def run(self, address: Address, port: int) -> PageFetch:
        """Fetch the page from a server, or through it. Raises OSError if this machine cannot send."""
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_connection(str(address), port)
        except TimeoutError:
            return self._result("silent")
        except ConnectionRefusedError:
            return self._result("refused")
        except ConnectionResetError:
            return self._result("reset")
        except OSError as error:
            if error.errno not in _UNREACHABLE:
                raise
            return self._result("unreachable")
        self._found = replace(self._found, connected=self._now())
        try:
            return await self._exchange(reader, writer)
        except StreamLayerError as error:
            self._found = replace(
                self._found, layer=error.layer, layer_fault=error.fault, reason=error.reason
            )
            return self._result("layer")
        except HttpError as error:
            self._found = replace(self._found, reason=str(error))
            return self._result("not-http")
        except OSError:
            return self._result("reset")
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> PageFetch:
        self._send(writer, self.stack.begin() + self.stack.send(page_request(self._page)))
        self._note_opened()
        while not self._is_over():
            wait = min(self._timeout_s + self._progress_at, LIMIT_S) - self._now()
            try:
                async with asyncio.timeout(max(wait, 0.0)):
                    received = await reader.read(_CHUNK)
            except TimeoutError:
                return self._result(self._name_cut())
            if not received:
                return self._end_of_data()
            if self._receive(writer, received):
                return self._end_of_data()
        return self._result(self._judge())

    def _receive(self, writer: asyncio.StreamWriter, received: bytes) -> bool:
        """Take bytes. Returns whether a layer announced the end of the stream."""
        self._progress_at = self._now()
        self._found = replace(self._found, received=self._found.received + len(received))
        if self._log:
            self._log(Direction.RECEIVED, received)
        if self.stack.is_open:
            self._carried += len(received)
        output = self.stack.receive(received)
        self._send(writer, output.reply)
        self._note_opened()
        if output.data:
            self._response.receive(output.data)
            if self._response.status is not None and self._found.responded is None:
                self._found = replace(self._found, responded=self._progress_at)
        return output.is_over and not self._is_over()

    def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if data:
            writer.write(data)
            if self._log:
                self._log(Direction.SENT, data)

    def _note_opened(self) -> None:
        new = self.stack.opened[len(self._found.opened) :]
        if new:
            times = tuple((name, self._now()) for name in new)
            self._found = replace(self._found, opened=(*self._found.opened, *times))

    def _is_over(self) -> bool:
        return self._response.is_complete or self._response.size >= MAX_BODY_BYTES

    def _end_of_data(self) -> PageFetch:
        if self._response.status is None:
            return self._result("closed")
        try:
            self._response.end()
        except HttpError:
            return self._result("closed")
        return self._result(self._judge())

    def _name_cut(self) -> PageFault:
        """Name what the time ran out for."""
        if self._response.status is None and self._carried < _LEAST_BEGUN_BYTES:
            return "no-response"
        return "slow" if self._progress_at + self._timeout_s > LIMIT_S else "stalled"

    def _judge(self) -> PageFault | None:
        expected, status = self._page.status, self._response.status
        if status is None or (status != expected if expected else status not in _USUAL_STATUS):
            return "status"
        return None if self._page.text.encode() in self._response.body else "text"

    def _result(self, fault: PageFault | None) -> PageFetch:
        responded, size = self._found.responded, self._response.size
        rate = None
        if responded is not None and size >= _LEAST_MEASURED_BYTES:
            rate = round(size / max(self._progress_at - responded, 1e-3))
        return replace(
            self._found,
            fault=fault,
            ended=self._now(),
            status=self._response.status,
            size=size,
            rate=rate,
            is_proven=self.stack.is_proven,
            date=self._response.date,
            text=bytes(self._response.body[:1024]),
        )

    def _now(self) -> float:
        return time.monotonic() - self._began


def page_request(page: HttpTarget, *, keep_alive: bool = False) -> bytes:
    """The request for a page. `keep_alive`: more requests follow on the same connection."""
    url = page.url
    lines = (
        f"GET {url.path} HTTP/1.1",
        f"Host: {url.authority}",
        "User-Agent: wgmon-tui",
        "Accept: */*",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
