"""Checks of an address through this machine's own stack, without namespaces."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.net.ping_socket import Ping
from wgmon_tui.protocols.system_path import check as system_path

PROTOCOL = find_protocol("system-path")
ENTRY = """
[[server]]
name = "node"
protocol = "system-path"
endpoint = "{at}"
timeout = "10s"
slow = "10s"

[server.system-path]
"""


def server(options: str = "", at: str = "127.0.0.1:9") -> Server:
    (only,) = parse(ENTRY.format(at=at) + options).servers
    return only


async def look(checked: Server) -> tuple[Check, Diagnosis]:
    prober = PROTOCOL.make_prober(ProbeServices(lambda _: b""))
    (found,) = await prober.check_all(ServerTarget(checked))
    return found, PROTOCOL.diagnose(found, checked)


def test_a_table_that_leaves_nothing_to_check_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing is left to check"):
        server("echo = false\ntcp = false")


@pytest.mark.parametrize("name", ["x" * 300, "a b", "a..b", "é" * 80])
def test_a_name_that_dns_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="dns"):
        server(f'dns = "{name}"')


def test_a_check_in_which_nothing_was_asked_is_not_healthy() -> None:
    nothing = Check("node", "local", server().endpoint, ip_address("127.0.0.1"), 0.0, None, ())
    assert PROTOCOL.diagnose(nothing, server()).verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("values", [(), ("status",), ("ok", "1", "2", "3")])
@pytest.mark.parametrize("kind", ["echo", "http", "other"])
def test_evidence_of_another_machine_may_have_any_values(kind: str, values: tuple[str, ...]) -> None:
    evidence = (ProtocolEvidence("system-path", kind, values),)
    sent = Check("node", "far", server().endpoint, ip_address("127.0.0.1"), 0.0, None, evidence)
    assert PROTOCOL.diagnose(sent, server()).evidence


def test_a_host_that_the_path_reports_as_unreachable_is_no_fault_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ping(*_: object) -> Ping:
        raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))

    monkeypatch.setattr(system_path, "ping", ping)
    found, diagnosis = asyncio.run(look(server("tcp = false")))
    assert diagnosis.verdict is Verdict.SILENT
    assert found.handshake is None
    assert "the ping does not reach the host" in " ".join(diagnosis.evidence)
    assert found.failed_stage is not None
    assert found.failed_stage.detail == diagnosis.evidence[0]


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    is_named = b"Host: xn--fa-hia.example:" in request or b"Host: 127.0.0.1:" in request
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if is_named else b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


def test_a_request_names_host_and_port_in_the_form_of_http() -> None:
    async def fetch() -> tuple[str, ...]:
        async with await asyncio.start_server(answer_ok, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            found = await system_path._fetch(reader, writer, "/health", "faß.example", port, 5.0)
            writer.close()
            return found.values

    assert asyncio.run(fetch()) == ("ok", "/health", "200")


def test_a_fetch_stage_fails_if_one_of_http_and_dns_does() -> None:
    async def check() -> tuple[Check, Diagnosis]:
        async with await asyncio.start_server(answer_ok, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            options = 'echo = false\nhttp = "/health"\ndns = "www.example.net"'
            return await look(server(options, f"127.0.0.1:{port}"))

    found, diagnosis = asyncio.run(check())
    assert diagnosis.verdict is Verdict.INNER_DEAD
    assert [each.name for each in found.stages[1:]] == ["handshake", "fetch"]
    assert diagnosis.failed_stage == "fetch"


class NameServer(asyncio.DatagramProtocol):
    """Says that another question has no answer, then answers the question that was asked."""

    transport: asyncio.DatagramTransport

    def __init__(self, rcode: int) -> None:
        self._rcode = rcode

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        other = bytes((data[0] ^ 1, data[1]))
        self.transport.sendto(other + b"\x81\x83\0\1\0\0\0\0\0\0" + data[12:], addr)
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x08\0\5"
        counts, records = (b"\0\1\0\0", b"") if self._rcode else (b"\0\1\0\1", record)
        head = data[:2] + bytes((0x81, 0x80 | self._rcode)) + counts + bytes(4)
        self.transport.sendto(head + data[12:] + records, addr)


def bind_stream_and_datagrams() -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on one port of loopback. Where another program has the second, both are new."""
    while True:
        stream, datagrams = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        stream.bind(("127.0.0.1", 0))
        try:
            datagrams.bind(stream.getsockname())
        except OSError:
            stream.close()
            datagrams.close()
        else:
            return stream, datagrams


async def look_at_services(status_line: bytes, rcode: int, options: str) -> tuple[Check, Diagnosis]:
    """Check a host whose port has both an HTTP server and a name server."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(status_line)
        writer.close()

    stream, datagrams = bind_stream_and_datagrams()
    port = stream.getsockname()[1]
    async with await asyncio.start_server(answer, sock=stream):
        loop, names = asyncio.get_running_loop(), NameServer(rcode)
        names.transport, _ = await loop.create_datagram_endpoint(lambda: names, sock=datagrams)
        try:
            return await look(server(options, f"127.0.0.1:{port}"))
        finally:
            names.transport.close()


OK_LINE, NO_HTTP = b"HTTP/1.1 200 OK\r\n", b"220 mail ESMTP\r\n"
HTTP, DNS = 'http = "/health"', 'dns = "www.example.net"'


@pytest.mark.parametrize(
    ("status_line", "rcode", "options", "verdict", "words"),
    [
        (OK_LINE, 0, f"{HTTP}\n{DNS}", Verdict.HEALTHY, "answers through this machine's own network"),
        (NO_HTTP, 0, f"{HTTP}\n{DNS}", Verdict.INNER_DEAD, "HTTP /health gets an answer that is not HTTP"),
        (
            OK_LINE,
            3,
            f"tcp = false\n{DNS}",
            Verdict.INNER_DEAD,
            "DNS www.example.net: the name does not exist",
        ),
    ],
    ids=["healthy", "no HTTP", "no such name"],
)
def test_each_service_must_answer_as_it_should(
    status_line: bytes, rcode: int, options: str, verdict: Verdict, words: str
) -> None:
    found, diagnosis = asyncio.run(look_at_services(status_line, rcode, f"echo = false\n{options}"))
    assert diagnosis.verdict is verdict
    assert words in diagnosis.summary
    assert diagnosis.failed_stage == ("" if verdict is Verdict.HEALTHY else "fetch")
    assert (found.failed_stage is None) == (verdict is Verdict.HEALTHY)
