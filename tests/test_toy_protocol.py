"""A protocol that only a test registers: the whole program handles its servers, with no line changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.harness import running_writer, until
from tests.toy_protocol import Echo, EchoSettings
from tests.tui.app_harness import face
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.server_screen_harness import opened
from wgmon_tui.checks.protocol_words import help_on
from wgmon_tui.checks.registry import register, unregister
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.cli.main import main
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.doctor.server import inspect_and_compare
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.json_lines import json_object
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import render_metrics
from wgmon_tui.store.formats.server_entry import server_from_entry, server_to_entry
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.tui.editing.server_form import ServerForm
from wgmon_tui.vantages.agent.assignment import assign, find_server_problem

ENTRY = """
[[server]]
name = "echo1"
endpoint = "127.0.0.1:{port}"
protocol = "echo"
interval = "10s"
timeout = "10s"
recover_after = 1

[server.echo]
word = "moon"
"""
SINK = '[[sink]]\nname = "file"\ntype = "command"\ncommand = ["sh", "-c", "cat >> told; echo >> told"]\n'
NOBODY = 9
NOT_OFFERED = "a server of the protocol echo has no peers to inspect"


class EchoServer(asyncio.DatagramProtocol):
    """Turns the word of each message round, or sends its own `word`."""

    transport: asyncio.DatagramTransport

    def __init__(self, word: bytes = b"") -> None:
        self._word = word

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data[:4] + (self._word or data[:3:-1]), addr)

    @property
    def port(self) -> int:
        port: int = self.transport.get_extra_info("sockname")[1]
        return port


@asynccontextmanager
async def echoing(word: bytes = b"") -> AsyncIterator[EchoServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: EchoServer(word), ("127.0.0.1", 0))
    server.transport = transport
    try:
        yield server
    finally:
        server.transport.close()


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    register(Echo())
    yield
    unregister("echo")


def entry_at(port: int) -> str:
    """The entry of a server; one that is silent is checked with less patience, and more often."""
    entry = ENTRY.format(port=port)
    return entry.replace("10s", "1s") if port == NOBODY else entry


def write_files(directory: Path, port: int) -> Path:
    config = directory / "config"
    config.mkdir()
    (config / "servers.toml").write_text(entry_at(port))
    (config / "config.toml").write_text(SINK)
    return config


@asynccontextmanager
async def writing(directory: Path, port: int) -> AsyncIterator[Writer]:
    """A running writer whose only server is `echo1`."""
    config, state = write_files(directory, port), directory / "state"
    writer = build_writer(state, load_config(config), WriterLock.acquire(state), config_dir=config)
    async with running_writer(writer):
        yield writer


async def checked(directory: Path, port: int, *, deep: bool = False) -> tuple[Server, Round]:
    """A round of `echo1`, as `wgmon-tui probe` makes it."""
    config = write_files(directory, port)
    loaded = load_config(config)
    (server,) = loaded.fleet.servers
    with TimestampLedger(directory / "ledger") as ledger:
        async with OneShotRounds(directory / "ledger", ledger) as rounds:
            target = loaded.targets.ready["echo1"]
            return server, await rounds.run(server, target, CheckDepth(deep=deep, explain=True))


def announced(file: Path) -> list[dict[str, Any]]:
    """The messages that the sink's command received whole."""
    lines = file.read_text().split("\n") if file.exists() else []
    return [json.loads(line) for line in lines[:-1] if line]


