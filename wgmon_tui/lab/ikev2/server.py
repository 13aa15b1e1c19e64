"""An IKEv2 server on a UDP port of loopback, healthy or with a fault, for the demo and the tests."""

from __future__ import annotations

import asyncio
import random
import socket

from wgmon_tui.lab.ikev2.responder import LabIkeResponder, LabIkeSetup
from wgmon_tui.lab.models import LabBehaviour
from wgmon_tui.lab.started_server import StartedServer
from wgmon_tui.net.addresses import Endpoint

_LARGEST_DATAGRAM = 65535
_DATAGRAMS_PER_TURN = 64


class LabIkeServer(StartedServer):
    """Binds its port when it is made, and answers from `start` on. Raises OSError if the port is taken."""

    def __init__(
        self,
        setup: LabIkeSetup,
        behaviour: LabBehaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._behaviour = behaviour or LabBehaviour()
        self._socket = _bind(host, port)
        self._random = random.Random(self._behaviour.seed)  # noqa: S311  jitter, no secrets
        self.endpoint = Endpoint(host, self._socket.getsockname()[1])
        self.responder = LabIkeResponder(setup, (host, self.endpoint.port))
        self._is_started = False

    async def start(self) -> None:
        """Start to answer."""
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._is_started = True

    async def stop(self) -> None:
        """Stop answering and close the port."""
        if self._is_started:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._is_started = False
        self._socket.close()

    def _read(self) -> None:
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                datagram, source = self._socket.recvfrom(_LARGEST_DATAGRAM)
            except (BlockingIOError, ConnectionError):  # ICMP errors about the answers arrive here too
                return
            answer = self.responder.receive(datagram, (source[0], source[1]))
            if answer is not None:
                asyncio.get_running_loop().call_later(self._delay(), self._send, answer, source)

    def _delay(self) -> float:
        jitter = self._behaviour.jitter
        return self._behaviour.latency + (self._random.expovariate(1 / jitter) if jitter else 0.0)

    def _send(self, answer: bytes, destination: tuple[str, int]) -> None:
        if self._is_started:
            try:
                self._socket.sendto(answer, destination)
            except (BlockingIOError, ConnectionError):
                return  # lost, as in any network


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
