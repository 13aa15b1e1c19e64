"""The prober of the system path: a ping, a connection, and what answers on it."""

from __future__ import annotations

import asyncio
import errno
import re
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.context_evidence import LeavesBy
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.mesh_client import MeshClient, MeshPeer
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.stage import FETCH, HANDSHAKE, REACH, TUNNEL, Stage, StageOutcome
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.dns_answers import AddressAnswer, parse_address_answer
from wgmon_tui.net.host_names import encode_host
from wgmon_tui.net.http_target import Url
from wgmon_tui.net.inner_packets import dns_message
from wgmon_tui.net.netlink import RoutingSocket
from wgmon_tui.net.ping_socket import PingForbiddenError, ping
from wgmon_tui.net.routes import find_next_hop
from wgmon_tui.protocols.system_path.answers import OK, is_answer
from wgmon_tui.protocols.system_path.settings import NAME, SystemPathSettings

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]")
_LONGEST_STATUS_LINE = 1024
_HTTP_OK = range(200, 400)
_UNREACHABLE = (errno.EHOSTUNREACH, errno.EHOSTDOWN)
"""What a router on the path reports, or this machine of a neighbour: the host is at fault, or the path."""


class SystemPathProber(AddressProber[ServerTarget]):
    """Checks with sockets of this machine's own stack."""

    def __init__(self, vantage: str = "local") -> None:
        super().__init__(vantage)
        self._routing = RoutingSocket()
        self._clients: dict[str, MeshClient | None] = {}

    async def open(self) -> None:
        """Open the socket that asks for routes, where the system has one."""
        self._routing.open()

    async def close(self) -> None:
        """Close it."""
        self._routing.close()

    async def check_address(self, asked: AddressCheck[ServerTarget]) -> Check:
        """Try what the settings name, one after the other."""
        settings = asked.server.protocol_settings or SystemPathSettings()
        check = self.make_check(asked.server, asked.address)
        exchange: tuple[Packet, ...] = ()
        found: list[ProtocolEvidence] = []
        if settings.echo:
            echo, exchange = await _echo(asked.address, asked.server.timeout)
            found.append(echo)
        port, timeout = asked.server.endpoint.port, asked.server.timeout
        if settings.tcp or settings.http:
            found += await _connect(asked.address, port, timeout, settings.http, asked.server.endpoint.host)
        if settings.dns:
            found.append(await _resolve(asked.address, port, timeout, settings.dns))
        peer = await self._ask_client(asked, settings, found)
        if peer and settings.asks_client_alone:
            found += _as_answer(peer)
        answered = [each for each in found if is_answer(each)]
        rtts = [each.at for each in answered if each.at is not None]
        return replace(
            check,
            handshake=Handshake(rtts[0]) if rtts else None,
            evidence=(*found, *((peer,) if peer else ()), *self._interface_to(asked.address)),
            exchange=exchange,
            sent=len(found),
            stages=_stages(found),
        )

    async def _ask_client(
        self,
        asked: AddressCheck[ServerTarget],
        settings: SystemPathSettings,
        found: Sequence[ProtocolEvidence],
    ) -> MeshPeer | None:
        """What the client of the mesh knows of a host that answers nothing, or of one that is asked alone."""
        if not settings.client or any(map(is_answer, found)):
            return None
        if settings.client not in self._clients:
            self._clients[settings.client] = find_protocol(settings.client).make_mesh_client()
        client = self._clients[settings.client]
        return await client.query_peer(asked.address, asked.server.timeout) if client else None

    def _interface_to(self, address: Address) -> tuple[LeavesBy, ...]:
        """By which interface packets to an address leave this machine, where the system tells."""
        hop = find_next_hop(self._routing, address)
        return (LeavesBy(hop.interface),) if hop else ()


def _as_answer(peer: MeshPeer) -> list[ProtocolEvidence]:
    """The ping through WireGuard as something that must answer; nothing if it could not be sent."""
    if peer.is_answered is None:
        return []
    return [ProtocolEvidence(NAME, "tsmp", (OK if peer.is_answered else "silent",), peer.rtt)]


