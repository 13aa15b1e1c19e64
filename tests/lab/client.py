"""A lab client: the protocol's initiator on a real loopback socket."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from typing import Self

from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.framing import PLAIN, Framing
from wgmon_tui.protocols.wireguard.handshake import Attempt, Initiator
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.wire import MessageType

ANSWER_TIMEOUT_S = 30.0
"""Longer than any answer on loopback, even on a busy machine."""

SILENCE_S = 0.1
"""After this time without an answer a loopback server is silent."""

_clock = itertools.count(time.time_ns())


class Client:
    """A client of one lab server."""

    def __init__(
        self,
        endpoint: Endpoint,
        private_key: PrivateKey,
        server: PublicKey,
        psk: PresharedKey = NO_PRESHARED_KEY,
        framing: Framing = PLAIN,
    ) -> None:
        self._framing = framing
        self.initiator = Initiator(private_key, server, psk)
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect((endpoint.host, endpoint.port))
        self._sender = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def attempt(self, cookie: bytes | None = None, timestamp: bytes | None = None) -> Attempt:
        return self.initiator.initiate(
            next(self._sender),
            timestamp or tai64n.encode(next(_clock)),
            cookie,
            header=self._framing.initiation_header(),
        )

    def send(self, packet: bytes) -> None:
        self._socket.send(packet)

    async def answer(self) -> bytes:
        """Receive the next datagram. Raises OSError if an ICMP error arrived instead."""
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await asyncio.get_running_loop().sock_recv(self._socket, 65535)

    async def request(self, packet: bytes) -> bytes:
        self.send(packet)
        return await self.answer()

    async def answers_until_silence(self, seconds: float = SILENCE_S) -> list[bytes]:
        answers = []
        try:
            while True:
                async with asyncio.timeout(seconds):
                    answers.append(await asyncio.get_running_loop().sock_recv(self._socket, 65535))
        except TimeoutError:
            return answers

    async def is_unanswered(self) -> bool:
        return not await self.answers_until_silence()

    async def handshake(self) -> Session:
        attempt = self.attempt()
        answer = await self.request(self._framing.frame(MessageType.INITIATION, attempt.packet))
        return attempt.complete(self._framing.unframe(answer) or b"")
