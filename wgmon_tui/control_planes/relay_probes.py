"""Probes of a mesh's relays: DERP, STUN, and the relay of NetBird. None sends a token or data of a node."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from wgmon_tui.checks.control_plane_report import MeshRelay
from wgmon_tui.config.relay_addresses import RelayAddress, RelayKind
from wgmon_tui.control_planes import stun
from wgmon_tui.control_planes.answers import BROKEN, UNKNOWN, WORKS
from wgmon_tui.control_planes.http_connection import HttpConnection, NoHttpError, TooLargeError
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.http_target import Url
from wgmon_tui.net.resolver import ResolutionError, Resolver
from wgmon_tui.net.tls_chain import ExpiredCertificateError
from wgmon_tui.net.tls_trust import explain_untrusted, trusting_context

MOST_RELAYS = 20
_MOST_AT_ONCE = 5
_RETRANSMISSION_S = 0.5
"""The first retransmission timeout of STUN over UDP (RFC 8489 §6.2.1); it doubles."""

_SWITCHING, _OK_STATUS = 101, 200
_DERP_PATH, _DERP_PROBE_PATH, _NETBIRD_PATH = "/derp", "/derp/probe", "/relay"


@dataclass(frozen=True, slots=True)
class ProbedRelay:
    """What became of one probe. `state` is WORKS, BROKEN or UNKNOWN; `certificate_end` is in Unix seconds."""

    address: RelayAddress
    state: str
    detail: str = ""
    seconds: float | None = None
    certificate_end: float | None = None


async def probe_relays(
    relays: Sequence[RelayAddress], authorities: bytes, resolver: Resolver, timeout_s: float
) -> list[ProbedRelay]:
    """Probe the first MOST_RELAYS, a few at once. Never raises for what they do."""
    turns = asyncio.Semaphore(_MOST_AT_ONCE)

    async def probe(relay: RelayAddress) -> ProbedRelay:
        async with turns:
            return await _probe(relay, authorities, resolver, timeout_s)

    return list(await asyncio.gather(*map(probe, relays[:MOST_RELAYS])))


def summarize(probed: Sequence[ProbedRelay]) -> tuple[MeshRelay, ...]:
    """One record for each name: a region works if a relay of it does, and is down if all are proven to be."""
    by_name: dict[str, list[ProbedRelay]] = {}
    for each in probed:
        if each.address.kind is not RelayKind.STUN or not each.address.region:
            by_name.setdefault(each.address.name, []).append(each)
    return tuple(_summary(name, found) for name, found in by_name.items())


def _summary(name: str, found: Sequence[ProbedRelay]) -> MeshRelay:
    if any(each.state == WORKS for each in found):
        return MeshRelay(name, True)
    works = False if all(each.state == BROKEN for each in found) else None
    return MeshRelay(name, works, found[0].detail)


async def _probe(
    relay: RelayAddress, authorities: bytes, resolver: Resolver, timeout_s: float
) -> ProbedRelay:
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await resolver.resolve(Endpoint(relay.host, relay.port), timeout_s)
            # IPv4 first: a machine without IPv6 resolves its addresses too.
            [address, *_] = sorted(addresses, key=lambda each: each.version)
            if relay.kind is RelayKind.STUN:
                return await _probe_stun(relay, address)
            return await _probe_stream(relay, address, authorities)
    except ResolutionError as error:
        return ProbedRelay(relay, UNKNOWN, f"its name does not resolve: {error}")
    except TimeoutError:
        return ProbedRelay(relay, UNKNOWN, "no answer in time")
    except ConnectionRefusedError:
        return ProbedRelay(relay, BROKEN, "the port refuses connections", time.monotonic() - began)
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is not trusted: {explain_untrusted(error)}"
        end = error.ended_at if isinstance(error, ExpiredCertificateError) else None
        return ProbedRelay(relay, BROKEN, why, certificate_end=end)
    except ssl.SSLError:
        return ProbedRelay(relay, BROKEN, "it does not speak TLS")
    except (NoHttpError, TooLargeError, ConnectionError):
        return ProbedRelay(relay, BROKEN, "it ends the connection, or does not answer with HTTP")
    except OSError as error:
        return ProbedRelay(relay, UNKNOWN, f"it was not reached: {os.strerror(error.errno or 0)}")


async def _probe_stun(relay: RelayAddress, address: Address) -> ProbedRelay:
    """Send binding requests until an answer. Raises OSError."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    transaction = secrets.token_bytes(stun.TRANSACTION_LENGTH)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.connect((str(address), relay.port))
        answer, wait_s = None, _RETRANSMISSION_S
        while answer is None:
            await loop.sock_sendall(opened, stun.make_request(transaction))
            answer = await _receive_stun(opened, transaction, wait_s)
            wait_s *= 2
    mapped = stun.mapped_address(answer)
    seen = f"it saw the request from {mapped[0]} port {mapped[1]}" if mapped else ""
    return ProbedRelay(relay, WORKS, seen, time.monotonic() - began)


