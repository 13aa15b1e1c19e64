"""Tests of several wgmon-tui processes with one identity on a healthy wireguard-go: none loses a packet."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.daemon.harness import running
from tests.real.namespaces import run
from tests.real.wireguard_go import WireguardGo

REPEATED = [
    pytest.param(2, id="2"),
    pytest.param(100, id="100", marks=pytest.mark.thorough),
]


@pytest.fixture
def config(tmp_path: Path, wireguard_go: WireguardGo) -> Path:
    """A server that the writer checks every second, and whose data path every check tests."""
    key = wireguard_go.new_peer()
    host, port = wireguard_go.endpoint(4)
    shown = run("wg", "show", wireguard_go.interface, "allowed-ips").splitlines()
    address = next(line for line in shown if line.startswith(str(key.public))).split("\t")[1].split()[0]
    made = tmp_path / "config"
    made.mkdir()
    (made / "cli.key").touch(0o600)
    (made / "cli.key").write_text(key.to_text())
    (made / "servers.toml").write_text(
        f'[[identity]]\nname = "cli"\nprivate_key_file = "cli.key"\naddresses = ["{address}"]\n'
        f'[[server]]\nname = "office"\nendpoint = "{host}:{port}"\nidentity = "cli"\ninterval = "1s"\n'
        f'slow = "5s"\npublic_key = "{wireguard_go.public_key}"\ntunnel_ping = ["10.7.0.1"]\n'
    )
    return made


def command(config: Path, *words: str) -> list[str]:
    places = ("--config", str(config), "--state", str(config.parent / "state"))
    return [sys.executable, "-m", "wgmon_tui", *places, *words]


def probe(config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(command(config, "probe", "--format", "nagios"), stdout=subprocess.PIPE, text=True)


def status(process: subprocess.Popen[str]) -> str:
    return process.communicate()[0].split(":")[0].split("|")[0].strip()


@pytest.mark.parametrize("times", REPEATED)
def test_probe_beside_run_is_healthy_and_so_is_every_check_of_the_writer(
    config: Path, wireguard_go: WireguardGo, times: int
) -> None:
    with wireguard_go.vantage(), running(config, config.parent / "state"):
        found = Counter(status(probe(config)) for _ in range(times))
    done = subprocess.run(command(config, "export", "checks"), capture_output=True, text=True, check=True)
    verdicts = Counter(json.loads(line)["verdict"] for line in done.stdout.splitlines())
    assert len(found) == 1, found
    assert "OK" in next(iter(found))
    assert set(verdicts) == {"healthy"}
    assert verdicts["healthy"] >= times


@pytest.mark.parametrize(
    "times", [pytest.param(each, id=str(each), marks=pytest.mark.thorough) for each in (2, 20)]
)
def test_two_probes_at_once_are_both_healthy(config: Path, wireguard_go: WireguardGo, times: int) -> None:
    found: Counter[str] = Counter()
    with wireguard_go.vantage():
        for _ in range(times):
            both = probe(config), probe(config)
            found.update(map(status, both))
    assert len(found) == 1, found
    assert "OK" in next(iter(found))
