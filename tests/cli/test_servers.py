"""The commands `list`, `show`, `remove`, `pause` and `resume`, with and without a running wgmon-tui."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.programs import NO_FILE_GROWS, shell, site_in
from tests.daemon.harness import (
    CLIENT,
    NOWHERE,
    PATIENCE_S,
    query_rows,
    quick_server,
    running,
    write_config,
)
from wgmon_tui.cli import server_list
from wgmon_tui.cli.main import main
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.config.servers_file import read
from wgmon_tui.daemon.pause_request import PauseAnswer, PauseRequest, request_pause
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.terminal import detect_terminal


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two servers, of which one has commands and a preshared key that are secret."""
    made = tmp_path / "config"
    secret = SecretSource(SecretForm.COMMAND, ("print-key", "hunter2"))
    hidden = replace(quick_server("fra1"), inspect=("ssh", "hunter2"), preshared_key=secret, tags=("eu",))
    write_config(made, hidden, quick_server("ams1"))
    (tmp_path / "state").mkdir()
    return made


def call(config: Path, *words: str) -> int:
    command, *rest = words
    return main([command, "--config", str(config), "--state", str(config.parent / "state"), *rest])


def names(config: Path) -> list[str]:
    return [each.name for each in read(config).fleet.servers]


def await_check(state: Path, server: str) -> None:
    """Wait until the writer has stored a check: it does so within half a second, without a signal."""
    query = f"SELECT 1 FROM checks JOIN servers ON servers.id = series WHERE name = '{server}' AND decides"
    deadline = time.monotonic() + PATIENCE_S
    while not query_rows(state, query):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def answer(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """Type a word at a terminal."""
    interactive = replace(detect_terminal(), is_input=True, is_error_output=True)
    monkeypatch.setattr("wgmon_tui.cli.terminal.detect_terminal", lambda: interactive)
    monkeypatch.setattr("sys.stdin.readline", lambda: f"{word}\n", raising=False)


def test_list_shows_servers_that_were_never_checked_as_unknown(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(config, "list") == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["STATE", "NAME", "VERDICT", "CHECKED", "ENDPOINT", "IDENTITY"]
    assert first.split()[1:5] == ["unknown", "fra1", "-", "-"]
    assert second.split()[2] == "ams1"


@pytest.mark.parametrize("words", [("list",), ("show", "fra1")])
def test_servers_that_the_history_does_not_have_say_what_to_start(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert call(config, *words) == 0
    told = capsys.readouterr()
    assert "never" not in told.out
    assert "is in the history, and no wgmon-tui is running" in told.err
    assert f"\nwgmon-tui --config {config} --state {config.parent / 'state'} run\n" in told.err


def test_list_has_the_age_of_the_last_check_and_show_its_stages(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = config.parent / "state"
    with running(config, state):
        await_check(state, "ams1")
        assert call(config, "list", "--json") == 0
    found = {each["server"]: each for each in objects(capsys)}
    assert found["ams1"]["verdict"] == "port-closed"
    assert found["ams1"]["checked_at"]
    assert found["ams1"]["stale"] is False
    assert call(config, "show", "ams1") == 0
    stages = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("stages"))
    reach = "✓" if PLATFORM.has_error_queue else "?"  # who sent the ICMP error is not shown everywhere
    assert f"resolve – → reach {reach}" in stages
    assert "→ handshake ✖ (" in stages
    assert call(config, "show", "ams1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["stage"] for each in found["stages"]][:3] == ["resolve", "reach", "handshake"]
    assert found["failed_stage"] == "handshake"


def test_old_states_say_that_nobody_checks(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = config.parent / "state"
    with running(config, state):
        await_check(state, "ams1")
    assert call(config, "show", "ams1") == 0
    assert capsys.readouterr().err == ""
    later = SimpleNamespace(time=lambda: time.time() + 3600.0)
    monkeypatch.setattr(server_list, "time", later)
    assert call(config, "show", "ams1") == 0
    said = "the last check of 1 server is old, and no wgmon-tui is running."
    assert said in " ".join(capsys.readouterr().err.split())


def test_show_names_settings_files_and_the_line_and_hides_secrets(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(config, "show", "fra1") == 0
    out = capsys.readouterr().out
    assert "hunter2" not in out
    assert str(NOWHERE) in out
    assert 'tags = ["eu"]' in out
    assert "bastion.key" in out
    assert "\nwg set wg0 peer " in out


def test_show_as_json_has_no_secret(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "show", "fra1", "--json") == 0
    out = capsys.readouterr().out
    assert "hunter2" not in out
    found = json.loads(out)
    assert found["settings"]["tags"] == ["eu"]
    assert found["has_preshared_key"] is True
    assert "private_key" not in out


@pytest.mark.parametrize("command", ["show", "remove", "pause", "resume"])
def test_a_name_that_is_not_there_is_refused_with_the_nearest(
    config: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert call(config, command, "ams1", "fra2") == 64
    assert 'did you mean "fra1"?' in capsys.readouterr().err
    assert names(config) == ["fra1", "ams1"]


def test_an_error_at_a_terminal_is_wrapped_and_its_path_stays_whole(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = replace(detect_terminal(), is_output=True, is_error_output=True, size=(30, 24))
    monkeypatch.setattr("wgmon_tui.terminal.detect_terminal", lambda: narrow)
    nowhere = config / "a" / "directory" / "that" / "is" / "not" / "there"
    assert main(["--config", str(nowhere), "list"]) == 64
    assert capsys.readouterr().err == f"wgmon-tui: there is no\n  directory\n  {nowhere}\n"


def test_remove_without_a_terminal_needs_yes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "remove", "fra1") == 64
    assert "add --yes" in capsys.readouterr().err
    assert names(config) == ["fra1", "ams1"]


@pytest.mark.parametrize(("word", "code", "left"), [("y", 0, ["ams1"]), ("", 1, ["fra1", "ams1"])])
def test_remove_asks_at_a_terminal(
    config: Path, monkeypatch: pytest.MonkeyPatch, word: str, code: int, left: list[str]
) -> None:
    answer(monkeypatch, word)
    assert call(config, "remove", "fra1") == code
    assert names(config) == left


@pytest.mark.thorough
def test_remove_keeps_the_history_and_the_key_file_and_says_so(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = config.parent / "state"
    with running(config, state):
        await_check(state, "ams1")
        assert call(config, "remove", "ams1", "--yes") == 0
    assert "Its history stays." in capsys.readouterr().out
    assert (config / "bastion.key").exists()
    await_check(state, "ams1")
    assert call(config, "remove", "fra1", "--yes", "--json") == 0
    assert objects(capsys) == [{"server": "fra1", "removed": True, "history_kept": True}]


@pytest.mark.parametrize(
    ("inspect", "interface"), [((), "wg0"), (("ssh", "ams1", "wg", "show", "wg7", "dump"), "wg7")]
)
def test_remove_says_what_removes_the_peer_on_its_interface(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], inspect: tuple[str, ...], interface: str
) -> None:
    config = tmp_path / "config"
    write_config(config, replace(quick_server("ams1"), inspect=inspect))
    (tmp_path / "state").mkdir()
    assert call(config, "remove", "ams1", "--yes") == 0
    assert capsys.readouterr().out.endswith(f"\nwg set {interface} peer {CLIENT.public} remove\n")


def test_a_pause_without_a_running_writer_is_kept_by_the_next_one(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = config.parent / "state"
    assert call(config, "pause", "ams1") == 0
    assert "The next one keeps the pause" in capsys.readouterr().out
    assert query_rows(state, "SELECT name FROM pauses JOIN servers ON id = server") == [("ams1",)]
    assert not read(config).fleet.servers[1].paused
    assert call(config, "list", "--json") == 0
    assert [each["severity"] for each in objects(capsys)] == ["unknown", "paused"]
    assert call(config, "resume", "ams1") == 0
    assert query_rows(state, "SELECT count(*) FROM pauses") == [(0,)]
    assert 'Resumed "ams1".' in capsys.readouterr().out


@pytest.mark.parametrize(("command", "what"), [("pause", "paused"), ("resume", "resumed")])
def test_a_pause_that_cannot_be_stored_is_refused(tmp_path: Path, command: str, what: str) -> None:
    site = site_in(tmp_path)
    site.state.mkdir()
    ran = shell(site, "", command, "fra1", prepare=NO_FILE_GROWS)
    assert ran.out == ""
    assert ran.err.startswith(f"wgmon-tui: nothing is {what}: {site.state}/history.db: ")
    assert ran.code == 74


def test_resume_says_that_a_server_is_not_paused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "resume", "ams1") == 0
    out = capsys.readouterr().out
    assert 'Nothing to resume: "ams1" is not paused.' in out
    assert "Resumed" not in out


def test_a_running_writer_pauses_and_resumes_at_once(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = config.parent / "state"
    with running(config, state):
        assert call(config, "pause", "ams1", "--for", "2h", "--json") == 0
        [paused] = objects(capsys)
        assert (paused["paused"], bool(paused["until"])) == (True, True)
        assert query_rows(state, "SELECT count(*) FROM pause_ends") == [(1,)]
        assert call(config, "list") == 0
        # After 22:00, the pause ends tomorrow.
        assert re.search(r"paused until (\w{3} \d+ )?\d\d:\d\d +ams1", capsys.readouterr().out)
        assert call(config, "resume", "ams1", "--json") == 0
        assert objects(capsys) == [{"server": "ams1", "paused": False, "until": None}]
        assert query_rows(state, "SELECT count(*) FROM pauses") == [(0,)]
        assert query_rows(state, "SELECT count(*) FROM pause_ends") == [(0,)]


def test_a_pause_waits_for_a_writer_that_has_the_lock_but_does_not_answer_yet(config: Path) -> None:
    state = config.parent / "state"

    async def pause_while_it_starts() -> PauseAnswer:
        lock = WriterLock.acquire(state)
        asyncio.get_running_loop().call_later(0.3, lock.release)
        return await request_pause(config, state, PauseRequest(("ams1",), paused=True))

    assert not asyncio.run(pause_while_it_starts()).by_writer
    assert query_rows(state, "SELECT count(*) FROM pauses") == [(1,)]


def test_resume_also_ends_a_pause_in_servers_toml(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(config, replace(quick_server("ams1"), paused=True))
    assert call(config, "pause", "ams1", "--for", "2h") == 64
    assert "first type: wgmon-tui --config " in capsys.readouterr().err
    assert call(config, "resume", "ams1") == 0
    assert not read(config).fleet.servers[0].paused


@pytest.mark.parametrize("duration", ["0s", "soon", "-1h"])
def test_a_bad_time_is_bad_usage(config: Path, duration: str) -> None:
    with pytest.raises(SystemExit) as ended:
        call(config, "pause", "ams1", f"--for={duration}")
    assert ended.value.code == 64
