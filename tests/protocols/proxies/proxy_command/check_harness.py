"""Checks of a proxy through a program that tests write."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.proxies.links.records import Hysteria2Link
from wgmon_tui.protocols.proxies.proxy_command.settings import CommandSettings
from wgmon_tui.protocols.proxies.proxy_command.targets import CommandTarget

PROGRAM = str(Path(__file__).with_name("socks_program.py"))
LINK = Hysteria2Link(Endpoint("127.0.0.1", 443), "SECRET")


@asynccontextmanager
async def page() -> AsyncIterator[Url]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield Url("127.0.0.1", server.sockets[0].getsockname()[1])


def target(url: Url, *command: str, password: str = "SECRET", port: int = 0) -> CommandTarget:
    settings = CommandSettings(
        fetch=url,
        fetch_second=HttpTarget(url, 204),
        command=command or (sys.executable, PROGRAM, "{config}"),
        port=port,
    )
    server = Server(
        "h",
        LINK.endpoint,
        protocol="proxy-command",
        timeout=5.0,
        slow=5.0,  # any machine may be busy
        protocol_settings=settings,
    )
    return CommandTarget(server, None if port else replace(LINK, password=password))


async def check(wanted: CommandTarget) -> Check:
    prober = find_protocol("proxy-command").make_prober(ProbeServices(lambda _: b""))
    (found,) = await prober.check_all(wanted)
    return found


def verdict(found: Check, wanted: CommandTarget) -> tuple[Verdict, str]:
    diagnosis = find_protocol("proxy-command").diagnose(found, wanted.server)
    return diagnosis.verdict, diagnosis.summary
