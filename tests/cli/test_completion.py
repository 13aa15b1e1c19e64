"""Completion in real shells, and the table of commands that it reads."""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.config.sample_fleets import MINIMAL_TOML, SERVER_KEY
from tests.parameters import default_rows
from tests.real.prerequisites import require
from wgmon_tui.cli.command_parser import commands_of
from wgmon_tui.cli.complete import find_candidates, find_names
from wgmon_tui.cli.completion import SCRIPTS
from wgmon_tui.cli.parser import make_parser
from wgmon_tui.store.schema import create_or_migrate
from wgmon_tui.store.store_version import STORE

_ODD = 'two words & "quotes"'
_TOML = MINIMAL_TOML + "".join(
    f'[[server]]\nname = {name}\nendpoint = "192.0.2.1:51820"\npublic_key = "{SERVER_KEY}"\n'
    for name in ('"ams1"', '"ams2"', "'two words & \"quotes\"'", '"a:b"')
)
_PLANE = '[[control_plane]]\nname = "office"\ntype = "headscale"\nurl = "https://192.0.2.1"\ntoken = "t"\n'
_CONFIG = '[[sink]]\nname = "pager"\ntype = "bell"\n[[vantage]]\nname = "nyc"\nhost = "nyc1"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "servers.toml").write_text(_TOML)
    (tmp_path / "config.toml").write_text(_CONFIG)
    (tmp_path / "wg0.conf").touch()
    (tmp_path / "wg1.conf").touch()
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "mine.toml").touch()
    return tmp_path


def words(config: Path, *line: str, shell: str = "zsh") -> list[str]:
    found = find_candidates(shell, ["--config", str(config), *line])
    return [each.partition("\t")[0] for each in found]


def test_commands_are_offered_with_what_they_do(config: Path) -> None:
    assert "probe\tcheck servers once and exit" in find_candidates("zsh", [""])
    assert "test" in words(config, "alert", "")
    assert "probe" not in words(config, "alert", "")


def test_every_command_and_option_of_the_parser_is_offered(config: Path) -> None:
    for name, parser in commands_of(make_parser()):
        offered = words(config, *name.split(), "-")
        used = {"--config"}
        expected = {option for action in parser._actions for option in action.option_strings} - used
        assert expected <= set(offered), name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("probe", ""), ["fra1", "ams1", "ams2", _ODD, "a:b"]),
        (("probe", "ams1", "--quick", ""), ["fra1", "ams2", _ODD, "a:b"]),
        (("probe", "--", ""), ["fra1", "ams1", "ams2", _ODD, "a:b"]),
        (("inspect", "fra1", ""), []),
        (("import", "--identity", ""), ["bastion"]),
        (("import", "--through", ""), ["fra1", "ams1", "ams2", _ODD, "a:b"]),
        (("export", ""), ["checks", "incidents", "exchange", "targets"]),
        (("export", "checks", "--vantage", ""), ["nyc"]),
        (("alert", "test", ""), ["pager"]),
        (("probe", "--format", ""), ["table", "json", "nagios", "checkmk"]),
        (
            (
                "probe",
                "--format=j",
            ),
            ["--format=table", "--format=json", "--format=nagios", "--format=checkmk"],
        ),
        (("probe", "--conf", ""), [":file"]),
        (("probe", "--state", ""), [":directory"]),
        (("keygen", ""), []),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_what_can_come_next_is_offered(config: Path, line: tuple[str, ...], expected: list[str]) -> None:
    assert words(config, *line) == expected


