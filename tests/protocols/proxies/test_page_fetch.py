"""The end of a stream: a layer says it, while the connection stays open."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from wgmon_tui.lab.openvpn.certificates import LabAuthority
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.proxies.grpc_layer import GrpcLayer
from wgmon_tui.protocols.proxies.page_fetch import PageFetch, PageFetcher
from wgmon_tui.protocols.proxies.stream_layers import StreamLayer
from wgmon_tui.protocols.proxies.tls_layer import TlsLayer, make_context
from wgmon_tui.protocols.proxies.websocket_layer import WebSocketLayer

NAME = "lab.example"
WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nready"
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nready"


@asynccontextmanager
async def tls_server(directory: Path, answer: bytes) -> AsyncIterator[int]:
    """Send an answer and close_notify (RFC 8446 §6.1), and leave the connection open."""
    issued = LabAuthority().issue_server(NAME)
    file = directory / "server.pem"
    file.write_text(issued.certificate + issued.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            incoming.write(await reader.read(65536))
            try:
                tls.do_handshake()
                request += tls.read()
            except ssl.SSLWantReadError:
                pass
            writer.write(outgoing.read())
        tls.write(answer)
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        writer.write(outgoing.read())
        with suppress(asyncio.CancelledError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def fetch(port: int, layers: list[StreamLayer]) -> PageFetch:
    page = HttpTarget(Url(NAME, 80), 200, "ready")
    return await PageFetcher(page, layers, timeout_s=20.0).run(ip_address("127.0.0.1"), port)


def tls_layer() -> TlsLayer:
    return TlsLayer("tls", make_context(is_verified=False), NAME)


async def test_close_notify_ends_a_page_without_length_before_the_connection_ends(tmp_path: Path) -> None:
    async with tls_server(tmp_path, WITHOUT_LENGTH) as port:
        found = await fetch(port, [tls_layer()])
    assert found.fault is None
    assert found.ended < 10.0


async def test_close_notify_in_the_middle_of_a_page_is_no_stall(tmp_path: Path) -> None:
    async with tls_server(tmp_path, SHORT) as port:
        found = await fetch(port, [tls_layer()])
    assert (found.fault, found.status) == ("closed", 200)
    assert found.ended < 10.0


def test_a_close_frame_of_websocket_is_the_end() -> None:
    layer = WebSocketLayer("/", NAME)
    layer.is_open = True
    assert not layer.unwrap(b"\x82\x01x").is_over
    assert layer.unwrap(b"\x88\x02\x03\xe8").is_over


def test_the_end_of_a_call_of_grpc_is_the_end_of_its_data() -> None:
    layer = GrpcLayer("service", NAME, is_tls=True)
    layer.open()
    message = b"\x00\x00\x00\x00\x03\x0a\x01x"
    output = layer.unwrap(len(message).to_bytes(3, "big") + b"\x00\x01\x00\x00\x00\x01" + message)
    assert (output.data, output.is_over) == (b"x", True)
