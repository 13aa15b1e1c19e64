"""`wgmon-tui add` on a real wireguard-go, up to the first green row, with the line typed that it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import running
from tests.parameters import default_run
from tests.real.first_run import FirstRun, first_run, three_words
from tests.real.namespaces import RoutedPath
from tests.real.prerequisites import require
from tests.real.sshd import Sshd
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.config.keys import PresharedKey, PrivateKey

MOST_SECONDS = 60.0


def assert_green(done: FirstRun) -> None:
    assert done.code == 0, done
    assert "up        fra1  healthy" in done.output


def test_three_words_and_the_printed_line_turn_the_server_green_within_a_minute(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    done = first_run(wireguard_go, tmp_path, three_words(wireguard_go))
    assert_green(done)
    assert done.seconds < MOST_SECONDS
    assert "Only the handshake is checked" in done.output


def test_a_tunnel_address_proves_the_data_path(wireguard_go: WireguardGo, tmp_path: Path) -> None:
    words = [*three_words(wireguard_go), "--tunnel-address", "10.7.0.250"]
    done = first_run(wireguard_go, tmp_path, words)
    assert_green(done)
    assert "data passes both ways" in done.output


@pytest.mark.thorough
def test_a_preshared_key_is_read_by_the_line_from_its_input(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    secret = PresharedKey(os.urandom(32)).to_text()
    file = tmp_path / "psk"
    file.touch(0o600)
    file.write_text(secret)
    words = [*three_words(wireguard_go), "--psk-file", str(file)]
    done = first_run(wireguard_go, tmp_path, words, before_line=f"cat {file} | ")
    assert_green(done)
    assert secret not in done.output + done.errors


@pytest.mark.thorough
def test_a_wg_quick_file_is_checked_with_an_identity_of_its_own(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    client = wireguard_go.new_peer()
    conf = tmp_path / "fra1.conf"
    conf.touch(0o600)
    host, port = wireguard_go.endpoint(4)
    conf.write_text(
        f"[Interface]\nPrivateKey = {client.to_text()}\nAddress = 10.7.0.2/24\n"
        f"[Peer]\nPublicKey = {wireguard_go.public_key}\nEndpoint = {host}:{port}\nAllowedIPs = 10.7.0.0/24\n"
    )
    done = first_run(wireguard_go, tmp_path, [str(conf), "--tunnel-address", "10.7.0.250"])
    assert_green(done)
    assert str(client.public) not in done.line
    keys = [PrivateKey.from_text(each.read_text()) for each in (tmp_path / "config").glob("*.key")]
    assert client not in keys


@pytest.mark.thorough
def test_beside_a_running_writer_the_writer_makes_the_check(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    config.mkdir()
    with wireguard_go.vantage(), running(config, state):
        done = first_run(wireguard_go, tmp_path, three_words(wireguard_go))
    assert_green(done)
    program = [sys.executable, "-m", "wgmon_tui", "--config", str(config), "--state", str(state)]
    exported = subprocess.run([*program, "export", "checks"], capture_output=True, text=True, check=True)
    verdicts = [json.loads(line)["verdict"] for line in exported.stdout.splitlines()]
    assert verdicts[-1] == "healthy"


@pytest.fixture
def login(path: RoutedPath, tmp_path: Path) -> Iterator[Path]:
    """A directory with an `ssh` that knows the way to a shell on the server."""
    require("sshd", "ssh", root=True)
    sshd = Sshd(path.server, str(path.server_address(4)), tmp_path / "sshd", ["true"])
    options = sshd.client()[1:-3]
    programs = tmp_path / "programs"
    programs.mkdir()
    keys = tmp_path / "sshd" / "authorized_keys"
    keys.write_text(keys.read_text().replace('command="true"', 'command="sh -c \\"$SSH_ORIGINAL_COMMAND\\""'))
    script = programs / "ssh"
    script.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {" ".join(options)} "$@"\n')
    script.chmod(0o755)
    yield programs
    sshd.stop()


@pytest.mark.thorough
@pytest.mark.parametrize("has_preshared_key", default_run([True], [False, True]))
def test_ssh_types_the_line_on_the_server(
    wireguard_go: WireguardGo,
    login: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_preshared_key: bool,
) -> None:
    monkeypatch.setenv("PATH", f"{login}:{os.environ['PATH']}")
    words = [*three_words(wireguard_go), "--ssh", f"root@{wireguard_go.path.server_address(4)}", "--yes"]
    if has_preshared_key:
        file = tmp_path / "psk"
        file.touch(0o600)
        file.write_text(PresharedKey(os.urandom(32)).to_text())
        words += ["--psk-file", str(file)]
    done = first_run(wireguard_go, tmp_path, words, before_line="true ")
    assert_green(done)
    assert f"ssh -- root@{wireguard_go.path.server_address(4)}" in done.errors