def test_control_planes_and_their_watched_nodes_are_offered_where_servers_are(config: Path) -> None:
    with (config / "servers.toml").open("a") as file:
        file.write(_PLANE)
    state = config / "state"
    state.mkdir()
    with closing(sqlite3.connect(state / STORE, isolation_level=None)) as connection:
        create_or_migrate(connection)
        connection.executemany(
            "INSERT INTO servers (name, entry, holds, removed_at) VALUES (?, ?, 0, ?)",
            [
                ("office/web1", '{"node_id": "1"}', None),
                ("office/gone", '{"node_id": "2"}', 1.0),
                ("fra1", "{}", None),
            ],
        )
    of_state = ("--state", str(state))
    assert words(config, *of_state, "show", "")[-2:] == ["office", "office/web1"]
    assert words(config, *of_state, "nodes", "") == ["office"]
    assert "office/web1" not in words(config, *of_state, "remove", "")
    assert "office/web1" not in words(config, "--state", str(config / "none"), "show", "")


def test_names_of_subscriptions_are_offered(config: Path) -> None:
    (config / "config.toml").write_text('[[subscription]]\nname = "provider"\nurl_file = "p.url"\n')
    assert words(config, "subscriptions", "") == ["provider"]


def test_own_themes_are_offered(config: Path) -> None:
    assert {"night", "mine"} <= set(words(config, "--theme", ""))


def test_an_option_is_not_offered_twice(config: Path) -> None:
    assert "--json" not in words(config, "probe", "--json", "-")
    assert "--address" in words(config, "keygen", "--address", "10.8.0.1/32", "-")


def test_bash_gets_what_follows_its_word_breaks(config: Path) -> None:
    assert words(config, "probe", "--format", "=", "js", shell="bash") == ["json"]
    assert words(config, "probe", "a", ":", "", shell="bash") == ["b"]
    assert words(config, "probe", "am", shell="bash") == ["ams1", "ams2"]


def test_an_invalid_file_still_has_names_and_a_missing_one_none(tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_bytes(b'[[server]]\nname = "a" junk \xff\nname = "b"\n[[identity]]\nname = "c"\n[[server]]\n')
    assert find_names(str(file), "server") == ["a"]
    assert words(tmp_path / "none", "alert", "test") == ["test", "log"]


def test_names_that_would_reach_the_terminal_with_escapes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text('[[server]]\nname = "\\u001b[2J"\n[[server]]\nname = "ok"\n')
    assert find_names(str(tmp_path / "servers.toml"), "server") == ["ok"]


def program(directory: Path, config: Path) -> dict[str, str]:
    """The environment of a shell with a program wgmon-tui."""
    start = directory / "bin" / "wgmon-tui"
    start.parent.mkdir()
    start.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wgmon_tui "$@"\n')
    start.chmod(0o755)
    home = directory / "home"
    (home / ".config").mkdir(parents=True)
    (home / ".config" / "wgmon-tui").symlink_to(config)
    path = f"{start.parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": ""}


