"""The command `config`: templates, check and paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.sample_fleets import MINIMAL_TOML
from wgmon_tui.cli.main import main
from wgmon_tui.config.template import config_template, servers_template


def config(directory: Path, *words: str) -> int:
    return main(["config", "--config", str(directory), *words])


def test_the_templates_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config(tmp_path, "--template") == 0
    assert capsys.readouterr().out == config_template()
    assert config(tmp_path, "--servers-template") == 0
    assert capsys.readouterr().out == servers_template()


def test_the_paths_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert config(tmp_path, "--path") == 0
    assert capsys.readouterr().out == f"{tmp_path}/servers.toml\n{tmp_path}/config.toml\n"


def test_valid_files_pass_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML)
    assert config(tmp_path, "--check") == 0
    assert capsys.readouterr().out == (
        "servers.toml: 1 server, 1 identity\nconfig.toml: no such file; the defaults are in force\n"
    )


def test_the_check_tells_all_errors_of_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML + "colour = 1\npaused = 1\n")
    (tmp_path / "config.toml").write_text("quorum = 0\n[history]\nraw = 1\n")
    assert config(tmp_path, "--check") == 64
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": line")[0] for line in lines] == [
        *["wgmon-tui: servers.toml"] * 2,
        *["wgmon-tui: config.toml"] * 2,
    ]


def test_what_is_not_checked_beside_other_errors_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML)
    for text, last in (
        ('theme = "inc"\nquorum = 0\n', "theme: checked when the other errors are corrected"),
        ("quorum = 0\n", "line 1: key quorum: expected an integer from 1 to 1000, got 0"),
    ):
        (tmp_path / "config.toml").write_text(text)
        assert config(tmp_path, "--check") == 64
        assert capsys.readouterr().err.splitlines()[-1] == f"wgmon-tui: config.toml: {last}"


@pytest.mark.parametrize(("command", "code"), [(["config", "--check"], 64), (["doctor"], 2)])
def test_a_key_that_the_dashboard_refuses_is_found(
    command: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML)
    (tmp_path / "config.toml").write_text('[[action]]\nkey = "s"\nlabel = "job"\ncommand = ["true"]\n')
    assert main([*command, "--config", str(tmp_path)]) == code
    shown = capsys.readouterr()
    assert 'config.toml: line 2: action "job": key "s" is assigned to sort' in shown.out + shown.err


def test_every_setting_that_the_dashboard_refuses_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "servers.toml").write_text(MINIMAL_TOML)
    (tmp_path / "config.toml").write_text(
        'theme = "inc"\n\n[keys]\nsrot = "o"\n\n[columns]\nfleet = ["rttt", "rtt", "rtt"]\n'
    )
    assert config(tmp_path, "--check") == 64
    assert [line.partition(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        'wgmon-tui: config.toml: line 1: key theme: unknown theme "inc"',
        'wgmon-tui: config.toml: line 4: keys: unknown action "srot"',
        'wgmon-tui: config.toml: line 7: columns: key fleet: unknown column "rttt"',
        'wgmon-tui: config.toml: line 7: columns: key fleet: "rtt" is listed twice',
        'wgmon-tui: config.toml: line 7: columns: key fleet: the column "name" is required',
    ]


def test_one_of_its_options_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        config(tmp_path)
    assert ended.value.code == 64


def test_a_file_that_is_too_deep_for_the_parser_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text(f"theme = {'[' * 5000}")
    assert config(tmp_path, "--check") == 64
    assert "wgmon-tui: config.toml: not readable as TOML" in capsys.readouterr().err.splitlines()
