"""Checks of an address through this machine's own stack, without namespaces."""

from __future__ import annotations

import asyncio
import errno
import os
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check import Check
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
timeout = "900ms"

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