def test_every_error_is_silent(config: Path, tmp_path: Path) -> None:
    for line in ((), ("zsh",), ("zsh", "--config"), ("zsh", "--config", "/nowhere", "probe", "")):
        done = subprocess.run(
            [sys.executable, "-m", "wgmon_tui", "__complete", *line], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("line", "expected"),
    default_rows(
        (0, 1, 4),
        [
            (("pro",), ["probe"]),
            (("probe", "am"), ["ams1", "ams2"]),
            (("probe", "two"), [r"two\ words\ \&\ \"quotes\""]),
            (("probe", '"two'), [_ODD]),
            (("probe", "--format", "=", "ch"), ["checkmk"]),
            (("probe", "--conf", "wg"), ["wg0.conf", "wg1.conf"]),
        ],
    ),
)
def test_bash_completes(tmp_path: Path, config: Path, line: tuple[str, ...], expected: list[str]) -> None:
    typed = " ".join(shlex.quote(word) for word in ("wgmon-tui", *line))
    script = (
        f"source {shlex.quote(str(SCRIPTS / 'wgmon-tui.bash'))}; COMP_WORDS=({typed}); "
        f'COMP_CWORD={len(line)}; _wgmon_tui; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    require("bash")
    environment = program(tmp_path, config)
    shell = ["bash", "--norc", "-c", script]
    done = subprocess.run(shell, env=environment, cwd=config, capture_output=True, text=True, check=True)
    assert set(expected) <= set(done.stdout.splitlines())
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    default_rows(
        (0, 1),
        [
            ("pro", "probe\tcheck servers once and exit"),
            ("probe am", "ams2\tserver"),
            ("probe two", _ODD + "\tserver"),
            ("probe --format ", "checkmk"),
            ("probe --conf wg0", "wg0.conf"),
            ("--config /nowhere import --iden", "--identity"),
        ],
    ),
)
def test_fish_completes(tmp_path: Path, config: Path, line: str, expected: str) -> None:
    require("fish")
    environment = program(tmp_path, config)
    script = f"source {SCRIPTS / 'wgmon-tui.fish'}; complete -C {shlex.quote('wgmon-tui ' + line)}"
    shell = ["fish", "--no-config", "-c", script]
    done = subprocess.run(shell, env=environment, cwd=config, capture_output=True, text=True, check=True)
    assert any(each.startswith(expected) for each in done.stdout.splitlines()), done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("shell", "typed", "expected"),
    default_rows(
        (1, 7, 11),
        [
            ("zsh", "wgmon-tui prob\t", "wgmon-tui probe"),
            ("zsh", "wgmon-tui probe fr\t", "wgmon-tui probe fra1"),
            ("zsh", "wgmon-tui probe am\t\t", "ams2"),
            ("zsh", "wgmon-tui probe two\t", r"wgmon-tui probe two\ words\ \&\ \"quotes\""),
            ("zsh", "wgmon-tui probe a:\t", "wgmon-tui probe a:b"),
            ("zsh", "wgmon-tui probe --for\tj\t", "wgmon-tui probe --format json"),
            ("zsh", "wgmon-tui probe --conf wg1\t", "--conf wg1.conf"),
            ("bash", "wgmon-tui prob\t", "wgmon-tui probe"),
            ("bash", "wgmon-tui probe two\t", r"wgmon-tui probe two\ words\ \&\ \"quotes\""),
            ("bash", "wgmon-tui probe a:\t", "wgmon-tui probe a:b"),
            ("bash", "wgmon-tui probe --format=j\t", "--format=json"),
            ("fish", "wgmon-tui probe fr\t", "wgmon-tui probe fra1"),
        ],
    ),
)
def test_tab_completes_at_a_prompt(
    tmp_path: Path, config: Path, shell: str, typed: str, expected: str
) -> None:
    environment = program(tmp_path, config)
    script = SCRIPTS / f"wgmon-tui.{shell}"
    start = {
        "zsh": f"PS1='> '; autoload -Uz compinit; compinit -u -D; source {script}",
        "bash": f"PS1='> '; source {script}",
        "fish": f"function fish_prompt; echo '> '; end; source {script}",
    }[shell]
    flags = {"zsh": ["-f"], "bash": ["--norc", "--noprofile"], "fish": ["--no-config"]}[shell]
    terminal = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]
    require("tmux", shell)
    command = shlex.join([shell, *flags])
    subprocess.run(
        [*terminal, "new-session", "-d", "-c", str(config), "-x", "90", "-y", "20", command],
        env=environment,
        check=True,
    )
    try:
        for keys in (start + "; clear; echo ready\n", typed):
            subprocess.run([*terminal, "send-keys", "-l", keys], check=True)
            awaited = "ready" if keys != typed else expected
            deadline = time.monotonic() + 20
            while awaited not in (screen := capture(terminal)) or (awaited == "ready" and "echo" in screen):
                assert time.monotonic() < deadline, screen
                time.sleep(0.05)
    finally:
        subprocess.run([*terminal, "kill-server"], check=False)


def capture(terminal: list[str]) -> str:
    return subprocess.run(
        [*terminal, "capture-pane", "-p"], capture_output=True, text=True, check=True
    ).stdout
