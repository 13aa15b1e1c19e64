"""The soak of a proxy: many requests on one connection, until it has carried some hundred kilobytes.

It finds paths that let a connection begin, and freeze it after 16 to 20 kB. A page that ends its connection
after each response cannot show that: then the soak says how far it came.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from wgmon_tui.checks.evidence import FlowCut, Soak
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.net.tcp.http_response import HttpError, ResponseParser
from wgmon_tui.protocols.proxies.page_fetch import page_request
from wgmon_tui.protocols.proxies.stream_layers import StreamLayer, StreamLayerError, StreamStack

ENOUGH_BYTES = 128 * 1024
MOST_REQUESTS = 400
LIMIT_S = 30.0
_CHUNK = 64 * 1024


class FlowSoak:
    """One soak. Call `run` once."""

    def __init__(
        self,
        page: HttpTarget,
        layers: Sequence[StreamLayer],
        timeout_s: float,
        on_progress: Callable[[SoakProgress], None],
    ) -> None:
        """`timeout_s` is how long an answer may take."""
        self._page, self._timeout_s, self._on_progress = page, timeout_s, on_progress
        self._stack = StreamStack(layers)
        self._began = time.monotonic()
        self._sent = self._received = self._size = 0
        self._answered_at = 0.0

    async def run(self, address: Address, port: int) -> tuple[Soak, FlowCut | None]:
        """Send requests until enough was carried, or one gets no answer."""
        is_cut = False
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_connection(str(address), port)
        except (OSError, TimeoutError):
            return self._soak(), None
        try:
            writer.write(self._stack.begin())
            while self._goes_on():
                await self._request(reader, writer)
        except TimeoutError:
            is_cut = self._received > 0
        except (OSError, EOFError, HttpError, StreamLayerError):
            self._sent = self._received  # the page or the proxy ended the connection, and not the path
        finally:
            writer.close()
        cut = FlowCut(self._sent + self._received, self._size, self._answered_at, self._sent - self._received)
        return self._soak(), cut if is_cut else None

    def _goes_on(self) -> bool:
        is_short = self._size < ENOUGH_BYTES and self._sent < MOST_REQUESTS
        return is_short and time.monotonic() - self._began < LIMIT_S

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its response. Raises TimeoutError if nothing more comes."""
        response = ResponseParser()
        self._write(writer, self._stack.send(page_request(self._page, keep_alive=True)))
        self._sent += 1
        while not response.is_complete:
            async with asyncio.timeout(self._timeout_s):
                received = await reader.read(_CHUNK)
            if not received:
                raise EOFError
            self._size += len(received)
            output = self._stack.receive(received)
            self._write(writer, output.reply)
            response.receive(output.data)
            if output.is_over and not response.is_complete:
                raise EOFError
        self._received += 1
        self._answered_at = time.monotonic() - self._began
        self._on_progress(SoakProgress(self._sent, MOST_REQUESTS, self._answered_at))

    def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if data:
            self._size += len(data)
            writer.write(data)

    def _soak(self) -> Soak:
        return Soak(self._sent, self._received, self._size, time.monotonic() - self._began)
