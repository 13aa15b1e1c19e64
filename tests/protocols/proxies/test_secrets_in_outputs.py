"""No link, password, user ID, path or token in anything that a running program stores, prints or shows.

The counter-example is a checker whose metrics have the whole link in a label.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from uuid import UUID

from tests.daemon.harness import running_writer, until
from tests.subscriptions.list_server import list_server
from tests.tui.sample_fleet import QuietEngine
from tests.tui.server_screen_harness import opened
from wgmon_tui.cli.main import main
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.lab.proxies.page import LabPage
from wgmon_tui.lab.proxies.shadowsocks import METHOD, LabShadowsocksServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import render_metrics
from wgmon_tui.protocols.proxies.links.parse import write_link
from wgmon_tui.protocols.proxies.links.records import (
    PROTOCOL_OF,
    ProxyLink,
    ShadowsocksLink,
    TrojanLink,
    VlessLink,
    VmessLink,
    WebSocketOptions,
)
from wgmon_tui.vantages.protocol import encode_report_body

PASSWORD, PATH, TOKEN = "hunter2secret", "/hidden-path-77", "SECRETTOKEN"
USER_ID = UUID("5ec4e7a0-1111-4222-8333-00005ec4e701")


def forbidden() -> list[bytes]:
    """The secrets, and the forms in which a protocol or a link writes them."""
    user = f"{METHOD}:{PASSWORD}".encode()
    return [
        *(each.encode() for each in (PASSWORD, PATH, TOKEN, str(USER_ID), USER_ID.hex)),
        *(each.encode().hex().encode() for each in (PASSWORD, PATH, TOKEN)),
        USER_ID.bytes,
        base64.b64encode(user).rstrip(b"="),
        hashlib.sha224(PASSWORD.encode()).hexdigest().encode(),
        hashlib.sha224(PASSWORD.encode()).hexdigest().encode().hex().encode(),
        *(f"{scheme}://".encode() for scheme in ("ss", "vmess", "vless", "trojan")),
    ]


def find_secrets(text: bytes) -> list[bytes]:
    return [each for each in forbidden() if each in text]


def links(healthy: Endpoint, silent: Endpoint) -> list[ProxyLink]:
    websocket = WebSocketOptions(PATH)
    return [
        ShadowsocksLink(healthy, METHOD, PASSWORD, name="ss-good"),
        ShadowsocksLink(silent, METHOD, PASSWORD, name="ss-silent"),
        TrojanLink(silent, PASSWORD, None, name="trojan"),
        VlessLink(silent, USER_ID, transport=websocket, name="vless-ws"),
        VlessLink(silent, USER_ID, name="vless"),
        VmessLink(silent, USER_ID, transport=websocket, name="vmess"),
    ]


def write_files(config: Path, page: Endpoint, servers: Sequence[ProxyLink], subscription: str) -> None:
    """A configuration with the link of each server in a file."""
    entries = ""
    for each in servers:
        protocol = PROTOCOL_OF[type(each)]
        private(config / f"{each.name}.link", write_link(each))
        entries += (
            f'[[server]]\nname = "{each.name}"\nendpoint = "{each.endpoint}"\nprotocol = "{protocol}"\n'
            f'timeout = "0.3s"\ninterval = "1s"\n[server.{protocol}]\nlink_file = "{each.name}.link"\n'
            f'fetch = "http://{page}/"\nfetch_second = ""\n'
        )
    private(config / "servers.toml", entries)
    private(config / "provider.url", subscription)
    private(config / "config.toml", '[[subscription]]\nname = "p"\nurl_file = "provider.url"\n')


def private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while await reader.read(65536):
            pass
    writer.close()


@asynccontextmanager
async def run(directory: Path, subscription: str) -> AsyncIterator[tuple[Writer, list[str]]]:
    """A writer that has checked one server that works, and five that stay silent."""
    page = LabPage()
    await page.start()
    good = LabShadowsocksServer(page.endpoint, PASSWORD)
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    nobody = Endpoint("127.0.0.1", silent.sockets[0].getsockname()[1])
    config, state, log = directory / "config", directory / "state", list[str]()
    config.mkdir()
    write_files(config, page.endpoint, links(good.endpoint, nobody), subscription)
    async with good, silent:
        loaded = load_config(config)
        lock = WriterLock.acquire(state)
        writer = build_writer(state, loaded, lock, config_dir=config, log_request=log.append)
        async with running_writer(writer):
            await until(
                lambda: all(each.incident or each.last for each in writer.fleet_state.states.values())
            )
            await until(lambda: writer.fleet_state.states["vless"].incident)
            await until(lambda: writer.warnings)
            yield writer, log
    await page.stop()


def printed(directory: Path, *words: str) -> bytes:
    """What a command prints."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        main(["--config", str(directory / "config"), "--state", str(directory / "state"), *words])
    return out.getvalue().encode()


COMMANDS = (
    ("list", "--json"),
    ("show", "vless-ws"),
    ("show", "--json", "ss-good"),
    ("subscriptions",),
    ("config", "--check"),
    ("export", "checks"),
    ("export", "incidents", "--format", "markdown"),
    ("export", "exchange", "vless"),
    ("export", "exchange", "trojan"),
    ("export", "exchange", "vmess"),
    ("export", "targets"),
)


async def test_nothing_that_the_program_stores_or_says_has_a_secret(tmp_path: Path) -> None:
    with list_server() as provider:
        provider.status = 403
        async with run(tmp_path, provider.url) as (writer, log):
            states = list(writer.fleet_state.states.values())
            metrics = b"".join(b"".join(part) for part in render_metrics(states, FleetCounters()))
            reports = [encode_report_body(each.server.name, each.last) for each in states if each.last]
            said = "\n".join((*log, *writer.warnings, repr(writer.loaded), repr(states))).encode()
        found = {
            "metrics": find_secrets(metrics),
            "reports of an agent": find_secrets(repr(reports).encode()),
            "log, warnings and repr": find_secrets(said),
            **{
                str(path.relative_to(tmp_path)): find_secrets(path.read_bytes())
                for path in (tmp_path / "state").rglob("*")
                if path.is_file()
            },
        }
        for words in COMMANDS:
            found[" ".join(words)] = find_secrets(await asyncio.to_thread(printed, tmp_path, *words))
    assert {place: each for place, each in found.items() if each} == {}
    assert b"wgmon_verdict" in metrics
    assert b"HTTP 403" in said


async def test_no_screen_of_a_server_shows_a_secret(tmp_path: Path) -> None:
    async with run(tmp_path, "http://127.0.0.1:1/") as (writer, _):
        servers = writer.loaded.fleet.servers
        rounds = {name: each.last for name, each in writer.fleet_state.states.items()}
    engine = QuietEngine(list(servers))
    for name in ("vless-ws", "trojan"):
        outcome = rounds[name]
        assert outcome is not None
        engine.fleet_state.record(name, outcome, outcome.check.started_at)
        async with opened(name=name, engine=engine, size=(140, 45)) as it:
            for key in ("1", "2", "3"):
                await it.press(key)
                assert find_secrets("\n".join(it.lines()).encode()) == []


def test_no_command_repeats_a_link_of_its_arguments(tmp_path: Path) -> None:
    link = f"trojan://{PASSWORD}@h.example:443"
    for words in (("add", link), ("add", "a", link, "b"), ("import", link), ("probe", "--conf", link)):
        said = printed(tmp_path, *words)
        assert PASSWORD.encode() not in said
        assert b"on the command line" in said