def test_its_table_is_read_and_written() -> None:
    fleet = parse(ENTRY.format(port=7))
    assert fleet.servers[0].protocol_settings == EchoSettings("moon")
    assert parse(render(fleet)) == fleet


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ('word = "moon"\npublic_key = "x"', '"public_key"'),
        ("word = 5", "key word: expected text"),
        ('wrod = "moon"', 'did you mean "word"?'),
    ],
)
def test_an_error_in_its_table_is_one_line(change: str, phrase: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse(ENTRY.format(port=7).replace('word = "moon"', change))
    assert phrase in str(refused.value)


def test_it_has_no_key_of_wireguard() -> None:
    with pytest.raises(ConfigurationError, match="key tunnel_ping: servers with protocol"):
        parse(ENTRY.format(port=7).replace("recover_after", 'tunnel_ping = ["10.8.0.1"]\nrecover_after'))


async def test_the_engine_checks_and_stores_it(tmp_path: Path) -> None:
    async with echoing() as server, writing(tmp_path, server.port) as writer:
        await until(lambda: writer.fleet_state.states["echo1"].last)
        await until(lambda: writer.fleet_state.states["echo1"].status_word == "healthy")
    with History(tmp_path / "state" / STORE) as history:
        (stored,) = history.entries()
        (good, *_) = history.exchanges("echo1")
        exchange = history.exchange(good.id)
    assert exchange is not None
    assert exchange.round.check.protocol == "echo"
    assert [packet.data[4:] for packet in exchange.round.check.exchange] == [b"moon", b"noom"]
    known = server_from_entry("echo1", stored.entry)
    assert known is not None
    assert known.protocol_settings == EchoSettings("moon")


async def test_its_failure_is_damped_and_then_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with writing(tmp_path, NOBODY) as writer:
        state = writer.fleet_state.states["echo1"]
        await until(lambda: state.last)
        assert state.incident is None  # one failure of fail_after = 2
        await until(lambda: announced(tmp_path / "told"))
    (message,) = announced(tmp_path / "told")
    (incident,) = message["incidents"]
    assert (message["kind"], incident["server"], incident["verdict"]) == ("opened", "echo1", "silent")


async def test_its_json_has_stages_and_named_fields(tmp_path: Path) -> None:
    async with echoing() as server:
        _, outcome = await checked(tmp_path, server.port, deep=True)
    found = json.loads(json.dumps(json_object(outcome)))
    assert (found["verdict"], found["port_monitor"]) == ("healthy", "open|filtered")
    assert [each["stage"] for each in found["stages"]] == ["resolve", "handshake"]
    assert [field["name"] for field in found["exchange"][1]["fields"]] == ["number", "word"]


async def test_prometheus_exports_it(tmp_path: Path) -> None:
    server, outcome = await checked(tmp_path, NOBODY)
    engine = QuietEngine([server])
    engine.fleet_state.record("echo1", outcome, NOW)
    samples = b"".join(
        b"".join(part) for part in render_metrics(engine.fleet_state.states.values(), FleetCounters())
    )
    assert b'wgmon_verdict{server="echo1",vantage="local",verdict="silent"} 1' in samples


async def test_another_answer_is_evidence_in_its_own_words(tmp_path: Path) -> None:
    async with echoing(b"sun") as server:
        _, outcome = await checked(tmp_path, server.port)
    assert outcome.diagnosis.verdict is Verdict.SILENT
    assert outcome.diagnosis.evidence == ("the server sent back sun",)


async def test_the_screen_shows_its_bytes_and_explains_them(tmp_path: Path) -> None:
    async with echoing() as echo:
        server, outcome = await checked(tmp_path, echo.port)
    engine = QuietEngine([server])
    engine.fleet_state.record("echo1", outcome, NOW)
    async with opened(name="echo1", engine=engine, size=(140, 45)) as it:
        await it.press("2")
        text = "\n".join(it.lines())
        assert "echo message" in text
        assert b"moon".hex(" ") in text
        assert "four random bytes" in text
        assert "servers.toml has tunnel" not in text


async def test_the_screen_explains_its_failure(tmp_path: Path) -> None:
    server, outcome = await checked(tmp_path, NOBODY)
    engine = QuietEngine([server])
    engine.fleet_state.record("echo1", outcome, NOW)
    async with opened(name="echo1", engine=engine, size=(140, 45)) as it:
        text = "\n".join(it.lines())
    assert "No echo of the word." in text
    assert "the echo server is stopped" in text


def test_help_says_nothing_of_wireguard_about_its_verdicts() -> None:
    words = [help_on(verdict, "echo") for verdict in Verdict]
    assert help_on(Verdict.SILENT, "echo") is None
    assert help_on(Verdict.DNS_FAILURE, "echo") is not None
    assert not any("WireGuard" in f"{each.explanation} {each.first_step}" for each in words if each)


def test_an_agent_checks_it_without_an_identity(tmp_path: Path) -> None:
    (server,) = parse(ENTRY.format(port=7)).servers
    sent = server_from_entry("echo1", server_to_entry(server))
    assert sent == server
    assert find_server_problem(sent) == ""
    assert "echo1" in assign([sent], tmp_path).targets.ready


def test_list_and_show_have_no_key_that_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_files(tmp_path, NOBODY)
    assert main(["--config", str(config), "--state", str(tmp_path), "show", "--json", "echo1"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["protocol"], shown["public_key"], shown["identity"]) == ("echo", None, None)
    assert shown["settings"]["echo.word"] == "moon"


def test_inspect_says_that_it_has_nothing_to_inspect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_files(tmp_path, NOBODY)
    assert main(["--config", str(config), "--state", str(tmp_path), "inspect", "echo1"]) == 64
    assert NOT_OFFERED in capsys.readouterr().err


async def test_the_screen_says_that_it_has_nothing_to_inspect(tmp_path: Path) -> None:
    fleet = parse(ENTRY.format(port=NOBODY))
    async with opened(
        name="echo1",
        engine=QuietEngine(fleet.servers),
        ask_server=lambda server: inspect_and_compare(server, fleet, Keyring(), tmp_path),
        size=(140, 45),
    ) as it:
        await it.press("i")
        for worker in [each for each in it.app.workers if each.group == "inspect"]:
            await worker.wait()
        await until(lambda: NOT_OFFERED in it.prose("findings"), 10.0)


async def test_the_form_edits_its_word(tmp_path: Path) -> None:
    config = write_files(tmp_path, NOBODY)
    engine = QuietEngine(parse((config / "servers.toml").read_text()).servers)
    async with face(engine, config_dir=config) as it:
        await it.press("e")
        await until(lambda: isinstance(it.app.screen, ServerForm))
        form = it.app.screen
        assert isinstance(form, ServerForm)
        form.row("echo.word").text = "star"
        await it.press("ctrl+s")
        await until(lambda: it.notices())
    (saved,) = parse((config / "servers.toml").read_text()).servers
    assert saved.protocol_settings == EchoSettings("star")


def test_its_links_are_imported(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.write_text("echo://192.0.2.7:7/sun\n")
    for _ in range(2):  # the second time it exists already
        assert main(["--config", str(tmp_path), "--state", str(tmp_path), "import", str(link)]) == 0
    (server,) = parse((tmp_path / "servers.toml").read_text()).servers
    assert (server.name, str(server.endpoint)) == ("echo", "192.0.2.7:7")
    assert server.protocol_settings == EchoSettings("sun")
