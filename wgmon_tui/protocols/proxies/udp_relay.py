"""A DNS query over UDP through a proxy."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.net.addresses import NameServer
from wgmon_tui.net.dns_answers import parse_address_answer
from wgmon_tui.net.inner_packets import dns_message
from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.dialects import Association, Relay
from wgmon_tui.protocols.proxies.fetches import ProxyFetches
from wgmon_tui.protocols.proxies.findings import OK, UDP
from wgmon_tui.protocols.proxies.links.records import StreamLinkT
from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError, StreamStack

_DNS_PORT = 53
_LARGEST = 65535


async def ask_over_udp(fetches: ProxyFetches[StreamLinkT], server: NameServer) -> ProtocolEvidence:
    """Ask a name server through the proxy. What came back, or what went wrong."""
    target = fetches.target
    destination = Destination(str(server.address), _DNS_PORT)
    relay = fetches.dialect.make_relay(target.link, destination, fetches.unix_time)
    transaction = secrets.randbits(16)
    query = dns_message(transaction, server.name or "")
    began = time.monotonic()
    try:
        async with asyncio.timeout(fetches.timeout_s):
            word = await _ask(fetches, relay, query, transaction)
    except TimeoutError:
        word = "silent"
    except (ConnectionRefusedError, ConnectionResetError):
        word = "refused"
    except OSError:
        word = "unreachable"
    except StreamLayerError as error:
        word = error.reason
    took = time.monotonic() - began if word == OK else None
    return ProtocolEvidence(target.server.protocol, UDP, (str(server.address), word), took)


async def _ask(fetches: ProxyFetches[StreamLinkT], relay: Relay, query: bytes, transaction: int) -> str:
    port = fetches.target.server.endpoint.port
    if relay.association is not None:
        async with _associated(fetches, relay.association) as bound_port:
            return await _ask_by_datagram(fetches, relay, query, transaction, bound_port)
    if relay.layer is None:
        return await _ask_by_datagram(fetches, relay, query, transaction, port)
    return await _ask_on_stream(fetches, relay, query, transaction)


@asynccontextmanager
async def _associated(fetches: ProxyFetches[StreamLinkT], layer: Association) -> AsyncIterator[int]:
    """Open the stream, and yield the port for datagrams. Raises OSError and StreamLayerError."""
    stack = StreamStack([layer])
    reader, writer = await asyncio.open_connection(str(fetches.address), fetches.target.server.endpoint.port)
    try:
        writer.write(stack.begin())
        while not stack.is_open:
            received = await reader.read(_LARGEST)
            if not received:
                raise ConnectionResetError
            writer.write(stack.receive(received).reply)
        yield layer.bound_port
    finally:
        writer.close()


async def _ask_by_datagram(
    fetches: ProxyFetches[StreamLinkT], relay: Relay, query: bytes, transaction: int, port: int
) -> str:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET if fetches.address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.connect((str(fetches.address), port))
        await loop.sock_sendall(opened, relay.pack(query))
        while True:
            answer = relay.unpack(await loop.sock_recv(opened, _LARGEST))
            if answer is not None and (word := _judge(answer, transaction)):
                return word


async def _ask_on_stream(
    fetches: ProxyFetches[StreamLinkT], relay: Relay, query: bytes, transaction: int
) -> str:
    assert relay.layer is not None  # noqa: S101
    stack = StreamStack([*await fetches.outer_layers(fetches.target.link), relay.layer])
    port = fetches.target.server.endpoint.port
    reader, writer = await asyncio.open_connection(str(fetches.address), port)
    try:
        writer.write(stack.begin() + stack.send(relay.pack(query)))
        buffer = b""
        while received := await reader.read(_LARGEST):
            output = stack.receive(received)
            if output.reply:
                writer.write(output.reply)
            buffer += output.data
            answer = relay.unpack(buffer)
            if answer is not None:
                return _judge(answer, transaction) or "another answer"
            if output.is_over:
                break
        return "closed"
    finally:
        writer.close()


def _judge(answer: bytes, transaction: int) -> str:
    """OK, the error of the name server, or "" for an answer to another query."""
    found = parse_address_answer(answer)
    if found is None or found.transaction != transaction:
        return ""
    return OK if found.rcode == 0 else f"error {found.rcode}"
