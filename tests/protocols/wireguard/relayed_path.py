"""A UDP relay on loopback that delays, drops or redirects packets between prober and server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from wgmon_tui.net.addresses import Endpoint

Delay = Callable[[bytes], float | None]
"""The delay of a packet in seconds; None drops it."""

_LARGEST_DATAGRAM = 65535


def delay_all(seconds: float) -> Delay:
    """Delay every packet of a direction."""
    return lambda _: seconds


class RelayedPath:
    """A relay for one client. `to_server` and `to_client` give the delay of each packet.

    Answers come from the relay's own address; with `reply_from` they come from another address of loopback.
    """

    def __init__(
        self, server: Endpoint, to_server: Delay, to_client: Delay, *, reply_from: str = "127.0.0.1"
    ) -> None:
        self.to_server, self.to_client = to_server, to_client
        self._server = (server.host, server.port)
        self._client: tuple[str, int] | None = None
        self._front, self._back = _bind("127.0.0.1"), _bind("127.0.0.1")
        self.direct: Callable[[bytes], bool] = lambda _: False
        """Which answers come from the relay's own address all the same."""
        self._replies = self._front if reply_from == "127.0.0.1" else _bind(reply_from)
        self.endpoint = Endpoint("127.0.0.1", self._front.getsockname()[1])
        self.replies_from: tuple[str, int] = self._replies.getsockname()
        self._timers: list[asyncio.TimerHandle] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._front, self._from_client)
        self._loop.add_reader(self._back, self._from_server)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        for each in {self._front, self._back, self._replies}:
            self._loop.remove_reader(each)
            each.close()

    def _from_client(self) -> None:
        packet, self._client = self._front.recvfrom(_LARGEST_DATAGRAM)
        self._forward(packet, self.to_server(packet), self._back, self._server)

    def _from_server(self) -> None:
        packet, _ = self._back.recvfrom(_LARGEST_DATAGRAM)
        if self._client:
            through = self._front if self.direct(packet) else self._replies
            self._forward(packet, self.to_client(packet), through, self._client)

    def _forward(
        self, packet: bytes, delay: float | None, through: socket.socket, to: tuple[str, int]
    ) -> None:
        if delay is not None:
            self._timers.append(self._loop.call_later(delay, through.sendto, packet, to))


def _bind(host: str) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind((host, 0))
    return bound