async def _echo(address: Address, timeout_s: float) -> tuple[ProtocolEvidence, tuple[Packet, ...]]:
    try:
        found = await ping(address, timeout_s)
    except PingForbiddenError:
        return ProtocolEvidence(NAME, "echo", ("forbidden",)), ()
    except OSError as error:
        if error.errno not in _UNREACHABLE:
            raise
        return ProtocolEvidence(NAME, "echo", ("unreachable",)), ()
    sent = tuple(Packet(0.0, Direction.SENT, each) for each in found.sent)
    if found.rtt is None or found.reply is None:
        return ProtocolEvidence(NAME, "echo", ("silent",)), sent
    received = Packet(found.rtt, Direction.RECEIVED, found.reply)
    return ProtocolEvidence(NAME, "echo", (OK,), found.rtt), (*sent, received)


async def _connect(
    address: Address, port: int, timeout_s: float, path: str, host: str
) -> list[ProtocolEvidence]:
    """Open a connection, and fetch a path over it if there is one."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(str(address), port)
    except ConnectionRefusedError:
        return [ProtocolEvidence(NAME, "tcp", ("refused", str(port)), time.monotonic() - began)]
    except TimeoutError:
        return [ProtocolEvidence(NAME, "tcp", ("silent", str(port)))]
    except OSError as error:
        if error.errno not in (*_UNREACHABLE, errno.ECONNRESET):
            raise
        return [ProtocolEvidence(NAME, "tcp", ("unreachable", str(port)))]
    found = [ProtocolEvidence(NAME, "tcp", (OK, str(port)), time.monotonic() - began)]
    try:
        if path:
            found.append(await _fetch(reader, writer, path, host, port, timeout_s))
    finally:
        writer.close()
    return found


async def _fetch(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    host: str,
    port: int,
    timeout_s: float,
) -> ProtocolEvidence:
    began = time.monotonic()
    authority = Url(encode_host(host), port, path).authority
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode("ascii"))
    try:
        async with asyncio.timeout(timeout_s):
            line = (await reader.readline())[:_LONGEST_STATUS_LINE]
    except (TimeoutError, ConnectionError, ValueError):
        return ProtocolEvidence(NAME, "http", ("silent", path))
    status = _STATUS_LINE.match(line)
    if status is None:
        return ProtocolEvidence(NAME, "http", ("no-http", path), time.monotonic() - began)
    word = OK if int(status[1]) in _HTTP_OK else "status"
    return ProtocolEvidence(NAME, "http", (word, path, status[1].decode()), time.monotonic() - began)


async def _resolve(address: Address, port: int, timeout_s: float, name: str) -> ProtocolEvidence:
    """Ask the host for a name, as a resolver does."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    transaction = secrets.randbits(16)
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.connect((str(address), port))
        try:
            async with asyncio.timeout(timeout_s):
                await loop.sock_sendall(opened, dns_message(transaction, name))
                answer = await _receive_dns(opened, transaction)
        except (TimeoutError, ConnectionRefusedError):
            return ProtocolEvidence(NAME, "dns", ("silent", name))
        except OSError as error:
            if error.errno not in _UNREACHABLE:
                raise
            return ProtocolEvidence(NAME, "dns", ("unreachable", name))
    word = OK if answer.rcode == 0 else f"error {answer.rcode}"
    return ProtocolEvidence(NAME, "dns", (word, name), time.monotonic() - began)


async def _receive_dns(opened: socket.socket, transaction: int) -> AddressAnswer:
    """The answer to this question; others are ignored. Raises OSError."""
    while True:
        answer = parse_address_answer(await asyncio.get_running_loop().sock_recv(opened, 2048))
        if answer and answer.transaction == transaction:
            return answer


_STAGES = {"echo": REACH, "tcp": HANDSHAKE, "http": FETCH, "dns": FETCH, "tsmp": TUNNEL}


def _stages(found: Sequence[ProtocolEvidence]) -> tuple[Stage, ...]:
    """One stage of each name: HTTP and DNS share theirs, and the one that failed counts."""
    stages: dict[str, Stage] = {}
    for stage in map(_stage, found):
        known = stages.get(stage.name)
        if known is None or (stage.outcome is StageOutcome.FAILED and known.outcome is StageOutcome.PASSED):
            stages[stage.name] = stage
    return tuple(stages.values())


def _stage(found: ProtocolEvidence) -> Stage:
    outcome = StageOutcome.PASSED if found.values[0] == OK else StageOutcome.FAILED
    if found.values[0] == "forbidden":
        outcome = StageOutcome.NOT_RUN
    return Stage(_STAGES[found.kind], outcome, found.at, describe_evidence(found))
