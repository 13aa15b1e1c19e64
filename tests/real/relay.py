"""A UDP relay on the router that can change traffic between client and server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import count

from tests.real.namespaces import RoutedPath, entered
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1
from wgmon_tui.protocols.wireguard.keys import PublicKey
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD, MessageType, message_type

_LARGEST_DATAGRAM = 2048


class Towards(Enum):
    """The direction of a packet."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A packet to forward after `after` seconds."""

    towards: Towards
    packet: bytes
    after: float = 0.0


Meddler = Callable[[Towards, bytes], Iterable[Delivery]]
"""A function that decides what happens to a packet."""


class Relay:
    """A relay on the router's address towards the client. Create it inside the event loop; close it."""

    def __init__(self, path: RoutedPath, server: tuple[Address, int], meddler: Meddler) -> None:
        self._path = path
        self._server = (str(server[0]), server[1])
        self._meddler = meddler
        self._loop = asyncio.get_running_loop()
        self._flows: dict[tuple[str, int], socket.socket] = {}
        self._front = self._opened()
        self._front.bind((str(path.router_address(4)), 0))
        self._loop.add_reader(self._front, self._from_client)

    @property
    def endpoint(self) -> tuple[Address, int]:
        return self._path.router_address(4), self._front.getsockname()[1]

    def close(self) -> None:
        for each in (self._front, *self._flows.values()):
            self._loop.remove_reader(each)
            each.close()

    def _opened(self) -> socket.socket:
        with entered(self._path.router):
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def _from_client(self) -> None:
        packet, client = self._front.recvfrom(_LARGEST_DATAGRAM)
        if client not in self._flows:
            flow = self._flows[client] = self._opened()
            flow.connect(self._server)
            self._loop.add_reader(flow, self._from_server, client)
        self._forward(Towards.SERVER, packet, client)

    def _from_server(self, client: tuple[str, int]) -> None:
        with contextlib.suppress(ConnectionError):  # what an ICMP error of the server's becomes here
            self._forward(Towards.CLIENT, self._flows[client].recv(_LARGEST_DATAGRAM), client)

    def _forward(self, towards: Towards, packet: bytes, client: tuple[str, int]) -> None:
        for delivery in self._meddler(towards, packet):
            if delivery.after:
                self._loop.call_later(delivery.after, self._deliver, delivery, client)
            else:
                self._deliver(delivery, client)

    def _deliver(self, delivery: Delivery, client: tuple[str, int]) -> None:
        if self._front.fileno() == -1:
            return
        with contextlib.suppress(ConnectionError):
            if delivery.towards is Towards.CLIENT:
                self._front.sendto(delivery.packet, client)
            else:
                self._flows[client].send(delivery.packet)


# Meddlers


def delaying(seconds: float) -> Meddler:
    """Delay all packets in both directions."""
    return lambda towards, packet: [Delivery(towards, packet, seconds)]


def losing_two_of_three_data_packets() -> Meddler:
    """Drop some of the client's data; keepalives and handshakes pass."""
    numbers = count()

    def meddle(towards: Towards, packet: bytes) -> list[Delivery]:
        data = message_type(packet) is MessageType.TRANSPORT and len(packet) > TRANSPORT_OVERHEAD
        lost = towards is Towards.SERVER and data and next(numbers) % 3
        return [] if lost else [Delivery(towards, packet)]

    return meddle


def another_service(_: Towards, __: bytes) -> list[Delivery]:
    """A service other than WireGuard that answers every packet."""
    return [Delivery(Towards.CLIENT, b"220 ready\r\n")]


def forging(client: PublicKey, *, instead: bool) -> Meddler:
    """Send a forged response to each initiation, before the server's response or instead of it."""
    mac1 = Mac1(client)

    def meddle(towards: Towards, packet: bytes) -> list[Delivery]:
        if message_type(packet) is not MessageType.INITIATION:
            return [Delivery(towards, packet)]
        # The index is in clear text, and mac1 needs only the client's public key: no secret is needed.
        message = b"\x02\0\0\0" + os.urandom(4) + packet[4:8] + os.urandom(32 + 16)
        forged = Delivery(Towards.CLIENT, message + mac1.compute(message) + NO_MAC)
        return [forged] if instead else [forged, Delivery(towards, packet)]

    return meddle
