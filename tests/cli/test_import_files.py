"""The command `import` with files: sources, exit code, output, and the question for the identity."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from wgmon_tui.cli import import_files
from wgmon_tui.cli.main import main
from wgmon_tui.cli.output_format import wrap_line
from wgmon_tui.cli.progress import Progress
from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.servers_file import read
from wgmon_tui.terminal import detect_terminal

CONF = (
    f"[Interface]\nPrivateKey = {OWN_KEY.to_text()}\nAddress = 10.8.0.250/32\n"
    f"[Peer]\nPublicKey = {SERVER_KEY}\nEndpoint = fra1.example.net:51820\n"
)
BAD = CONF.replace("fra1.example.net", "http://ams1").replace(str(SERVER_KEY), str(OTHER_SERVER_KEY))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def run(config: Path, *words: str) -> int:
    return main(["import", "--config", str(config), "--state", str(config / "state"), *words])


def written(path: Path, text: str = CONF) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answers that a user types at a terminal."""
    answers: list[str] = []
    interactive = replace(detect_terminal(), is_input=True, is_output=True, term="xterm")
    monkeypatch.setattr(import_files, "detect_terminal", lambda: interactive)
    monkeypatch.setattr("builtins.input", lambda prompt: print(prompt) or answers.pop(0))
    return answers


def test_what_is_good_is_added_and_what_is_bad_is_named_on_stderr_with_exit_code_64(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(config, written(tmp_path / "bad.conf", BAD), written(tmp_path / "good.conf"))
    out, err = capsys.readouterr()
    assert code == 64
    assert [server.name for server in read(config).fleet.servers] == ["good"]
    assert 'good.conf: server "good" added' in out
    assert "2 files: 1 server added and 1 fault" in out
    assert 'wgmon-tui: bad.conf: line 6: Endpoint: expected "host:port" without "http://"' in err
    assert OWN_KEY.to_text() not in out + err


def test_a_duplicate_alone_is_reported_with_exit_code_0(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config, written(tmp_path / "a.conf"))
    assert run(config, written(tmp_path / "b.conf")) == 0
    assert 'b.conf: server "a" already exists with this key and endpoint' in capsys.readouterr().out


def test_standard_input_is_a_file_named_after_its_server(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONF.encode())))
    assert run(config, "-") == 0
    assert [server.name for server in read(config).fleet.servers] == ["fra1"]


def test_without_a_terminal_nobody_is_asked(tmp_path: Path, config: Path) -> None:
    keygen("bastion", config)
    assert run(config, written(tmp_path / "wg0.conf")) == 0
    assert read(config).fleet.servers[0].identity == "wg0"


def test_on_a_terminal_the_identity_that_exists_is_the_default(
    tmp_path: Path, config: Path, terminal: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    keygen("bastion", config)
    terminal[:] = ["nobody", ""]
    assert run(config, written(tmp_path / "wg0.conf")) == 0
    assert read(config).fleet.servers[0].identity == "bastion"
    out = capsys.readouterr().out
    assert 'There is no identity "nobody".' in out
    assert "Identity [bastion]: " in out


def test_on_a_terminal_the_keys_of_the_files_can_be_chosen(
    tmp_path: Path, config: Path, terminal: list[str]
) -> None:
    keygen("bastion", config)
    terminal[:] = ["files"]
    assert run(config, written(tmp_path / "wg0.conf")) == 0
    assert read(config).fleet.servers[0].identity == "wg0"


def test_nobody_is_asked_if_there_is_nothing_to_choose(
    tmp_path: Path, config: Path, terminal: list[str]
) -> None:
    assert run(config, written(tmp_path / "wg0.conf")) == 0
    again = CONF.replace(str(SERVER_KEY), str(OTHER_SERVER_KEY))
    assert run(config, written(tmp_path / "wg1.conf", again)) == 0
    assert {server.identity for server in read(config).fleet.servers} == {"wg0"}


def test_many_faults_of_one_kind_are_one_line(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        written(tmp_path / f"bad{number}.conf", BAD)
    assert run(config, str(tmp_path)) == 64
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 1
    assert "bad10.conf and 27 more: Endpoint: expected" in err
    assert "30 files: 0 servers added and 30 faults" in out


def test_the_progress_of_an_import_is_counted(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(Progress, "count", lambda _, *words: shown.append(" ".join(map(str, words))))
    monkeypatch.setattr(Progress, "show", lambda _, what: shown.append(what))
    run(config, written(tmp_path / "a.conf"))
    assert shown == ["1 None file read", "1 1 server added", "writing 1 server"]


@pytest.mark.parametrize("width", [60, 80])
def test_words_keys_and_commands_are_not_cut_at_the_edge_of_a_terminal(width: int) -> None:
    command = f"wg set wg0 peer {SERVER_KEY}"
    lines = wrap_line(f"{SHARED_KEY_WARNING} On the server: {command}", width).splitlines()
    assert max(map(len, lines)) <= max(width, len(command) + 2)
    assert command in [line.strip() for line in lines]
    assert " ".join(line.strip() for line in lines).startswith(SHARED_KEY_WARNING)


def test_an_import_wraps_its_lines_on_a_terminal(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = replace(detect_terminal(), is_output=True, is_error_output=True, size=(60, 24))
    monkeypatch.setattr("wgmon_tui.terminal.detect_terminal", lambda: shown)
    assert run(config, written(tmp_path / "fra1.conf")) == 0
    _, warning = capsys.readouterr()
    assert "WARNING: do not monitor" in warning
    assert max(map(len, warning.splitlines())) <= 60
