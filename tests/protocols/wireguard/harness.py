"""Test harness: a prober, a target, and a server with scripted answers."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from types import TracebackType
from typing import Self, TypeVar

from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.cookie import CookieJar
from wgmon_tui.protocols.wireguard.handshake import Responder
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

IDENTITY = PrivateKey.generate()
SERVER = PrivateKey.generate()
PSK = PresharedKey(bytes(range(32)))

ANSWER_TIMEOUT_S = 3.0
"""The deadline of checks that get an answer: long enough for loopback on a busy machine."""

PATIENCE_S = 60.0
"""How long a test waits for something that should happen at once: the machine may be busy."""

SILENCE_TIMEOUT_S = 0.2
"""The deadline of checks that expect silence."""

Script = Callable[[bytes], Iterable[bytes]]
"""The datagrams to send in reply to an initiation, in order."""

Address = tuple[str, int]
_Evidence = TypeVar("_Evidence")

_clock = itertools.count(time.time_ns())
_responder = Responder(SERVER)
_cookies = CookieJar(SERVER.public)


def timestamps(_: PublicKey) -> bytes:
    return tai64n.encode(next(_clock))


@asynccontextmanager
async def opened_prober() -> AsyncIterator[Prober]:
    prober = Prober(timestamps=timestamps, vantage="here")
    await prober.open()
    try:
        yield prober
    finally:
        await prober.close()


def make_target(
    endpoint: Endpoint,
    *,
    timeout: float = ANSWER_TIMEOUT_S,
    psk: PresharedKey = NO_PRESHARED_KEY,
    server: PublicKey = SERVER.public,
    name: str = "fra1",
) -> Target:
    return Target(Server(name, endpoint, server, "bastion", timeout=timeout), IDENTITY, psk)


async def check(prober: Prober, target: Target) -> Check:
    """Check the single address of a test endpoint."""
    return await prober.check(target, ip_address(target.server.endpoint.host))


def evidence_of_kind(kind: type[_Evidence], check: Check) -> list[_Evidence]:
    return [each for each in check.evidence if isinstance(each, kind)]


def response_to(initiation: bytes, psk: PresharedKey = NO_PRESHARED_KEY) -> bytes:
    """The authentic response; under another preshared key a forgery with the right index and mac1."""
    packet, _ = _responder.respond(_responder.open(initiation), 7, psk)
    return packet


def cookie_reply_to(initiation: bytes) -> bytes:
    """An authentic cookie reply."""
    return _cookies.reply(initiation, b"anywhere", 0.0)


def carries_cookie(initiation: bytes) -> bool:
    """Whether an initiation was made with the cookie of `cookie_reply_to`."""
    return _cookies.verify(initiation, b"anywhere", 0.0)


def silence(_: bytes) -> Iterable[bytes]:
    return ()


def healthy(initiation: bytes) -> Iterable[bytes]:
    return (response_to(initiation),)


class ScriptedServer:
    """A UDP server on loopback with scripted answers; it records what it receives."""

    def __init__(self, script: Script, host: str = "127.0.0.1") -> None:
        self.script = script
        self.received: list[bytes] = []
        self.sources: list[Address] = []
        self._arrived = asyncio.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.endpoint = Endpoint(host, self._socket.getsockname()[1])

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    @property
    def initiations(self) -> list[bytes]:
        return [packet for packet in self.received if message_type(packet) is MessageType.INITIATION]

    async def wait_for_packets(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.received) < count:
                self._arrived.clear()
                await self._arrived.wait()

    def send(self, packet: bytes, to: Address) -> None:
        self._socket.sendto(packet, to)

    def _read(self) -> None:
        packet, source = self._socket.recvfrom(65535)
        self.received.append(packet)
        self._arrived.set()
        self.sources.append((source[0], source[1]))
        if message_type(packet) is MessageType.INITIATION:
            for answer in self.script(packet):
                self._socket.sendto(answer, source)


@contextmanager
def closed_port(host: str = "127.0.0.1") -> Iterator[Endpoint]:
    """A port that stays closed: a socket connected to itself accepts no other sender."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as reserved:
        reserved.bind((host, 0))
        reserved.connect(reserved.getsockname())
        yield Endpoint(host, reserved.getsockname()[1])