async def _receive_stun(opened: socket.socket, transaction: bytes, wait_s: float) -> bytes | None:
    """The answer to this transaction; None if there is none in time. Raises OSError."""
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            while True:
                data = await loop.sock_recv(opened, 2048)
                if stun.is_answer(data, transaction):
                    return data
    return None


async def _probe_stream(relay: RelayAddress, address: Address, authorities: bytes) -> ProbedRelay:
    """Connect, begin TLS, and ask for the relay's protocol. Raises OSError, ssl.SSLError, NoHttpError.

    Nodes need the upgrade. The page by which they measure a DERP relay is only named if it fails.
    """
    began = time.monotonic()
    async with _connected(relay, address, authorities) as connection:
        end = connection.certificate_end
        if relay.kind is RelayKind.TLS:
            return ProbedRelay(relay, WORKS, "TLS begins", time.monotonic() - began, end)
        is_derp = relay.kind in (RelayKind.DERP, RelayKind.PLAIN_DERP)
        path = _DERP_PATH if is_derp else _NETBIRD_PATH
        status = (await connection.get(path, with_token=True)).status
        took = time.monotonic() - began
    if status != _SWITCHING:
        return ProbedRelay(relay, BROKEN, f"it is no relay: HTTP {status} to {path}", took, end)
    detail = await _find_page_fault(relay, address, authorities) if is_derp else ""
    return ProbedRelay(relay, WORKS, detail, took, end)


async def _find_page_fault(relay: RelayAddress, address: Address, authorities: bytes) -> str:
    """What is wrong with the page by which clients measure a DERP relay; "" if it answers."""
    try:
        async with _connected(relay, address, authorities) as connection:
            status = (await connection.get(_DERP_PROBE_PATH, with_token=False)).status
    except (NoHttpError, TooLargeError, OSError):
        return f"but {_DERP_PROBE_PATH} is not answered"
    return "" if status == _OK_STATUS else f"but {_DERP_PROBE_PATH} is answered with HTTP {status}"


@asynccontextmanager
async def _connected(
    relay: RelayAddress, address: Address, authorities: bytes
) -> AsyncIterator[HttpConnection]:
    """A new connection, with TLS if the relay has it. Raises OSError, ssl.SSLError."""
    connection = HttpConnection(Url(relay.host, relay.port, is_tls=relay.kind.is_tls), _upgrade(relay.kind))
    try:
        await connection.connect(address)
        if relay.kind.is_tls:
            await connection.start_tls(trusting_context(authorities))
        yield connection
    finally:
        connection.close()


def _upgrade(kind: RelayKind) -> Mapping[str, str]:
    """The headers that ask for the protocol of a relay instead of HTTP."""
    if kind in (RelayKind.DERP, RelayKind.PLAIN_DERP):
        return {"Connection": "Upgrade", "Upgrade": "DERP"}
    key = base64.b64encode(secrets.token_bytes(16)).decode("ascii")
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
