"""A file that others can change runs no command: neither its own, nor that of a file in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.sample_fleets import OWN_KEY
from wgmon_tui.cli.alert_run import send_test
from wgmon_tui.cli.loading import load_fleet
from wgmon_tui.config.config_toml import read_config
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_file import read
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.doctor.models import ItemStatus
from wgmon_tui.doctor.vantages import vantages

RUN = '["sh", "-c", "touch ran"]'
KEY_COMMAND = f'[[identity]]\nname = "a"\nprivate_key_command = {RUN}\n'
INSPECT = f"""
[[identity]]
name = "a"
private_key_file = "a.key"
[[server]]
name = "fra1"
endpoint = "127.0.0.1:9"
public_key = "{OWN_KEY.public}"
inspect = {RUN}
"""
PSK_COMMAND = INSPECT.replace("inspect", "preshared_key_command")
SINK = f'[[sink]]\nname = "sms"\ntype = "command"\ncommand = {RUN}\n'
SECRET_COMMAND = f'[[sink]]\nname = "sms"\ntype = "slack"\nurl_command = {RUN}\n'
VANTAGE = f'[[vantage]]\nname = "fra"\ncommand = {RUN}\n'

IN_SERVERS_TOML = [KEY_COMMAND, PSK_COMMAND, INSPECT]
IN_CONFIG_TOML = [SINK, SECRET_COMMAND, VANTAGE, '[[vantage]]\nname = "fra"\nhost = "fra1"\n']

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    found = tmp_path / "home" / "config"
    found.mkdir(parents=True, mode=0o755)
    return found


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def refusal(read_it: Callable[[Path], object], config: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_it(config)
    assert not (config / "ran").exists()
    return str(refused.value)


@pytest.mark.parametrize("text", IN_SERVERS_TOML)
def test_a_servers_toml_with_commands_that_others_can_write_is_refused(config: Path, text: str) -> None:
    path = write(config / "servers.toml", text)
    load_fleet(config)
    (config / "ran").unlink(missing_ok=True)
    path.chmod(0o620)
    line = f"servers.toml: no command is run from it: others can write {path}; type: chmod go-w {path}"
    assert refusal(load_fleet, config) == line
    assert refusal(load_config, config) == line


@pytest.mark.parametrize("text", IN_CONFIG_TOML)
def test_a_config_toml_with_commands_that_others_can_write_is_refused(config: Path, text: str) -> None:
    path = write(config / "config.toml", text)
    read_config(config)
    path.chmod(0o602)
    line = f"config.toml: no command is run from it: others can write {path}; type: chmod go-w {path}"
    assert refusal(load_config, config) == line


@pytest.mark.parametrize(
    ("mode", "is_refused"), [(0o755, False), (0o775, True), (0o757, True), (0o1777, False)]
)
@pytest.mark.parametrize("directory", ["", ".."], ids=["its directory", "a parent"])
def test_a_directory_in_which_others_can_replace_the_file_is_refused(
    config: Path, directory: str, mode: int, is_refused: bool
) -> None:
    write(config / "servers.toml", KEY_COMMAND.replace("touch ran", f"echo {OWN_KEY.to_text()[:-1]}; echo ="))
    place = (config / directory).resolve()
    place.chmod(mode)
    if is_refused:
        assert refusal(load_fleet, config).endswith(f"others can write {place}; type: chmod go-w {place}")
    else:
        load_fleet(config)


def test_the_way_behind_a_link_is_examined_too(config: Path, tmp_path: Path) -> None:
    behind = tmp_path / "dotfiles" / "wgmon"
    behind.mkdir(parents=True)
    write(behind / "real.toml", KEY_COMMAND)
    (tmp_path / "link").symlink_to("dotfiles")
    (config / "servers.toml").symlink_to(tmp_path / "link" / "wgmon" / "real.toml")
    load_fleet(config)
    (config / "ran").unlink()
    behind.parent.chmod(0o777)
    assert refusal(load_fleet, config).endswith(f"type: chmod go-w {behind.parent}")


@needs_root
def test_a_link_of_another_user_in_a_sticky_directory_is_refused(config: Path) -> None:
    real = config.parent / "real.toml"
    write(real, KEY_COMMAND)
    (config / "servers.toml").symlink_to(real)
    os.chown(config / "servers.toml", 12345, 12345, follow_symlinks=False)
    config.chmod(0o1777)
    assert refusal(load_fleet, config).endswith(f"type: chmod go-w {config}")


@needs_root
@pytest.mark.parametrize("owned", ["servers.toml", ".", ".."])
def test_commands_of_another_user_are_refused_with_the_command_to_type(config: Path, owned: str) -> None:
    write(config / "servers.toml", KEY_COMMAND)
    place = (config / owned).resolve()
    os.chown(place, 12345, 12345)
    line = refusal(load_fleet, config)
    assert f"{place} belongs to another user; type: sudo -u '#12345' " in line


def test_without_commands_others_may_write(config: Path) -> None:
    path = write(config / "config.toml", "take_over = true\n".replace("take_over", "[viewer]\ntake_over"))
    path.chmod(0o666)
    assert read_config(config).take_over


def test_a_viewer_may_read_the_look_from_a_file_whose_commands_it_does_not_run(config: Path) -> None:
    path = write(config / "config.toml", VANTAGE)
    path.chmod(0o666)
    assert read_config(config, runs_commands=False).vantages


def test_nothing_else_runs_the_commands(config: Path) -> None:
    write(config / "servers.toml", KEY_COMMAND).chmod(0o666)
    write(config / "config.toml", SINK + VANTAGE).chmod(0o666)
    state = config.parent / "state"
    assert "chmod go-w" in refusal(lambda _: send_test(config, state, "sms"), config)
    assert "chmod go-w" in refusal(lambda _: keygen("b", config), config)
    assert "chmod go-w" in refusal(read, config)
    [item] = vantages(config)
    assert item.status is ItemStatus.FIX
    assert "chmod go-w" in item.fact
    assert not (config / "ran").exists()
