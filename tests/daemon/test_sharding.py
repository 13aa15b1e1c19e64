"""Tests of `run --shard` and `run --metrics`, with real processes that share one servers.toml."""

from __future__ import annotations

import asyncio
import builtins
import re
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.daemon.harness import Program, quick_server, until, write_config
from tests.output.test_prometheus_text import read
from wgmon_tui.cli import run as run_command
from wgmon_tui.cli.main import main
from wgmon_tui.config.shard import Shard
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.role import RoleManager

NAMES = tuple(f"s{number}" for number in range(8))
OF_FIRST = {name for name in NAMES if Shard(1, 2).covers(name)}


def fleet_in(tmp_path: Path, *names: str) -> Path:
    write_config(tmp_path / "config", *(quick_server(name) for name in names or NAMES))
    return tmp_path / "config"


def test_two_runners_check_each_server_once_and_say_which_part_is_theirs(tmp_path: Path) -> None:
    config = fleet_in(tmp_path)
    checked: set[str] = set()
    programs = [
        Program("--config", config, "--state", tmp_path / f"state{number}", "run", "--shard", f"{number}/2",
                "--metrics", "127.0.0.1:0")
        for number in (1, 2)
    ]  # fmt: skip
    try:
        for number, program in enumerate(programs, 1):
            url = program.line_with("metrics: http://").split()[-1]
            assert program.line_with("started").endswith(f", shard {number}/2")
            with urlopen(url) as response:
                series = read(response.read().decode())
            assert series["wgmon_shard_info", frozenset({"shard": str(number), "shards": "2"}.items())] == 1
            mine = {dict(labels)["server"] for name, labels in series if name == "wgmon_severity"}
            assert mine == {name for name in NAMES if Shard(number, 2).covers(name)}
            assert not mine & checked
            checked |= mine
            program.signal(signal.SIGTERM)
            assert program.end()[0] == 0
    finally:
        for program in programs:
            program.process.kill()
            program.process.communicate()
    assert checked == set(NAMES)


@pytest.mark.thorough
def test_two_shards_in_one_state_directory_are_refused_in_words(tmp_path: Path) -> None:
    config = fleet_in(tmp_path)
    first = Program("--config", config, "--state", tmp_path / "state", "run", "--shard", "1/2")
    try:
        first.line_with("started")
        code, _, err = Program(
            "--config", config, "--state", tmp_path / "state", "run", "--shard", "2/2"
        ).end()
    finally:
        first.process.kill()
        first.process.communicate()
    assert code == 75
    assert err.strip().endswith("; give each shard a different --state DIR")


@pytest.mark.thorough
async def test_a_dashboard_that_writes_checks_its_shard_and_keeps_to_it_when_the_file_changes(
    tmp_path: Path,
) -> None:
    config = fleet_in(tmp_path, "s0")
    station = RoleManager(config, tmp_path / "state", Shard(1, 2))
    running = asyncio.create_task(station.run())
    try:
        await until(lambda: station.status == "shard 1/2")
        write_config(config, *(quick_server(name) for name in NAMES))
        await until(lambda: set(station.fleet_state.states) == OF_FIRST)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_of_a_shard_only_its_own_secrets_are_read(tmp_path: Path) -> None:
    config = fleet_in(tmp_path)
    loaded = load_config(config, shard=Shard(1, 2))
    assert {server.name for server in loaded.fleet.servers} == set(loaded.targets.ready) == OF_FIRST


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["run", "--metrics", "9586"],
            "wgmon-tui: run: --metrics: expected an address and a port such as 127.",
        ),
        (["run", "--shard", "3/2"], 'wgmon-tui run: argument --shard: expected 1/2 to 2/2, got "3/2"'),
    ],
)
def test_what_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    try:
        code: object = main(words)
    except SystemExit as ended:
        code = ended.code
    assert code == 64
    assert capsys.readouterr().err.startswith(said)


def test_without_the_extra_it_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_command, "find_spec", lambda name: None if name == "h11" else builtins)
    assert main(["run", "--metrics"]) == 64
    err = capsys.readouterr().err
    assert re.fullmatch(
        r"wgmon-tui: run: --metrics needs h11; type: \S+ -m pip install 'wgmon-tui\[.*\]'\n", err
    )


@pytest.mark.thorough
def test_a_port_that_is_taken_ends_it_with_71_and_leaves_the_lock(tmp_path: Path) -> None:
    config = fleet_in(tmp_path)
    words = ("--config", config, "--state", tmp_path / "state", "run", "--metrics")
    first = Program("--config", config, "--state", tmp_path / "other", "run", "--metrics", "127.0.0.1:0")
    try:
        where = first.line_with("metrics: http://").split()[-1].split("/")[2]
        code, _, err = Program(*words, where).end()
    finally:
        first.process.kill()
        first.process.communicate()
    assert code == 71
    assert err.strip().endswith(f"error: metrics: cannot listen on {where}: Address already in use")


@pytest.mark.thorough
def test_an_address_that_others_reach_is_allowed_and_said(tmp_path: Path) -> None:
    program = Program(
        "--config", fleet_in(tmp_path), "--state", tmp_path / "state", "run", "--metrics", "0.0.0.0:0"
    )
    try:
        program.line_with("warning: metrics: there is no authentication: anyone who can connect can read")
    finally:
        program.process.kill()
        program.process.communicate()


def test_the_unit_has_both_options(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--metrics", "--shard", "2/3", "--print-unit"]
    assert main(words) == 0
    [started] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ExecStart=")]
    assert started.endswith(" run --metrics 127.0.0.1:9586 --shard 2/3")
