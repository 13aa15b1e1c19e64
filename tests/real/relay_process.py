"""The child process of relay.py: forwards UDP between clients and one server.

Its arguments are the server's address and port, and the addresses of its front: the one that clients send to
and the other one. It prints the port of its front. Then each line of stdin is a `RelaySettings` as JSON; it
prints "ok" when that is in force. It ends when stdin ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time

from tests.real.relay_settings import AnswerFrom, RelaySettings, Towards, settings_from_json
from tests.real.relay_traffic import Delivery, Flow, Traffic

_LARGEST_DATAGRAM = 65535


class _Forwarder:
    """The sockets: a front for clients, one for each flow towards the server, two for odd answers."""

    def __init__(self, server: tuple[str, int], front: str, other: str) -> None:
        self._server = server
        self.traffic = Traffic(RelaySettings())
        self._flows: dict[Flow, socket.socket] = {}
        self._front = _bound(front, 0)
        self.port: int = self._front.getsockname()[1]
        # Nobody reads from the others, so packets to them are lost without an ICMP error.
        self._answering = {
            AnswerFrom.SAME: self._front,
            AnswerFrom.OTHER_PORT: _bound(front, 0),
            AnswerFrom.OTHER_ADDRESS: _bound(other, self.port),
        }
        asyncio.get_running_loop().add_reader(self._front, self._from_client)

    def _from_client(self) -> None:
        packet, client = self._front.recvfrom(_LARGEST_DATAGRAM)
        if client not in self._flows:
            flow = self._flows[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            flow.setblocking(False)
            flow.connect(self._server)
            asyncio.get_running_loop().add_reader(flow, self._from_server, client)
        self._forward(Towards.SERVER, packet, client)

    def _from_server(self, client: Flow) -> None:
        with contextlib.suppress(ConnectionError):  # what an ICMP error of the server's becomes here
            self._forward(Towards.CLIENT, self._flows[client].recv(_LARGEST_DATAGRAM), client)

    def _forward(self, towards: Towards, packet: bytes, client: Flow) -> None:
        for delivery in self.traffic.decide(towards, client, packet, time.monotonic()):
            if delivery.after:
                asyncio.get_running_loop().call_later(delivery.after, self._deliver, delivery, client)
            else:
                self._deliver(delivery, client)

    def _deliver(self, delivery: Delivery, client: Flow) -> None:
        with contextlib.suppress(ConnectionError, BlockingIOError):
            if delivery.towards is Towards.CLIENT:
                self._answering[self.traffic.settings.answer_from].sendto(delivery.packet, client)
            else:
                self._flows[client].send(delivery.packet)


def _bound(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((address, port))
    return made


async def main() -> None:
    server, port, front, other = sys.argv[1:]
    forwarder = _Forwarder((server, int(port)), front, other)
    print(forwarder.port, flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        forwarder.traffic = Traffic(settings_from_json(line.decode()))
        print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
