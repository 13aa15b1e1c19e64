"""A path to a healthy server, and a third party who sees every packet, sends any, and holds none up."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.protocols.wireguard.forged_packets import (
    ICMP_KINDS,
    TOO_BIG,
    IcmpForger,
    forged_cookie_reply,
    forged_data,
    forged_initiation,
    forged_response,
)
from tests.protocols.wireguard.harness import IDENTITY, SERVER
from tests.protocols.wireguard.relayed_path import RelayedPath, delay_all
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type, receiver_index

AGAIN_S = 0.05
"""The third party repeats its attack this often, until the next packet."""

_FALSE_MTUS = (0, 68, 552, 576, 1000, 1279, 1280, 1499, 65535)


class HostilePath(RelayedPath):
    """A relay with a round trip of `rtt` seconds. `attack` runs at each packet of the client, and again."""

    def __init__(self, server: Endpoint, rtt: float, attack: Attack) -> None:
        super().__init__(server, delay_all(rtt / 2), delay_all(rtt / 2))
        self.icmp = IcmpForger()
        self.icmp_of_a_hop = IcmpForger(sender="127.0.0.9")
        self.seen: list[bytes] = []
        """The latest packets of the client."""
        self.answers: list[bytes] = []
        """The latest packets of the server."""
        self._attack = attack
        self._elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._elsewhere.setblocking(False)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._again = asyncio.create_task(self._repeat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._again.cancel()
        await super().__aexit__(kind, error, trace)
        for each in (self.icmp, self.icmp_of_a_hop):
            each.__exit__(kind, error, trace)
        self._elsewhere.close()

    @property
    def client(self) -> tuple[str, int]:
        """The prober's address and port."""
        if self._client is None:
            raise AssertionError("no packet of the client has come yet")
        return self._client

    def inject(self, packet: bytes, *, from_elsewhere: bool = False) -> None:
        """Send a packet to the prober, with the server's address as its source or with another one."""
        with suppress(BlockingIOError):
            (self._elsewhere if from_elsewhere else self._front).sendto(packet, self.client)

    def report(self, kind: tuple[int, int], quoted: bytes = b"", mtu: int = 0) -> None:
        """Send ICMP errors about a packet of the client, as the server itself and as a hop."""
        server = (self.endpoint.host, self.endpoint.port)
        self.icmp.send(kind, self.client, server, quoted, mtu)
        self.icmp_of_a_hop.send(kind, self.client, server, quoted, mtu)

    def _forward(
        self, packet: bytes, delay: float | None, through: socket.socket, to: tuple[str, int]
    ) -> None:
        super()._forward(packet, delay, through, to)
        if through is self._back:
            self.seen = [*self.seen[-7:], packet]
            self._attack(self, packet)
        else:
            self.answers = [*self.answers[-7:], packet]

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_S)
            if self.seen:
                self._attack(self, self.seen[-1])


Attack = Callable[[HostilePath, bytes], None]


def blind_icmp(path: HostilePath, _: bytes) -> None:
    """ICMP errors of every kind by somebody who sees no packet: they quote no payload."""
    for kind in ICMP_KINDS[4]:
        path.report(kind)


def quoting_icmp(path: HostilePath, packet: bytes) -> None:
    """ICMP errors of every kind that quote the packet."""
    for kind in ICMP_KINDS[4]:
        path.report(kind, packet)


def false_mtu(path: HostilePath, packet: bytes) -> None:
    """Reports that a packet is too big, each with another MTU, blind and quoting."""
    for mtu in random.sample(_FALSE_MTUS, 2):
        path.report(TOO_BIG[4], packet, mtu)
        path.report(TOO_BIG[4], b"", mtu)


def cookie_replies(path: HostilePath, packet: bytes) -> None:
    """Cookie replies of garbage, and one that anybody can make who knows the server's public key."""
    if message_type(packet) is MessageType.INITIATION:
        path.inject(forged_cookie_reply(packet))
        path.inject(forged_cookie_reply(packet, SERVER.public))


def responses(path: HostilePath, packet: bytes) -> None:
    """92 bytes with a right mac1, for another index and for the right one."""
    path.inject(forged_response(IDENTITY.public, secrets.randbits(32)))
    path.inject(forged_response(IDENTITY.public, int.from_bytes(packet[4:8], "little")))


def data(path: HostilePath, _: bytes) -> None:
    """Transport packets: for an index that nobody has, and for the one of the session."""
    path.inject(forged_data(secrets.randbits(32)))
    for answer in path.answers[-1:]:
        path.inject(forged_data(receiver_index(answer) or 0, counter=secrets.randbits(48)))


def initiations(path: HostilePath, _: bytes) -> None:
    """Initiations with a right mac1, as if the server made them."""
    for packet in [forged_initiation(IDENTITY.public) for _ in range(20)]:
        path.inject(packet)


def replays(path: HostilePath, packet: bytes) -> None:
    """Every packet once more, from the server's address and from elsewhere."""
    for each in (packet, *path.answers):
        path.inject(each)
        path.inject(each, from_elsewhere=True)


def garbage(path: HostilePath, _: bytes) -> None:
    """Random bytes of random lengths."""
    for size in random.choices(range(1500), k=10):
        path.inject(secrets.token_bytes(size))


def all_at_once(path: HostilePath, packet: bytes) -> None:
    """Every attack."""
    for attack in ATTACKS:
        if attack is not all_at_once:
            attack(path, packet)


ATTACKS: tuple[Attack, ...] = (
    blind_icmp,
    quoting_icmp,
    false_mtu,
    cookie_replies,
    responses,
    data,
    initiations,
    replays,
    garbage,
    all_at_once,
)
